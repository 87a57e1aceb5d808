import { getDomain } from 'tldts';
import { isAddress, isPrivateHost, isPublicAddress } from './addresses';
import type { Upstream } from './config';
import { RegistryError } from './errors';
import { isSameOrigin, originOf, type Url } from './url';

/**
 * Refuses an address that an upstream named (a redirect, a token realm) and that we may not call (invariant 6).
 * Names are checked once more when they have been resolved, at connect time.
 * @throws RegistryError 502
 */
export function checkCallable(url: Url, upstream: Upstream, what: string): void {
  if (upstream.reach === 'any') return;
  if (url.scheme !== 'https' && !upstream.plainHttp) {
    throw refused(`${what} leads from https to http`, url);
  }
  if (isAddress(url.hostname) ? !isPublicAddress(url.hostname) : isPrivateHost(url.hostname)) {
    throw refused(`${what} leads to a private address`, url, 'if that is meant, set ALLOW_PRIVATE_ADDRESSES=true');
  }
}

function refused(message: string, url: Url, hint?: string): RegistryError {
  return new RegistryError(502, 'UNAVAILABLE', message, { target: originOf(url), hint });
}

/**
 * Whether a login or refresh token for this upstream may go to this realm: CVE-2026-33540 was a registry that named a
 * stranger's. The rule is distribution's: same host or same registrable domain, https, never an address.
 */
export function mayReceiveCredentials(realm: Url, upstream: Upstream): boolean {
  // The operator has named it, and not the registry; `checkCallable` has the last word on http.
  const { tokenServer } = upstream;
  if (tokenServer && isSameOrigin(realm, tokenServer) && realm.path === tokenServer.path) return true;
  if (upstream.reach === 'any' && (upstream.url.scheme === 'http' || realm.scheme === 'https')) {
    if (isPrivateHost(upstream.url.hostname) && isPrivateHost(realm.hostname)) return true;
  }
  if (realm.scheme !== 'https' && upstream.url.scheme === 'https') return false;
  return realm.hostname === upstream.url.hostname || isSameOwner(realm, upstream.url);
}

/** Whether a token server belongs to whoever a registry belongs to, as far as names can tell: by https, and of one domain. */
export function isSameOwner(realm: Url, registry: Url): boolean {
  if (realm.scheme !== 'https' || isAddress(realm.hostname)) return false;
  const domain = registrableDomain(realm.hostname);
  return domain !== null && domain === registrableDomain(registry.hostname);
}

/** eTLD+1 by the public suffix list, private suffixes included: `a.github.io` and `b.github.io` are strangers. */
function registrableDomain(hostname: string): string | null {
  return getDomain(hostname, { allowPrivateDomains: true });
}
