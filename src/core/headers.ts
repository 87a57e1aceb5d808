/**
 * Header fields in order, names in lower case. A list and not the platform's Headers class, since several
 * WWW-Authenticate lines must stay several: containerd takes one challenge from each line.
 */
export type HeaderList = readonly (readonly [name: string, value: string])[];

/** The first value of a field, or undefined. */
export function headerOf(headers: HeaderList, name: string): string | undefined {
  return headers.find(([key]) => key === name)?.[1];
}

/** Every value of a field, in order. */
export function headersOf(headers: HeaderList, name: string): string[] {
  return headers.filter(([key]) => key === name).map(([, value]) => value);
}

export function withoutHeaders(headers: HeaderList, ...names: string[]): HeaderList {
  return headers.filter(([key]) => !names.includes(key));
}

/** Without what asks for a part, or for an answer only under a condition (RFC 9110 sections 13 and 14). */
export function withoutConditions(headers: HeaderList): HeaderList {
  return headers.filter(([name]) => name !== 'range' && !name.startsWith('if-'));
}

/** The list with `name` set to one value (or removed, where the value is undefined). */
export function withHeader(headers: HeaderList, name: string, value: string | undefined): HeaderList {
  const rest = withoutHeaders(headers, name);
  return value === undefined ? rest : [...rest, [name, value]];
}

/**
 * What a client's request may carry to the registry. An allow-list, because platforms add secrets of their own
 * (`x-fc-access-key-secret`) and browsers add cookies; hop-by-hop fields (RFC 9110 section 7.6.1) are not on it.
 */
const REQUEST_FIELDS = new Set([
  'accept',
  'accept-language',
  'authorization',
  'cache-control',
  'content-range',
  'content-type',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'range',
  'user-agent',
  'x-meta-source-client',
]);

/** What may follow a redirect to another origin: what picks the bytes, and nothing that says who asks. */
const REDIRECT_FIELDS = new Set([
  'accept',
  'accept-encoding',
  'if-none-match',
  'if-range',
  'range',
  'user-agent',
  'via',
]);

const RESPONSE_FIELDS = new Set([
  'accept-ranges',
  'age',
  'allow',
  'cache-control',
  'cache-status',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-length',
  'content-range',
  'content-type',
  'date',
  'etag',
  'expires',
  'last-modified',
  'link',
  'location',
  'pragma',
  'range',
  'retry-after',
  'vary',
  'warning',
  'www-authenticate',
]);

/** Families of fields that registries add: quota, digests, spec extensions. */
const RESPONSE_FAMILIES = ['docker-', 'oci-', 'ratelimit-', 'x-ratelimit-'];

/** Where a platform streams only what has no length, this says it to whoever knows us: another instance. */
export const LENGTH_FIELD = 'registry-proxy-length';

/** Our User-Agent where the client has none: Docker Hub answers 403 to requests without. */
export const AGENT = 'registry-proxy-serverless';

/** Our name in `Via` (RFC 9110 section 7.6.3). */
export const VIA = '1.1 registry-proxy';

/** More of our own names in `Via` than any sensible chain of instances has: the proxy is its own upstream. */
export const MAX_VIA = 5;

export function countVia(headers: HeaderList): number {
  return headersOf(headers, 'via').join(',').split(VIA).length - 1;
}

/** The client's fields fit for the registry, with ours. */
export function requestHeaders(headers: HeaderList, agent: string): HeaderList {
  const dropped = connectionFields(headers);
  const kept = headers.filter(([name]) => REQUEST_FIELDS.has(name) && !dropped.has(name));
  return withProxyFields(kept, headers, agent);
}

/** Identity, because Node, containerd and caches each treat an encoded body under the same digest differently. */
function withProxyFields(kept: HeaderList, original: HeaderList, agent: string): HeaderList {
  const named: HeaderList = headerOf(kept, 'user-agent') ? kept : [...kept, ['user-agent', agent]];
  const via = [...headersOf(original, 'via').filter((value) => value.includes(VIA)), VIA].join(', ');
  return [...named, ['accept-encoding', 'identity'], ['via', via]];
}

/** For non-/v2 paths of the backend host: no credential travels there. */
export function backendHeaders(headers: HeaderList, agent: string): HeaderList {
  return withoutHeaders(requestHeaders(headers, agent), 'authorization', 'x-meta-source-client');
}

/** What is left of a request's fields after a redirect to another origin. */
export function redirectHeaders(headers: HeaderList): HeaderList {
  return headers.filter(([name]) => REDIRECT_FIELDS.has(name));
}

/** The upstream's fields fit for the client. */
export function responseHeaders(headers: HeaderList): HeaderList {
  const dropped = connectionFields(headers);
  return headers.filter(
    ([name]) =>
      !dropped.has(name) && (RESPONSE_FIELDS.has(name) || RESPONSE_FAMILIES.some((family) => name.startsWith(family))),
  );
}

/** Fields that `Connection` names are for one hop only (RFC 9110 section 7.6.1). */
function connectionFields(headers: HeaderList): Set<string> {
  const names = headersOf(headers, 'connection').join(',').toLowerCase().split(',');
  return new Set(names.map((name) => name.trim()).filter(Boolean));
}
