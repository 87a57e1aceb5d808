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
 * Looks at who asks for a prefetch before anything else: a tiny request causes large traffic.
 * @returns what the rules go by where somebody must log in; undefined where a process on this machine may ask without
 * @throws RegistryError 405, 403 with what to set, 400 without a host, 404 where there is nothing to fill
 */
export function checkPrefetchEntry(head: RequestHead, config: Config, hasCache: boolean): Place | undefined {
  const { gate } = config;
  if (gate?.satisfy !== 'any') checkAddress(head, config);
  if (head.method !== 'POST') {
    const allow = [['allow', 'POST, OPTIONS']] as const;
    throw new RegistryError(405, 'UNSUPPORTED', `${head.method} is not supported here`, { allowed: ['POST'] }, allow);
  }
  const origin = originOfRequest(head, config);
  if (!origin) throw new RegistryError(400, 'UNSUPPORTED', 'the request has no usable Host');
  if (gate && gate.users.size > 0) return { config, route: routeOf(head.target, config, origin.hostname), origin };
  if (gate) throw closed('with ACCESS_SECRET alone nobody may', 'set HTPASSWD_FILE, or use registry-proxy warm --url');
  if (!isFromHere(head, config)) {
    throw closed('without a login only from the machine itself', 'set HTPASSWD_FILE, and log in; or ask from there');
  }
  checkCache(hasCache);
  return undefined;
}

/**
 * Who logs in has been found out.
 * @throws RegistryError 401, 429; 404 where there is nothing to fill
 */
export function checkPrefetcher(identity: Identity, place: Place, hasCache: boolean): void {
  const { gate } = place.config;
  if (!gate) return;
  const who = whoIs(identity, false, gate, place);
  if (who.kind !== 'user') throw loginNeeded('log in first', gate, place, 'pull');
  checkCache(hasCache);
}

/** Said last: what is set here is none of a stranger's business. */
function checkCache(hasCache: boolean): void {
  if (hasCache) return;
  throw new RegistryError(404, 'UNSUPPORTED', 'there is no cache to fill', { hint: 'set CACHE' });
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
