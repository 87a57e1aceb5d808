import { isAddress, isNamed } from './addresses';
import type { Config } from './config';
import { type HeaderList, headerOf, headersOf } from './headers';
import type { Origin, TrustProxy } from './setting-values';
import { DEFAULT_PORT, parseAuthority } from './url';
import type { RequestHead } from './verbs';

/** Whether what this peer says in X-Forwarded-* is believed. */
function isTrusted(address: string, trust: TrustProxy): boolean {
  return trust.peers === 'all' || isNamed(address, trust.peers);
}

/**
 * The URL by which this client knows us: `PUBLIC_URL`, else X-Forwarded-* of a trusted peer, else the request itself.
 * Undefined where the request names no usable host.
 */
export function originOfRequest(head: RequestHead, config: Config): Origin | undefined {
  if (config.publicUrl) return config.publicUrl;
  const says = head.headers.some(([name]) => name.startsWith('x-forwarded-'));
  const forwarded = says && isTrusted(head.peer.address, config.trustProxy);
  const scheme = (forwarded && forwardedScheme(head.headers)) || (head.peer.secure ? 'https' : 'http');
  const host = (forwarded && forwardedHost(head.headers)) || parseAuthority(headerOf(head.headers, 'host') ?? '');
  if (!host) return undefined;
  const ports = [forwarded ? forwardedPort(head.headers) : undefined, host.port];
  const port = ports.find((candidate) => candidate !== undefined && !contradicts(candidate, scheme));
  return { scheme, hostname: host.hostname, port: port ?? DEFAULT_PORT[scheme] };
}

/** A load balancer that ends TLS often reports the port it listens on behind: 80 with https is never meant. */
function contradicts(port: number, scheme: 'http' | 'https'): boolean {
  return port === DEFAULT_PORT[scheme === 'https' ? 'http' : 'https'];
}

function forwardedScheme(headers: HeaderList): 'http' | 'https' | undefined {
  const scheme = firstOfList(headers, 'x-forwarded-proto')?.toLowerCase();
  return scheme === 'http' || scheme === 'https' ? scheme : undefined;
}

function forwardedHost(headers: HeaderList): ReturnType<typeof parseAuthority> {
  return parseAuthority(firstOfList(headers, 'x-forwarded-host') ?? '');
}

function forwardedPort(headers: HeaderList): number | undefined {
  const text = firstOfList(headers, 'x-forwarded-port') ?? '';
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65535 ? port : undefined;
}

/** Each proxy in a chain appends its own value: the first one is the outermost, the client's. */
function firstOfList(headers: HeaderList, name: string): string | undefined {
  return headerOf(headers, name)?.split(',')[0].trim();
}

/**
 * The client's address. X-Forwarded-For is believed only where `TRUST_PROXY` was set by the operator: read from the
 * right, past the trusted ones, since everything left of the last trusted proxy may be made up. So may what is left of
 * an entry that is no address.
 */
export function clientAddress(head: RequestHead, trust: TrustProxy): string {
  const { address } = head.peer;
  if (!trust.explicit || !isTrusted(address, trust)) return address;
  const chain = headersOf(head.headers, 'x-forwarded-for').join(',').split(',').map(hopAddress);
  if (trust.peers === 'all') return chain.find((hop) => hop !== undefined) ?? address;
  const named = chain.slice(chain.lastIndexOf(undefined) + 1) as string[];
  return named.reverse().find((hop) => !isTrusted(hop, trust)) ?? named.at(-1) ?? address;
}

/** Some proxies write the port as well (`1.2.3.4:5678`, `[2001:db8::1]:5678`); undefined for what is no address. */
function hopAddress(text: string): string | undefined {
  const bare = text.trim().replace(/^(?:\[([^\]]*)\]|([\d.]+))(?::\d{1,5})?$/, '$1$2');
  return isAddress(bare) ? bare : undefined;
}
