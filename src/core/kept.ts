import type { CacheQuestion } from './cache-question';
import { withCacheStatus } from './cache-status';
import type { Await, FoundBlob, Note, Outcome, Serve } from './cache-verbs';
import { type Held, requestedRange, servedHead } from './cached-head';
import { awaiting } from './copying';
import { isFetchedThere, isSendable } from './delivery';
import { contentLength } from './range';
import type { Relay } from './verbs';

/** Bytes between what has been fetched and where a range begins, up to which it is waited for and not asked for. */
export const NEAR_BYTES = 4 * 1024 * 1024;

/** Milliseconds that a URL of the bucket is good for, where `CACHE_REDIRECT` does not say it. */
const SIGNED_LIFETIME = 600_000;

/** How what is kept is sent: from here, or by the bucket, as soon as it is there. @param member of `Cache-Status` */
export function serveHeld(
  { head, place, config, route }: CacheQuestion,
  held: Held,
  { outcome, member, notes = [] }: { outcome: Outcome; member: string; notes?: readonly Note[] },
): Serve | Await {
  const { status, headers, range } = servedHead(head, held, place);
  const size = route.kind === 'blob' && range ? range.last - range.first + 1 : 0;
  const isThere = isFetchedThere(size, place);
  if (isThere && held.isComing) return awaiting(held.digest, place);
  // What is still coming is not yet where a URL could lead.
  const isStreamed = size === 0 || held.isComing || route.upstream.delivery === 'stream';
  const redirect = isStreamed ? undefined : (config.redirect ?? (isThere ? SIGNED_LIFETIME : undefined));
  return {
    verb: 'serve',
    status,
    headers: withCacheStatus(headers, member),
    digest: held.digest,
    size: held.size,
    range,
    ...(redirect !== undefined && { redirect }),
    notes,
    outcome,
  };
}

/**
 * Whether it is better asked for upstream: a part that will be there much later is had sooner from there, a length that is not
 * proven yet ends no range, and what is too large to be sent is of no use here.
 */
export function isBeyond({ head, route, place }: CacheQuestion, { state, size, written }: FoundBlob): boolean {
  if (route.kind !== 'blob' || head.method !== 'GET') return false;
  const range = requestedRange(head.headers, `"${route.reference}"`, size);
  const isPart = typeof range === 'object';
  if (range !== 'unsatisfiable' && !isSendable(isPart ? range.last - range.first + 1 : size, place)) return true;
  if (state === 'stored') return false;
  return range === 'unsatisfiable' || (isPart && range.first > written + NEAR_BYTES && !isFetchedThere(size, place));
}

/** Two sizes for one digest: where it is being fetched from another registry, that may have said anything. */
export function isUnlike({ isComing, size }: Held, { headers }: Relay): boolean {
  return isComing === true && (contentLength(headers) ?? size) !== size;
}

/** The registry cannot tell now, as opposed to: it says no. */
export function isUnavailable(status: number): boolean {
  return status === 429 || status >= 500;
}
