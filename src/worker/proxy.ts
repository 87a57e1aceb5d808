import { answerError, RegistryError } from '../core/errors';
import type { HeaderList } from '../core/headers';
import type { Answer, Authorize, Forward } from '../core/verbs';
import type { Carrier } from '../shell/carrier';
import { TransportError } from '../shell/transport-error';
import { carryOut, type Hands, internalError } from '../shell/verb-loop';
import { discard, failureOf, type Incoming, readSmallBody } from './incoming';
import { relay } from './relay';
import { answer } from './reply';
import type { Session } from './session';
import { send } from './transport';

/** Of `MAX_SUBREQUESTS`, for the cache and the registries' table. */
const KEPT_BACK = 10;

/** Serves one request: carries out the core's verbs. */
export async function serve(session: Session): Promise<Response> {
  const { context, exchange, head, record } = session;
  try {
    const first = context.guard.admit(head, context.config);
    const response = await carryOut(first, exchange, record, handsOf(session));
    return response ?? answer(session, internalError(record));
  } catch (error) {
    record.why = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return answer(session, internalError(record));
  }
}

function handsOf(session: Session): Hands<Response, Incoming> {
  const { context, exchange, head, record, signal } = session;
  return {
    carrier: carrierOf(session),
    // Nobody tells a Worker before it has answered; after that, its stream does.
    isGone: () => false,
    answer: (verb) => answer(session, verb),
    readForm: (limit) => readForm(session, limit),
    find: () => Promise.reject(new Error('there is a cache, and nothing to keep it in')),
    place: () =>
      context.guard.place({
        head,
        config: context.config,
        route: exchange.route,
        signal,
        record,
        onEnd: session.onEnd,
      }),
    serve: () => Promise.reject(new Error('there is a cache, and nothing to keep it in')),
    relay: (sent, incoming, verb) => relay(session, sent, incoming, verb),
    obtainLogin: async () => false,
    identify: () => Promise.reject(new Error('there is a gate, and nobody knows its users')),
    issue: () => Promise.reject(new Error('there is a gate, and nobody knows its users')),
  };
}

/** How a client's request asks upstreams. */
export function carrierOf(session: Session): Carrier<Incoming> {
  const { record, context, request } = session;
  return {
    async send(forward) {
      if (forward.after !== undefined) await new Promise((resolve) => setTimeout(resolve, forward.after));
      countOne(session);
      record.upstream = forward.url.hostname;
      return send({ forward, timeouts: context.config.timeouts, client: request });
    },
    headOf: ({ head }) => head,
    discard,
    failureOf,
    fetchToken: (verb) => fetchToken(session, verb),
  };
}

/** @throws TransportError for one too many: a Worker that goes on is ended by the platform */
function countOne(session: Session): void {
  const limit = session.context.config.maxSubrequests - KEPT_BACK;
  session.asked += 1;
  if (session.asked <= limit) return;
  throw new TransportError(
    'unknown',
    `more than ${limit} requests to upstreams for one of a client's (MAX_SUBREQUESTS)`,
  );
}

/** Many may wait for it, so nobody's leaving ends it. */
async function fetchToken(session: Session, verb: Authorize): Promise<string | undefined> {
  const { context, exchange, record } = session;
  const { request, limit, key, spent } = verb;
  countOne(session);
  const { timeouts } = context.config;
  const within = exchange.timeouts.response;
  return context.memory.tokens.obtain(key, spent, () => {
    const document = fetchTokenDocument({ request, limit, within, timeouts }, record);
    session.keepAlive(document);
    return document;
  });
}

interface TokenRequest {
  readonly request: Forward;
  readonly limit: number;
  readonly within: number;
  readonly timeouts: Session['context']['config']['timeouts'];
}

async function fetchTokenDocument(
  { request, limit, within, timeouts }: TokenRequest,
  record: { why?: string },
): Promise<string | undefined> {
  try {
    const incoming = await send({ forward: request, timeouts });
    const { bytes, rest } = await readSmallBody(incoming, limit, within);
    await rest?.return(undefined);
    const { status } = incoming.head;
    if (status === 200 && !rest) return new TextDecoder().decode(bytes);
    record.why = `the token server answers ${status}`;
    return status === 401 || status === 403 ? '' : undefined;
  } catch (error) {
    record.why = failureOf(error).message;
    return undefined;
  }
}

/** The client's small body, or the answer to one that is too large or does not come. */
async function readForm({ request, context }: Session, limit: number): Promise<string | Answer> {
  const close: HeaderList = [['connection', 'close']];
  const incoming: Incoming = {
    head: { status: 0, headers: [] },
    body: request.body,
    abort: (why) => void request.body?.cancel(why).catch(() => {}),
  };
  try {
    const { bytes, rest } = await readSmallBody(incoming, limit, context.config.timeouts.response);
    if (!rest) return new TextDecoder().decode(bytes);
    await rest.return(undefined);
    const message = `the request body is larger than ${limit} bytes`;
    return answerError(new RegistryError(413, 'SIZE_INVALID', message, undefined, close));
  } catch {
    return answerError(new RegistryError(408, 'UNKNOWN', 'the request body did not come in time', undefined, close));
  }
}
