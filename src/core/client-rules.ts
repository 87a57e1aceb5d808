import { isNamed, networkOf } from './addresses';
import type { Config } from './config';
import { RegistryError } from './errors';
import { clientAddress } from './origin';
import { type RateLimiter, tooManyRequests } from './rate-limit';
import type { TrustProxy } from './setting-values';
import type { RequestHead } from './verbs';

/** Whether `ALLOW_CLIENTS` lets this client in; without it everybody is. */
export function isAllowedAddress(head: RequestHead, { guards, trustProxy }: Config): boolean {
  if (!guards.allowClients) return true;
  return !isBehindUnknown(head, trustProxy) && isNamed(clientAddress(head, trustProxy), guards.allowClients);
}

/** What proxies say of the client. */
const FORWARDED = ['forwarded', 'x-forwarded-for', 'x-real-ip'];

/**
 * Whether there is a proxy in front that nobody has spoken of: its own address, on loopback as often as not, is that of all
 * its clients, and must not let them in.
 */
function isBehindUnknown({ headers }: RequestHead, { explicit }: TrustProxy): boolean {
  return !explicit && headers.some(([name]) => FORWARDED.includes(name));
}

/** @throws RegistryError 403 for a client whose address is not on `ALLOW_CLIENTS`, or not to be told */
export function checkAddress(head: RequestHead, config: Config): void {
  if (isAllowedAddress(head, config)) return;
  if (!isBehindUnknown(head, config.trustProxy)) throw strangerError();
  throw new RegistryError(403, 'DENIED', 'a proxy in front of this one hides the address of its clients', {
    rule: 'not on ALLOW_CLIENTS',
    hint: 'set TRUST_PROXY to the addresses of the proxies in front, or to false where there is none',
  });
}

/** It does not say which address that is: behind a front proxy it may be one that strangers need not know. The log does. */
export function strangerError(): RegistryError {
  return new RegistryError(403, 'DENIED', 'this proxy does not serve your address', { rule: 'not on ALLOW_CLIENTS' });
}

/** What counts as one client: its IPv4 address, or the /64 of its IPv6 one. */
export function clientOf(head: RequestHead, { trustProxy }: Config): string {
  return networkOf(clientAddress(head, trustProxy));
}

/**
 * Counts a request against `RATE_LIMIT`. `GET /v2/` has an account of its own of the same size: docker takes a 429 there
 * for a registry that needs no login, and fails later with words that lead astray (moby, PingV2Registry).
 * @param now milliseconds of any clock that only runs forwards
 * @throws RegistryError 429 with `Retry-After` for one too many
 */
export function checkRate(head: RequestHead, config: Config, rates: RateLimiter, now: number): void {
  const { rate } = config.guards;
  if (!rate) return;
  // A secret may stand before it.
  const isPing = /^(\/[^/?]+)?\/v2\/?(\?|$)/.test(head.target);
  const wait = rates.take((isPing ? 'ping ' : '') + clientOf(head, config), rate, now);
  if (wait > 0) throw tooManyRequests('too many requests from your address', 'RATE_LIMIT', wait);
}
