import { issuedToken } from './login-endpoint';
import type { Answer } from './verbs';

/**
 * What our token endpoint gives while the registry's cannot be asked, to clients without a login. It opens nothing: it stands
 * for no login at all, with which the cache serves what everybody may pull, and it is sent to nobody.
 */
const OWN_TOKEN = 'registry-proxy-anonymous';

export function isOwnToken(authorization: string | undefined): boolean {
  return authorization === `Bearer ${OWN_TOKEN}`;
}

export function ownAnonymousToken(): Answer {
  return issuedToken(OWN_TOKEN);
}
