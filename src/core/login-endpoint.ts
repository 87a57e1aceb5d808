import { loginNeeded } from './admission';
import { RegistryError } from './errors';
import { type Gate, givesTokens } from './gate';
import { headerOf } from './headers';
import type { Place } from './location';
import { noTokens } from './proxy-mode';
import type { Who } from './rights';
import type { Answer, Issue, RequestHead } from './verbs';

/** Milliseconds that a token of ours lives; as long as Docker Hub's. */
const TOKEN_LIFETIME = 300_000;

/**
 * Our own token endpoint, where some must log in and some need not. Whoever got so far is who they say.
 * @throws RegistryError 404 where logins go with each request, 405 for POST: clients then ask by GET, 401 for a token in
 *   place of a login: whoever got hold of one could have it renewed for ever
 */
export function tokenFor(who: Who, { method, headers }: RequestHead, gate: Gate, place: Place): Issue {
  if (!givesTokens(gate)) throw noTokens(place.route);
  if (method !== 'GET') {
    throw new RegistryError(405, 'UNSUPPORTED', 'tokens are had by GET here', undefined, [['allow', 'GET, OPTIONS']]);
  }
  const isByToken = /^bearer\b/i.test(headerOf(headers, 'authorization') ?? '');
  if (who.kind === 'user' && isByToken) throw loginNeeded('a token gets no other one: log in', gate, place, 'pull');
  return { verb: 'issue', user: who.kind === 'user' ? who.name : undefined, lifetime: TOKEN_LIFETIME };
}

export function issuedToken(token: string): Answer {
  return {
    verb: 'answer',
    status: 200,
    headers: [
      ['content-type', 'application/json'],
      ['cache-control', 'no-store'],
    ],
    body: JSON.stringify({ token, access_token: token, expires_in: TOKEN_LIFETIME / 1000 }),
  };
}
