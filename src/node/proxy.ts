import type { IncomingMessage } from 'node:http';
import { corsHeaders } from '../core/cors';
import { answerError, RegistryError } from '../core/errors';
import type { HeaderList } from '../core/headers';
import type { Answer, Forward, ObtainLogin, Relay, RequestVerb, ResponseVerb } from '../core/verbs';
import type { Users } from '../shell/users';
import type { Content } from './content';
import { discard } from './discard';
import { errandOf, fetchToken, prepare } from './errand';
import { failureOf } from './failures';
import { responseHead, writeHead } from './heads';
import { relay } from './relay';
import type { RequestRecord } from './request-log';
import { serveKept } from './serving';
import type { Session } from './session';
import { readSmallBody } from './small-body';

/** Serves one request: carries out the core's verbs, one after the other, and decides nothing. */
export async function serve(session: Session): Promise<void> {
  const { res, record, signal } = session;
  try {
    await carryOut(session);
    endIdle(session);
    probeOpenness(session);
  } catch (error) {
    if (signal.aborted) return;
    record.why = error instanceof Error ? (error.stack ?? error.message) : String(error);
    if (res.headersSent) res.destroy();
    else answer(session, internalError(record));
  }
}

function internalError({ id, why }: RequestRecord): Answer {
  return answerError(new RegistryError(500, 'UNKNOWN', 'internal error; the log has more', { id }), why);
}

/** The last bytes of an answer wait for the client in our memory, and not for ever. */
export function endIdle({ res, context }: Session): void {
  const { client } = context.config.timeouts;
  if (client === 0 || res.closed || res.writableFinished) return;
  const timer = setTimeout(() => res.destroy(), client);
  res.once('close', () => clearTimeout(timer));
}

type Verb = RequestVerb | Exclude<ResponseVerb, Relay>;

async function carryOut(session: Session): Promise<void> {
  const { exchange, res, context } = session;
  let verb: Verb | undefined = context.guard.admit(session) ?? exchange.onRequest();
  let isPlaced = false;
  while (verb && !res.closed) {
    switch (verb.verb) {
      case 'answer':
        return answer(session, verb);
      case 'read': {
        const body = await readForm(session, verb.limit);
        verb = typeof body === 'string' ? exchange.onBody(body) : body;
        break;
      }
      case 'find':
        verb = exchange.onFound(await contentOf(session).find(verb, (settle) => lead(session, settle)));
        break;
      case 'serve': {
        const refused: Answer | undefined = isPlaced ? undefined : await context.guard.place(session);
        isPlaced = true;
        verb = refused ?? (await serveKept(session, verb));
        break;
      }
      case 'forward': {
        const refused: Answer | undefined = isPlaced ? undefined : await context.guard.place(session);
        isPlaced = true;
        verb = refused ?? (await forward(session, verb));
        break;
      }
      case 'authorize':
        verb = exchange.onToken(await fetchToken(errandOf(session), verb));
        break;
      case 'login':
        verb = exchange.onLogin(await obtainLoginFor(session, verb));
        break;
      case 'identify':
        verb = exchange.onIdentity(await usersOf(session).identify(verb.authorization));
        break;
      case 'issue':
        return answer(session, exchange.onIssued(usersOf(session).issue(verb.user, verb.lifetime)));
    }
  }
}

/** Others wait for what comes of this request, which may have ended while the store was looked into. */
function lead(session: Session, settle: () => void): void {
  session.settle = settle;
  if (session.res.closed) settle();
  else session.res.once('close', settle);
}

/** Whether everybody may pull here is found out when somebody has. */
function probeOpenness(session: Session): void {
  const { context, exchange, res } = session;
  const asked = res.statusCode === 200 ? exchange.probe() : undefined;
  if (!asked) return;
  const errand = { ...errandOf(session), signal: new AbortController().signal, record: { resumed: 0 } };
  context.content?.probe(asked, async () => (await import('./probing')).probe(errand, asked));
}

function contentOf({ context }: Session): Content {
  if (!context.content) throw new Error('there is a cache, and nothing to keep it in');
  return context.content;
}

/** Whether it could be had. Many may wait for it, so nobody's leaving ends it. */
async function obtainLoginFor({ context, record }: Session, { account, host, key }: ObtainLogin): Promise<boolean> {
  const { transport, memory } = context;
  const document = await memory.tokens.obtain(key, undefined, async () => {
    const { fetchCloudLogin } = await import('./cloud-login');
    return fetchCloudLogin(account, host, transport).catch((error: Error) => {
      context.log.warn('no login from the cloud', { id: record.id, why: error.message });
      return undefined;
    });
  });
  return document !== undefined;
}

function usersOf({ context }: Session): Users {
  if (!context.users) throw new Error('there is a gate, and nobody knows its users');
  return context.users;
}

/** Sends one request; a relay is carried out here, where its response is at hand, and leaves nothing to do. */
async function forward(session: Session, sent: Forward): Promise<Verb | undefined> {
  const { exchange, record, signal } = session;
  const elapsed = () => performance.now() - record.startedAt - record.waited;
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
  return relay(session, sent, response, verb);
}

/** @throws TransportError or a node:http error; no response came then */
export async function send(session: Session, forward: Forward): Promise<IncomingMessage> {
  const { context, req, res, signal } = session;
  await prepare(session, forward);
  if (forward.purpose === 'ping' || forward.purpose === 'realm') return context.transport.fetch(forward, signal);
  return context.transport.send(forward, req, res, signal);
}

export function answer({ res, head, record, context }: Session, { status, headers, body, why }: Answer): void {
  record.why = why;
  const bytes = Buffer.byteLength(body ?? '');
  record.bytes = head.method === 'HEAD' ? 0 : bytes;
  const length: HeaderList = status === 204 ? [] : [['content-length', String(bytes)]];
  writeHead(res, status, [...headers, ...length, ...(status === 204 ? [] : corsHeaders(head.headers, context.config))]);
  // As text it leaves in one piece with the head.
  res.end(head.method === 'HEAD' ? undefined : body);
}

/** The client's small body, or the answer to one that is too large or does not come. */
async function readForm({ req, signal, context }: Session, limit: number): Promise<string | Answer> {
  const close: HeaderList = [['connection', 'close']];
  try {
    const body = await readSmallBody(req, limit, context.config.timeouts.response, signal);
    if (!body.isLonger) return Buffer.concat(body.chunks).toString();
    const message = `the request body is larger than ${limit} bytes`;
    return answerError(new RegistryError(413, 'SIZE_INVALID', message, undefined, close));
  } catch {
    return answerError(new RegistryError(408, 'UNKNOWN', 'the request body did not come in time', undefined, close));
  }
}
