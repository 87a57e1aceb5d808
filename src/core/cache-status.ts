import { type HeaderList, headersOf, withHeader } from './headers';

/** Our name in `Cache-Status`. */
const CACHE = 'registry-proxy';

/** What happened to a request that went upstream (RFC 9211 section 2.2). */
export interface Forwarded {
  readonly fwd: 'bypass' | 'method' | 'uri-miss' | 'stale' | 'request';
  readonly status?: number;
  readonly stored?: boolean;
  readonly collapsed?: boolean;
  readonly detail?: string;
}

export function forwarded({ fwd, status, stored, collapsed, detail }: Forwarded): string {
  const parts = [
    CACHE,
    `fwd=${fwd}`,
    status !== undefined && `fwd-status=${status}`,
    stored && 'stored',
    collapsed && 'collapsed',
    detail !== undefined && `detail=${detail}`,
  ];
  return parts.filter(Boolean).join('; ');
}

/** @param ttl milliseconds for which it is fresh yet; below 0 it is stale */
export function hit(ttl?: number): string {
  return ttl === undefined ? `${CACHE}; hit` : `${CACHE}; hit; ttl=${Math.floor(ttl / 1000)}`;
}

/** The field with ours behind those of caches that are nearer to the registry (RFC 9211 section 2). */
export function withCacheStatus(headers: HeaderList, member: string): HeaderList {
  return withHeader(headers, 'cache-status', [...headersOf(headers, 'cache-status'), member].join(', '));
}
