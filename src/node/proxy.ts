import type { IncomingMessage } from 'node:http';
import type { Identity } from '../core/admission';
import { corsHeaders } from '../core/cors';
import type { HeaderList } from '../core/headers';
import type { Answer, Forward, ObtainLogin, RequestVerb } from '../core/verbs';
import type { Carrier } from '../shell/carrier';
import { obtainLoginDocument } from '../shell/login-document';
import type { Users } from '../shell/users';
import { carryOut, type Hands, internalError, type Over } from '../shell/verb-loop';
import { readClientText } from './client-text';
import type { Content } from './content';
import { copyWait } from './copy-wait';
import { cut } from './cut';
import { carrierOf, errandOf } from './errand';
import { relay } from './relay';
import { serveKept } from './serving';
import { beginAnswer, type Session } from './session';

/** Serves one request: carries out the core's verbs. */
export async function serve(session: Session): Promise<void> {
  const { context, exchange, head, res, record, signal } = session;
  try {
    await carryOut(context.guard.admit(head, context.config), exchange, record, handsOf(session));
    endIdle(session);
    probeOpenness(session);
  } catch (error) {
    if (signal.aborted) return;
    record.why = error instanceof Error ? (error.stack ?? error.message) : String(error);
    if (res.headersSent) cut(res, record);
    else answer(session, internalError(record));
  }
}

/** The last bytes of an answer wait for the client in our memory, and not for ever. */
export function endIdle({ res, record, context }: Session): void {
  const { client } = context.config.timeouts;
  if (client === 0 || res.closed || res.writableFinished) return;
  const timer = setTimeout(() => cut(res, record), client);
  res.once('close', () => clearTimeout(timer));
}

/** What can be done for one request. */
export function handsOf(session: Session): Hands<void, IncomingMessage> {
  const { context, exchange, head, res, record, signal } = session;
  return {
    carrier: carrierFor(session),
    isGone: () => res.closed,
    answer: (verb) => answer(session, verb),
    readForm: (limit) => readClientText(session, limit, context.config.timeouts.response),
    find: (verb) => contentOf(session).find(verb, (settle) => lead(session, settle)),
    place: () =>
      context.guard.place({
        head,
        config: context.config,
        route: exchange.route,
        signal,
        record,
        onEnd: (giveBack) => onEnd(session, giveBack),
      }),
    await: copyWait(() => contentOf(session), signal),
    serve: async (verb) => overUnless(await serveKept(session, verb)),
    relay: async (sent, response, verb) => overUnless(await relay(session, sent, response, verb)),
    obtainLogin: (verb) => obtainLoginFor(session, verb),
    identify: (authorization) => identify(session, authorization),
    issue: ({ user, lifetime }) => usersOf(session).issue(user, lifetime),
  };
}

function overUnless(instead: RequestVerb | undefined): Over<void> | RequestVerb {
  return instead ?? { verb: 'over', reply: undefined };
}

function onEnd({ res }: Session, then: () => void): void {
  if (res.closed) then();
  else res.once('close', then);
}

/** Others wait for what comes of this request, which may have ended while the store was looked into. */
function lead(session: Session, settle: () => void): void {
  session.settle = settle;
  onEnd(session, settle);
}

/** Whether everybody may pull here is found out when somebody has. */
function probeOpenness(session: Session): void {
  const { context, exchange, res } = session;
  const asked = res.statusCode === 200 ? exchange.probe() : undefined;
  if (!asked) return;
  const errand = { ...errandOf(session), signal: new AbortController().signal, record: { resumed: 0 } };
  context.content?.probe(asked, async () => (await import('../shell/probing')).probe(carrierOf(errand), asked));
}

function contentOf({ context }: Session): Content {
  if (!context.content) throw new Error('there is a cache, and nothing to keep it in');
  return context.content;
}

/** Whether it could be had. Many may wait for it, so nobody's leaving ends it. */
async function obtainLoginFor({ context, record }: Session, { account, host, key }: ObtainLogin): Promise<boolean> {
  const { transport, memory, log } = context;
  const fetch = async () => (await import('./cloud-login')).fetchCloudLogin(account, host, transport);
  return obtainLoginDocument({ tokens: memory.tokens, key, fetch, log, id: record.id });
}

async function identify(session: Session, authorization: string): Promise<Identity> {
  const identity = await usersOf(session).identify(authorization);
  session.context.meter?.noteIdentity(identity);
  return identity;
}

function usersOf({ context }: Session): Users {
  if (!context.users) throw new Error('there is a gate, and nobody knows its users');
  return context.users;
}

/** How a client's own request asks upstreams: its hops are those of the proxy middleware. */
export function carrierFor(session: Session): Carrier<IncomingMessage> {
  return carrierOf(errandOf(session), (forward) => send(session, forward));
}

/** @throws TransportError or a node:http error; no response came then */
async function send({ context, req, res, signal }: Session, forward: Forward): Promise<IncomingMessage> {
  if (forward.purpose === 'ping' || forward.purpose === 'realm') return context.transport.fetch(forward, signal);
  return context.transport.send(forward, req, res, signal);
}

export function answer(session: Session, answered: Answer): void {
  const { res, head, record, context } = session;
  const { status, headers, body, why, sameOrigin } = answered;
  record.why = why;
  const bytes = Buffer.byteLength(body ?? '');
  record.bytes = head.method === 'HEAD' ? 0 : bytes;
  const length: HeaderList = status === 204 ? [] : [['content-length', String(bytes)]];
  const cors = status === 204 || sameOrigin ? [] : corsHeaders(head.headers, context.config);
  beginAnswer(session, status, [...headers, ...length, ...cors]);
  // As text it leaves in one piece with the head.
  res.end(head.method === 'HEAD' ? undefined : body);
}
