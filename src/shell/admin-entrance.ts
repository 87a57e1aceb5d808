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

/**
 * Lets in who shows the administrator's token. Wrong ones are counted for each address: with one count for all, whoever
 * guesses would lock the administrator out.
 * @throws RegistryError 403 for an address that is not served, 401 with a challenge, 429
 */
export function checkAdministrator(head: RequestHead, token: string, config: Config, attempts: Attempts): void {
  if (config.gate?.satisfy !== 'any') checkAddress(head, config);
  const authorization = headerOf(head.headers, 'authorization');
  const shown = /^bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  // A request without one guesses nothing.
  if (shown === undefined) throw unauthorized('show the token of the administrator: Authorization: Bearer <token>');
  const takeBack = attempts.begin(clientOf(head, config), false);
  if (!takeBack) {
    throw new RegistryError(429, 'TOOMANYREQUESTS', 'too many wrong tokens from your address', undefined, [
      ['retry-after', String(PATIENCE)],
    ]);
  }
  if (!isSame(sha256Of(shown), sha256Of(token))) throw unauthorized('that is not the token of the administrator');
  takeBack();
}

function unauthorized(message: string): RegistryError {
  return new RegistryError(401, 'UNAUTHORIZED', message, undefined, [
    ['www-authenticate', 'Bearer realm="registry-proxy administration"'],
  ]);
}
