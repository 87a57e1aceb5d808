import { RegistryError } from './errors';
import { type Gate, givesTokens } from './gate';
import type { Place } from './location';
import { noTokens } from './proxy-mode';
import type { Who } from './rights';
import type { Answer, Issue, RequestHead } from './verbs';

/** Milliseconds that a token of ours lives; as long as Docker Hub's. */
const TOKEN_LIFETIME = 300_000;

/**
 * Our own token endpoint, where some must log in and some need not. Whoever got so far is who they say.
 * @throws RegistryError 404 where logins go with each request, 405 for POST: clients then ask by GET
 */
export function tokenFor(who: Who, { method }: RequestHead, gate: Gate, { route }: Place): Issue {
  if (!givesTokens(gate)) throw noTokens(route);
  if (method !== 'GET') {
    throw new RegistryError(405, 'UNSUPPORTED', 'tokens are had by GET here', undefined, [['allow', 'GET, OPTIONS']]);
  }
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
