import type { Authorize, Forward, ObtainLogin } from '../core/verbs';
import type { Meter } from '../shell/budget-keeper';
import type { Carrier } from '../shell/carrier';
import { fetchLogin } from '../shell/cloud-login';
import type { CloudFetch } from '../shell/cloud-request';
import { obtainLoginDocument } from '../shell/login-document';
import type { ErrandRecord } from '../shell/record';
import { tokenOutcome } from '../shell/token-outcome';
import { sendTraced } from '../shell/trace';
import { TransportError } from '../shell/transport-error';
import { cloudFetch } from './cloud-fetch';
import { discard, failureOf, type Incoming, readSmallBody } from './incoming';
import type { Session } from './session';
import { send } from './transport';

/** Of `MAX_SUBREQUESTS`, for the cache and the registries' table. */
const KEPT_BACK = 10;

/** How a client's request asks upstreams. */
export function carrierOf(session: Session): Carrier<Incoming> {
  const { record, context, request } = session;
  const { trace } = record;
  return {
    async send(forward) {
      if (forward.after !== undefined) await new Promise((resolve) => setTimeout(resolve, forward.after));
      countOne(session);
      record.upstream = forward.url.hostname;
      const carry = (each: Forward) => send({ forward: each, timeouts: context.config.timeouts, client: request });
      const isCosting = forward.purpose !== 'realm' && forward.purpose !== 'search';
      const meter = isCosting ? meterOf(session) : undefined;
      meter?.request();
      const incoming = await (trace ? sendTraced(trace, forward, reading, carry) : carry(forward));
      return meter ? { ...incoming, onBytes: meter.received } : incoming;
    },
    ...reading,
    discard,
    fetchToken: (verb) => fetchToken(session, verb),
  };
}

/** What counts the requests that are sent for this one, and their answers. */
function meterOf({ exchange, spending }: Session): Meter | undefined {
  return exchange.route && spending?.meter(exchange.route.upstream);
}

const reading = { headOf: ({ head }: Incoming) => head, failureOf };

/** @throws TransportError for one too many: a Worker that goes on is ended by the platform */
export function countOne(session: Session): void {
  const limit = session.context.config.maxSubrequests - KEPT_BACK;
  session.asked.count += 1;
  if (session.asked.count <= limit) return;
  throw new TransportError(
    'unknown',
    `more than ${limit} requests to upstreams for one of a client's (MAX_SUBREQUESTS)`,
  );
}

/** Many may wait for it, so nobody's leaving ends it. */
async function fetchToken(session: Session, verb: Authorize): Promise<string | undefined> {
  const { context, exchange, record } = session;
  const { request, limit, key, spent } = verb;
  try {
    countOne(session);
  } catch (error) {
    record.why = failureOf(error).message;
    return undefined;
  }
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
  record: ErrandRecord,
): Promise<string | undefined> {
  const { trace } = record;
  try {
    const carry = (forward: Forward) => send({ forward, timeouts });
    const incoming = await (trace ? sendTraced(trace, request, reading, carry) : carry(request));
    const { bytes, rest } = await readSmallBody(incoming, limit, within);
    await rest?.return(undefined);
    return tokenOutcome(incoming.head.status, rest ? undefined : new TextDecoder().decode(bytes), record);
  } catch (error) {
    record.why = failureOf(error).message;
    return undefined;
  }
}

/** Whether it could be had. Many may wait for it, so nobody's leaving ends it. */
export async function obtainLogin(session: Session, { account, host, key }: ObtainLogin): Promise<boolean> {
  const { context, record } = session;
  const fetch = cloudFetch(context.config.timeouts);
  const counted: CloudFetch = async (request) => {
    countOne(session);
    return fetch(request);
  };
  const login = () => {
    const document = fetchLogin(account, host, counted);
    session.keepAlive(document);
    return document;
  };
  return obtainLoginDocument({ tokens: context.memory.tokens, key, fetch: login, log: context.log, id: record.id });
}
