import type { Config } from '../core/config';
import { headerOf } from '../core/headers';
import { clientAddress } from '../core/origin';
import { redactTarget } from '../core/redact';
import type { Route } from '../core/route';
import type { RequestHead } from '../core/verbs';
import type { Log } from './log';
import type { RequestRecord } from './record';
import { traceOf } from './trace';

/** nginx's status for a client that left before it got one. */
const CLIENT_CLOSED_REQUEST = 499;

/** How a request ended. */
export interface Ending {
  readonly config: Config;
  readonly head: RequestHead;
  readonly route: Route | undefined;
  readonly record: RequestRecord;
  /** Undefined where the client got none. */
  readonly status: number | undefined;
  /** All of it has been handed to the client's connection. */
  readonly isWhole: boolean;
  readonly hasLeft: boolean;
}

/** One line a request, when all of it is over. */
export function logRequest(log: Log, { config, head, route, record, isWhole, hasLeft, ...ending }: Ending): void {
  const status = ending.status ?? CLIENT_CLOSED_REQUEST;
  const isFailed = status >= 500 || (!isWhole && record.why !== undefined && !hasLeft);
  log[isFailed || record.resumed > 0 || !isWhole ? 'warn' : 'info']('request', {
    id: record.id,
    method: head.method,
    path: redactTarget(head.target, config.gate?.secret),
    route: record.route ?? route?.kind ?? 'none',
    upstream: record.upstream,
    status,
    bytes: record.bytes,
    duration: Math.round(performance.now() - record.startedAt),
    waited: record.waited >= 1 ? Math.round(record.waited) : undefined,
    resumed: record.resumed,
    cache: record.cache,
    connections: record.connections,
    client: clientAddress(head, config.trustProxy),
    trace: record.trace?.context.traceId,
    why: record.why ?? (isWhole ? undefined : 'the client left'),
  });
}

/** Fields in which a platform or a proxy in front of us names a request, in the order of their right. */
const ID_FIELDS = ['x-fc-request-id', 'cf-ray', 'x-request-id'];

/** Looks like a request's id: nothing else gets into the log by that name. */
const ID = /^[\w.-]{1,64}$/;

/** A new record; the platform's or front proxy's id, where it looks like one, so that both logs can be joined. */
export function openRecord(head: RequestHead, trace = traceOf(head)): RequestRecord {
  const { headers } = head;
  const given = ID_FIELDS.map((name) => headerOf(headers, name)).find((each) => each !== undefined) ?? '';
  const id = ID.test(given) ? given : crypto.randomUUID();
  return { id, startedAt: performance.now(), waited: 0, bytes: 0, resumed: 0, trace };
}
