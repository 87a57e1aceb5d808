import type { Outcome } from '../core/cache-verbs';
import { clientAddress } from '../core/origin';
import { redactTarget } from '../core/redact';
import type { Session } from './session';

/** What is known of a request for its line in the log. */
export interface RequestRecord {
  readonly id: string;
  /** Of performance.now(). */
  readonly startedAt: number;
  /** Body bytes handed to the client's connection. */
  bytes: number;
  /** Milliseconds in which it waited for a place among its client's transfers. */
  waited: number;
  /** Continuations of its body. */
  resumed: number;
  /** Upstream connections that its body came over at once, where there were several. */
  connections?: number;
  /** Set where the core is not asked. */
  route?: string;
  /** Host that was asked last. */
  upstream?: string;
  why?: string;
  /** What the cache did. */
  cache?: Outcome;
}

/** nginx's status for a client that left before it got one. */
const CLIENT_CLOSED_REQUEST = 499;

/** One line a request, when all of it is over. */
export function logRequest({ context, exchange, head, res, record, signal }: Session): void {
  context.counts.add(record);
  const status = res.headersSent ? res.statusCode : CLIENT_CLOSED_REQUEST;
  const isWhole = res.writableFinished;
  const isFailed = status >= 500 || (!isWhole && record.why !== undefined && !signal.aborted);
  context.log[isFailed || record.resumed > 0 || !isWhole ? 'warn' : 'info']('request', {
    id: record.id,
    method: head.method,
    path: redactTarget(head.target, context.config.gate?.secret),
    route: record.route ?? exchange.route?.kind ?? 'none',
    upstream: record.upstream,
    status,
    bytes: record.bytes,
    duration: Math.round(performance.now() - record.startedAt),
    waited: record.waited >= 1 ? Math.round(record.waited) : undefined,
    resumed: record.resumed,
    cache: record.cache,
    connections: record.connections,
    client: clientAddress(head, context.config.trustProxy),
    why: record.why ?? (isWhole ? undefined : 'the client left'),
  });
}
