import { isNamed } from './addresses';
import { type Identity, loginNeeded, whoIs } from './admission';
import { checkAddress } from './client-rules';
import type { Config } from './config';
import { RegistryError } from './errors';
import { headerOf } from './headers';
import type { Place } from './location';
import { originOfRequest } from './origin';
import { routeOf } from './route';
import { parseAuthority } from './url';
import type { RequestHead } from './verbs';

/** What somebody leaves behind through whom, or on whose behalf, a request came: a front proxy, or a page in a browser. */
const INDIRECT = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'origin', 'sec-fetch-site'];

/**
 * Looks at who asks for a prefetch before anything else: a tiny request causes large traffic. Where there are users,
 * `checkPrefetcher` has the last word.
 * @throws RegistryError 405, 403 with what to set, 400 without a host
 */
export function checkPrefetchEntry(head: RequestHead, config: Config): Place {
  const { gate } = config;
  if (gate?.satisfy !== 'any') checkAddress(head, config);
  if (head.method !== 'POST') {
    const allow = [['allow', 'POST, OPTIONS']] as const;
    throw new RegistryError(405, 'UNSUPPORTED', `${head.method} is not supported here`, { allowed: ['POST'] }, allow);
  }
  const origin = originOfRequest(head, config);
  if (!origin) throw new RegistryError(400, 'UNSUPPORTED', 'the request has no usable Host');
  if (gate?.users.size === 0) {
    throw closed('with ACCESS_SECRET alone nobody may', 'set HTPASSWD_FILE, or use registry-proxy warm --url');
  }
  if (!gate && !isFromHere(head, config)) {
    throw closed('without a login only from the machine itself', 'set HTPASSWD_FILE, and log in; or ask from there');
  }
  return { config, route: routeOf(head.target, config, origin.hostname), origin };
}

/**
 * @param identity who asks, found out where there is a gate
 * @throws RegistryError 401, 429; 404 where there is nothing to fill, said last: what is set is none of a stranger's business
 */
export function checkPrefetcher(identity: Identity, place: Place): void {
  const { gate, cache } = place.config;
  if (gate && whoIs(identity, false, gate, place).kind !== 'user') {
    throw loginNeeded('log in first', gate, place, 'pull');
  }
  if (!cache) throw new RegistryError(404, 'UNSUPPORTED', 'there is no cache to fill', { hint: 'set CACHE' });
}

function closed(message: string, hint: string): RegistryError {
  return new RegistryError(403, 'DENIED', `images are prefetched for users: ${message}`, { hint });
}

/**
 * By a connection from this machine, to a name of this machine. A front proxy's connections come from here as well, and a page
 * that somebody here has open may send requests here by a name of its own.
 */
function isFromHere({ peer, headers }: RequestHead, { capabilities }: Config): boolean {
  if (capabilities.gatewayIsPeer || !isNamed(peer.address, ['loopback'])) return false;
  const host = parseAuthority(headerOf(headers, 'host') ?? '')?.hostname ?? '';
  const isLocal = host === 'localhost' || isNamed(host, ['loopback']);
  return isLocal && !headers.some(([name]) => INDIRECT.includes(name));
}
