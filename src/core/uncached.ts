import type { CacheMemory } from './cache-memory';
import { linkName, repositoryName, tagName } from './cache-names';
import { forwarded, withCacheStatus } from './cache-status';
import type { Note } from './cache-verbs';
import { isDigest } from './reference';
import type { Route } from './route';
import type { Relay, RequestHead } from './verbs';

/** An answer that has nothing to do with the cache, or that changes what it knows: a push, a deletion. */
export function uncached(relay: Relay, { method }: RequestHead, route: Route, memory: CacheMemory): Relay {
  if (['token', 'backend', 'own', 'search'].includes(route.kind)) return relay;
  const isRead = method === 'GET' || method === 'HEAD';
  const headers = withCacheStatus(relay.headers, forwarded({ fwd: isRead ? 'bypass' : 'method' }));
  const labelled: Relay = { ...relay, headers, outcome: 'bypass' };
  if (isRead || relay.status >= 300) return labelled;
  memory.change(repositoryName(route));
  return { ...labelled, notes: obsolete(method, route) };
}

function obsolete(method: string, route: Route): readonly Note[] {
  if (route.kind !== 'manifest' && (route.kind !== 'blob' || method !== 'DELETE')) return [];
  if (!isDigest(route.reference)) return [{ name: tagName(route) }];
  return method === 'DELETE' ? [{ name: linkName(route, route.reference) }] : [];
}
