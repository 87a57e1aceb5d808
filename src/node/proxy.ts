import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../core/config';
import { corsHeaders } from '../core/cors';
import { answerError, RegistryError } from '../core/errors';
import { Exchange } from '../core/exchange';
import { type HeaderList, headerOf } from '../core/headers';
import type { Realms } from '../core/realm';
import type { Answer, Authorize, Forward, Read, RequestHead } from '../core/verbs';
import { failureOf } from './failures';
import { requestHead, responseHead, writeHead } from './heads';
import type { Log } from './log';
import { relay } from './relay';
import { logRequest, type RequestRecord } from './request-log';
import { readSmallBody } from './small-body';
import type { Transport } from './transport';

/** What every request of a process shares. */
export interface Context {
  readonly config: Config;
  readonly realms: Realms;
  readonly transport: Transport;
  readonly log: Log;
}

/** One request under way. */
export interface Session {
  readonly context: Context;
  readonly exchange: Exchange;
  readonly head: RequestHead;
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
  readonly record: RequestRecord;
}

/** Serves one request: carries out the core's verbs, one after the other, and decides nothing. */
export async function serve(context: Context, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const head = requestHead(req);
  const exchange = new Exchange(context.config, context.realms, head);
  const leaving = new AbortController();
  const record: RequestRecord = { id: requestId(head), startedAt: performance.now(), bytes: 0, resumed: 0 };
  const session: Session = { context, exchange, head, req, res, signal: leaving.signal, record };
  res.once('close', () => {
    if (!res.writableFinished) leaving.abort();
    logRequest(session);
  });
  res.once('finish', () => endLingering(req));
  // A request that breaks off is seen on the response's side; unheard, its error would end the process.
  req.on('error', () => {});
  try {
    await carryOut(session);
  } catch (error) {
    if (leaving.signal.aborted) return;
    record.why = error instanceof Error ? (error.stack ?? error.message) : String(error);
    if (res.headersSent) res.destroy();
    else
      answer(
        session,
        answerError(
          new RegistryError(500, 'UNKNOWN', 'internal error; the log has more', { id: record.id }),
          record.why,
        ),
      );
  }
}

type Verb = Answer | Read | Forward | Authorize;

async function carryOut(session: Session): Promise<void> {
  const { exchange, res, req, context } = session;
  let verb: Verb | undefined = exchange.onRequest();
  while (verb && !res.closed) {
    switch (verb.verb) {
      case 'answer':
        return answer(session, verb);
      case 'read': {
        const body = await readSmallBody(req, verb.limit, context.config.timeouts.response);
        if (body.isLonger) return answer(session, tooLarge(verb.limit));
        verb = exchange.onBody(Buffer.concat(body.chunks).toString());
        break;
      }
      case 'forward':
        verb = await forward(session, verb);
        break;
      case 'authorize':
        verb = exchange.onToken(await fetchToken(session, verb));
        break;
    }
  }
}

/** Sends one request; a relay is carried out here, where its response is at hand, and leaves nothing to do. */
async function forward(session: Session, sent: Forward): Promise<Verb | undefined> {
  const { exchange, record, signal } = session;
  const elapsed = () => performance.now() - record.startedAt;
  let response: IncomingMessage;
  try {
    response = await send(session, sent);
  } catch (error) {
    if (signal.aborted) throw error;
    const failure = failureOf(error);
    record.why = failure.message;
    return exchange.onFailure(sent, failure, elapsed());
  }
  const verb = exchange.onResponse(sent, responseHead(response), elapsed());
  if (verb.verb !== 'relay') {
    discard(response);
    return verb;
  }
  record.why = undefined;
  await relay(session, sent, response, verb);
  return undefined;
}

/** @throws TransportError or a node:http error; no response came then */
export async function send(session: Session, forward: Forward): Promise<IncomingMessage> {
  const { context, req, res, signal, record } = session;
  if (forward.after !== undefined) await pause(forward.after, signal);
  if (signal.aborted) throw new Error('the client left');
  record.upstream = forward.url.hostname;
  if (forward.purpose === 'ping' || forward.purpose === 'realm') return context.transport.fetch(forward, signal);
  return context.transport.send(forward, req, res, signal);
}

/** The token document, or undefined where there is none to be had. */
export async function fetchToken(session: Session, { request, limit }: Authorize): Promise<string | undefined> {
  try {
    const response = await session.context.transport.fetch(request, session.signal);
    const body = await readSmallBody(response, limit, session.context.config.timeouts.response);
    if (response.statusCode === 200 && !body.isLonger) return Buffer.concat(body.chunks).toString();
    discard(response);
  } catch (error) {
    session.record.why = failureOf(error).message;
  }
  return undefined;
}

/** Bodies of redirects and errors are small: read away, their connection can be used again. */
const MAX_DISCARDED = 64 * 1024;

export function discard(response: IncomingMessage): void {
  response.on('error', () => {});
  const length = Number(response.headers['content-length']);
  if (length <= MAX_DISCARDED) response.resume();
  else response.destroy();
}

export function answer({ res, head, record }: Session, { status, headers, body, why }: Answer): void {
  record.why = why;
  const bytes = Buffer.from(body ?? '');
  record.bytes = head.method === 'HEAD' ? 0 : bytes.length;
  const length: HeaderList = status === 204 ? [] : [['content-length', String(bytes.length)]];
  writeHead(res, status, [...headers, ...length, ...(status === 204 ? [] : corsHeaders(head.headers))]);
  res.end(head.method === 'HEAD' ? undefined : bytes);
}

function tooLarge(limit: number): Answer {
  return answerError(new RegistryError(413, 'SIZE_INVALID', `the request body is larger than ${limit} bytes`));
}

async function pause(delay: number, signal: AbortSignal): Promise<void> {
  await sleep(delay, undefined, { signal }).catch(() => {});
}

/** Milliseconds that a client may go on sending a body after it has been answered, as nginx's lingering_time. */
const LINGERING_TIME = 30_000;

/** Node reads an unwanted body away, for ever if need be. */
function endLingering(req: IncomingMessage): void {
  if (req.complete) return;
  const timer = setTimeout(() => req.socket.destroy(), LINGERING_TIME).unref();
  req.once('close', () => clearTimeout(timer));
}

/** The platform's or front proxy's id, where it looks like one, so that both logs can be joined. */
function requestId(head: RequestHead): string {
  const given = headerOf(head.headers, 'x-fc-request-id') ?? headerOf(head.headers, 'x-request-id') ?? '';
  return /^[\w.-]{8,64}$/.test(given) ? given : randomUUID();
}
