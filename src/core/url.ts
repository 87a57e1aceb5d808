/**
 * An http(s) address whose path and query stay byte for byte as they were given. The platform's URL class re-encodes
 * some characters, which breaks the signature of a signed URL.
 */
export interface Url {
  readonly scheme: 'http' | 'https';
  /** Lower case, without port; IPv6 addresses in brackets. */
  readonly hostname: string;
  /** Always explicit. */
  readonly port: number;
  /** Begins with a slash. */
  readonly path: string;
  /** Begins with `?`, or empty. */
  readonly query: string;
}

export const DEFAULT_PORT = { http: 80, https: 443 } as const;

const ABSOLUTE = /^(https?):\/\/([^/?#\\]*)(\/[^?#]*)?(\?[^#]*)?(#.*)?$/i;
const VISIBLE_ASCII = /^[\x21-\x7e]*$/;

/** Parses an absolute http(s) URL; undefined for anything else, for user info and for characters that must be encoded. */
export function parseUrl(text: string): Url | undefined {
  const match = ABSOLUTE.exec(text);
  if (!match || !VISIBLE_ASCII.test(text) || match[2].includes('@')) return undefined;
  const scheme = match[1].toLowerCase() as Url['scheme'];
  const authority = parseAuthority(match[2]);
  if (!authority) return undefined;
  return {
    scheme,
    hostname: authority.hostname,
    port: authority.port ?? DEFAULT_PORT[scheme],
    path: match[3] || '/',
    query: match[4] ?? '',
  };
}

/** Splits `host`, `host:port` or `[v6]:port` and refuses what is none (RFC 3986 section 3.2). */
export function parseAuthority(text: string): { hostname: string; port?: number } | undefined {
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?\.?)(?::(\d{1,5}))?$/i.exec(text);
  if (!match || match[1].length > 255 || match[1].includes('..')) return undefined;
  const hostname = canonicalHostname(match[1].toLowerCase());
  if (!hostname) return undefined;
  if (match[2] === undefined) return { hostname };
  const port = Number(match[2]);
  return port >= 1 && port <= 65535 ? { hostname, port } : undefined;
}

/** The platform's parser knows every spelling of an address (`0x7f.1`, `[::ffff:7f00:1]`); none may hide one from us. */
function canonicalHostname(hostname: string): string | undefined {
  // Plain names, whose last label cannot be read as a number, have one spelling.
  if (/^(?:[a-z0-9-]+\.)*[a-z]+$/.test(hostname) && !hostname.includes('xn--')) return hostname;
  try {
    return new URL(`http://${hostname.replace(/\.$/, '')}/`).hostname || undefined;
  } catch {
    return undefined;
  }
}

/** Resolves a `Location` or `Link` target against the URL that sent it (RFC 3986 section 5); undefined if not http(s). */
export function resolveUrl(reference: string, base: Url): Url | undefined {
  if (!VISIBLE_ASCII.test(reference)) return undefined;
  if (/^[a-z][a-z0-9+.-]*:/i.test(reference)) return parseUrl(reference);
  if (reference.startsWith('//')) return parseUrl(`${base.scheme}:${reference}`);
  const [beforeFragment] = reference.split('#', 1);
  const mark = beforeFragment.indexOf('?');
  const path = mark < 0 ? beforeFragment : beforeFragment.slice(0, mark);
  const query = mark < 0 ? '' : beforeFragment.slice(mark);
  if (path === '') return { ...base, query: query || base.query };
  const absolute = path.startsWith('/') ? path : base.path.slice(0, base.path.lastIndexOf('/') + 1) + path;
  return { ...base, path: removeDotSegments(absolute), query };
}

/** RFC 3986 section 5.2.4, for a path that begins with a slash. */
function removeDotSegments(path: string): string {
  if (!/\/\.{1,2}(\/|$)/.test(path)) return path;
  const kept: string[] = [];
  const segments = path.split('/').slice(1);
  segments.forEach((segment, index) => {
    const isLast = index === segments.length - 1;
    if (segment === '..') kept.pop();
    if (segment !== '.' && segment !== '..') kept.push(segment);
    else if (isLast) kept.push('');
  });
  return `/${kept.join('/')}`;
}

/** `scheme://host[:port]`, the port only where it is not the scheme's own (RFC 6454 section 6.2). */
export function originOf(url: Pick<Url, 'scheme' | 'hostname' | 'port'>): string {
  return `${url.scheme}://${hostOf(url)}`;
}

/** `host[:port]` as it stands in a Host header. */
export function hostOf(url: Pick<Url, 'scheme' | 'hostname' | 'port'>): string {
  return url.port === DEFAULT_PORT[url.scheme] ? url.hostname : `${url.hostname}:${url.port}`;
}

export function hrefOf(url: Url): string {
  return originOf(url) + url.path + url.query;
}

/** Same scheme, host and port (RFC 6454 section 5). */
export function isSameOrigin(a: Url, b: Url): boolean {
  return a.scheme === b.scheme && a.hostname === b.hostname && a.port === b.port;
}

/**
 * Same host, whatever the scheme, where each has its scheme's own port: registries behind a TLS terminator often believe
 * that they are reached by http.
 */
export function isSameHost(a: Url, b: Url): boolean {
  const isDefault = ({ port }: Url) => port === DEFAULT_PORT.http || port === DEFAULT_PORT.https;
  return a.hostname === b.hostname && (a.port === b.port || (isDefault(a) && isDefault(b)));
}

/** A path as a lenient server may read it: unreserved characters, slashes and backslashes decoded, for checks only. */
export function lenientPath(path: string): string {
  const decoded = path.replace(/%([0-9a-f]{2})/gi, (encoded, hex) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return /[A-Za-z0-9._~/\\-]/.test(character) ? character : encoded;
  });
  return decoded.replace(/\\/g, '/');
}
