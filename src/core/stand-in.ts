import { ownAnonymousToken } from './anonymous-token';
import { answerError } from './errors';
import { headerOf } from './headers';
import type { Place } from './location';
import { tokenNeeded } from './proxy-mode';
import type { Answer, RequestHead } from './verbs';

/**
 * With a cache, what everybody may pull does not depend on the registry: while it or its token server cannot be asked, clients
 * without a login get so far as to ask for an image. Undefined for everybody and everything else.
 */
export function standIn({ method, headers }: RequestHead, { config, route, origin }: Place): Answer | undefined {
  const isAnonymous = headerOf(headers, 'authorization') === undefined && method !== 'POST';
  if (!config.cache || !isAnonymous) return undefined;
  if (route.kind === 'token') return ownAnonymousToken();
  return route.kind === 'ping' ? answerError(tokenNeeded(route, origin)) : undefined;
}
