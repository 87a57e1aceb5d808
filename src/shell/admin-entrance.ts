import { checkAddress, clientOf } from '../core/client-rules';
import type { Config } from '../core/config';
import { RegistryError } from '../core/errors';
import { headerOf } from '../core/headers';
import type { RequestHead } from '../core/verbs';
import { Attempts } from './attempts';
import { isSame, sha256Of } from './digests';
import type { Guard } from './guard';

/** Seconds after which a client may try again that has shown too many wrong tokens. */
const PATIENCE = 60;

const counted = new WeakMap<Guard, Attempts>();

/** Wrong tokens at one instance, whatever they were shown for: two counts would be twice the guesses. */
export function attemptsOf(guard: Guard): Attempts {
  const attempts = counted.get(guard) ?? new Attempts();
  counted.set(guard, attempts);
  return attempts;
}

/** What somebody has to show. */
export interface Entrance {
  /** Any one of them lets in. */
  readonly tokens: readonly string[];
  /** Names the tokens to whoever has shown none. */
  readonly what: string;
  /** Of the challenge (RFC 6750 section 3). */
  readonly realm: string;
}

/**
 * Lets in who shows the administrator's token.
 * @throws RegistryError 403 for an address that is not served, 401 with a challenge, 429
 */
export function checkAdministrator(head: RequestHead, token: string, config: Config, attempts: Attempts): void {
  const entrance = { tokens: [token], what: 'the token of the administrator', realm: 'registry-proxy administration' };
  checkBearer(head, entrance, config, attempts);
}

/**
 * Lets in who shows a token. Wrong ones are counted for each address: with one count for all, whoever guesses would lock
 * everybody else out.
 * @throws RegistryError 403 for an address that is not served, 401 with a challenge, 429
 */
export function checkBearer(head: RequestHead, entrance: Entrance, config: Config, attempts: Attempts): void {
  const { what } = entrance;
  if (config.gate?.satisfy !== 'any') checkAddress(head, config);
  const authorization = headerOf(head.headers, 'authorization');
  const shown = /^bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  // A request without one guesses nothing.
  if (shown === undefined) throw unauthorized(`show ${what}: Authorization: Bearer <token>`, entrance);
  const takeBack = attempts.begin(clientOf(head, config), false);
  if (!takeBack) {
    throw new RegistryError(429, 'TOOMANYREQUESTS', 'too many wrong tokens from your address', undefined, [
      ['retry-after', String(PATIENCE)],
    ]);
  }
  const hash = sha256Of(shown);
  // Each of them is looked at: how long it takes must not tell which one was nearly right.
  if (entrance.tokens.filter((token) => isSame(hash, sha256Of(token))).length === 0) {
    attempts.failed += 1;
    throw unauthorized(`that is not ${what}`, entrance);
  }
  takeBack();
}

function unauthorized(message: string, { realm }: Entrance): RegistryError {
  return new RegistryError(401, 'UNAUTHORIZED', message, undefined, [['www-authenticate', `Bearer realm="${realm}"`]]);
}
