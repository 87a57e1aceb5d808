import type { Config, Upstream } from './config';
import { ATTEMPT } from './copying';
import { RegistryError } from './errors';
import { nameInScope, nameUpstream } from './names';
import { editParameter, joinQueries, type Query, valuesOf, withoutParameters } from './query';
import { isDigest, isName, isTag, MAX_NAME_LENGTH } from './reference';
import { readSearch, SEARCH, SEARCH_PING, type SearchQuestion } from './search';
import { unlock, withoutSecret } from './secret-path';
import { openSession } from './session';
import { checkHost, findUpstream, ownName, unknownRegistry, upstreamOfHost, upstreamOfName } from './upstreams';
import { lenientPath } from './url';

export type RouteKind =
  | 'ping'
  | 'catalog'
  | 'manifest'
  | 'blob'
  | 'tags'
  | 'referrers'
  | 'uploads'
  | 'upload'
  | 'token'
  | 'search'
  | 'backend'
  | 'own';

/** What a request is about. The target is parsed here, once; what goes upstream is built from these parts. */
export interface Route {
  readonly kind: RouteKind;
  readonly upstream: Upstream;
  /** Path upstream, below the upstream's base. */
  readonly path: string;
  /** Query upstream: the client's without `ns`. */
  readonly query: Query;
  /** The repository's name upstream, completed; empty where there is none. */
  readonly repository: string;
  /** The repository as the client wrote it. */
  readonly typed: string;
  /** Tag or digest. */
  readonly reference: string;
  /** How often this client has been sent back here for a blob that was being copied. */
  readonly attempt: number;
  /** The registry that `?ns=` named, as the client wrote it. */
  readonly namespace?: string;
  /** Path below which this client knows us; empty, or the secret. */
  readonly mount: string;
  /** The client has shown the secret. */
  readonly isGuest: boolean;
  /** Of a search. */
  readonly search?: SearchQuestion;
}

/** Paths that are ours; everything below `/-/` is kept for us. */
const OWN_PATHS = new Set(['/', '/favicon.ico', '/robots.txt', SEARCH_PING]);

/**
 * Finds out what a request target asks for.
 * @param host the host name by which the client knows us
 * @throws RegistryError 400 or 404 in OCI terms
 */
export function routeOf(target: string, config: Config, host = ''): Route {
  const { target: inner, mount, isGuest } = unlock(target, host, config.gate?.secret);
  const below = routeBelow(inner, config, host);
  return { ...below, mount, isGuest: isGuest || below.search?.isGuest === true };
}

type Below = Omit<Route, 'mount' | 'isGuest'>;

function routeBelow(target: string, config: Config, host: string): Below {
  const { path, query } = splitTarget(target);
  const upstream = config.upstreams[0];
  const plain = { upstream, query, path, repository: '', typed: '', reference: '', attempt: 0 };
  if (path === '/token') return { ...plain, upstream: upstreamOfHost(host, config) ?? upstream, kind: 'token' };
  if (path === '/v2' || path.startsWith('/v2/')) return distributionRoute(path, query, config, host);
  if (path === SEARCH) {
    const search = readSearch(query, config, host);
    return { ...plain, kind: 'search', upstream: search.upstream, search };
  }
  if (OWN_PATHS.has(path) || path.startsWith('/-/')) return { ...plain, kind: 'own' };
  return { ...plain, kind: 'backend', path: backendPath(path) };
}

/** Only the origin form (RFC 9112 section 3.2.1) is served: with the absolute form we would be an open forward proxy. */
function splitTarget(target: string): { path: string; query: Query } {
  if (!target.startsWith('/'))
    throw new RegistryError(400, 'UNSUPPORTED', 'the request target must be a path', {
      hint: 'this is a registry, not a forward proxy: set it as registry or registry mirror, not as HTTP_PROXY',
    });
  const invisible = /[^\x21-\x7e]|#/.exec(target);
  if (invisible)
    throw new RegistryError(400, 'NAME_INVALID', 'the request target holds a character that must be percent-encoded');
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  const query = mark < 0 ? '' : target.slice(mark);
  if (/%(?![0-9a-f]{2})/i.test(target))
    throw new RegistryError(400, 'NAME_INVALID', 'malformed percent-encoding in the request target');
  return { path, query };
}

/** Storage paths may hold any encoding, but never a step upwards and never a start that reads as another host. */
function backendPath(path: string): string {
  const decoded = lenientPath(path);
  if (decoded.startsWith('//') || /\/\.{1,2}(\/|$)/.test(decoded) || /%00/.test(path)) {
    throw new RegistryError(400, 'NAME_INVALID', 'the path holds `..`, `.` or an empty first segment');
  }
  return path;
}

function distributionRoute(path: string, query: Query, config: Config, host: string): Below {
  if (path.includes('%'))
    throw new RegistryError(400, 'NAME_INVALID', 'percent-encoding has no place in a /v2/ path', {
      hint: 'names, tags and digests consist of unreserved characters',
    });
  const namespace = namespaceOf(query);
  const rest = withoutParameters(query, 'ns', ATTEMPT);
  const named = namespace === undefined ? undefined : findUpstream(namespace, config);
  if (namespace !== undefined && !named) throw unknownRegistry(namespace, config);
  const hosted = named ?? upstreamOfHost(host, config);
  if (!hosted) checkHost(host, config);
  const fallback = hosted ?? config.upstreams[0];
  const plain = {
    upstream: fallback,
    query: rest,
    repository: '',
    typed: '',
    reference: '',
    namespace,
    attempt: attemptOf(query),
  };
  if (path === '/v2' || path === '/v2/') return { ...plain, kind: 'ping', path: '/v2/' };
  if (path === '/v2/_catalog') return { ...plain, kind: 'catalog', path };

  const segments = path.slice('/v2/'.length).split('/');
  if (
    segments.some(
      (segment, index) => segment === '.' || segment === '..' || (segment === '' && index < segments.length - 1),
    )
  ) {
    throw new RegistryError(400, 'NAME_INVALID', 'the path holds `..`, `.` or an empty segment');
  }
  const endpoint = endpointOf(segments);
  if (!endpoint) throw new RegistryError(404, 'NAME_UNKNOWN', 'no such endpoint in the distribution API', { path });
  const typed = endpoint.name.join('/');
  const bare = withoutSecret(endpoint.name, config);
  const { upstream, name } = hosted ? ownName(bare, hosted) : upstreamOfName(bare, config);
  if (!isName(name))
    throw new RegistryError(400, 'NAME_INVALID', 'invalid repository name', { name: name.slice(0, MAX_NAME_LENGTH) });
  checkReference(endpoint.kind, endpoint.reference);
  const repository = nameUpstream(name, upstream);
  const isOurs = upstream.auth === 'proxy';
  const session = endpoint.kind === 'upload' ? openSession(endpoint.reference, repository, isOurs) : undefined;
  return {
    ...plain,
    kind: endpoint.kind,
    upstream,
    path: session?.path ?? `/v2/${repository}/${endpoint.tail}`,
    query: joinQueries(
      session?.query ?? '',
      editParameter(rest, 'from', (from) => nameInScope(from, upstream, config)),
    ),
    repository,
    typed,
    reference: endpoint.reference,
  };
}

/** Whatever else somebody writes there is no attempt of ours. */
function attemptOf(query: Query): number {
  const [value = ''] = valuesOf(query, ATTEMPT);
  return /^[1-9]$/.test(value) ? Number(value) : 0;
}

function namespaceOf(query: Query): string | undefined {
  const values = valuesOf(query, 'ns');
  if (values.length > 1) throw new RegistryError(400, 'NAME_INVALID', 'more than one ns parameter');
  return values[0]?.toLowerCase();
}

interface Endpoint {
  readonly kind: RouteKind;
  readonly name: readonly string[];
  readonly tail: string;
  readonly reference: string;
}

/** Read from the end, since a repository's name may hold any of these words. */
function endpointOf(segments: readonly string[]): Endpoint | undefined {
  const [third, second, first] = [segments.at(-3), segments.at(-2), segments.at(-1) ?? ''];
  const make = (kind: RouteKind, count: number, reference: string): Endpoint | undefined => {
    const name = segments.slice(0, -count);
    return name.length > 0 ? { kind, name, tail: segments.slice(-count).join('/'), reference } : undefined;
  };
  if (third === 'blobs' && second === 'uploads')
    return first === '' ? make('uploads', 3, '') : make('upload', 3, first);
  if (second === 'blobs' && first === 'uploads') return make('uploads', 2, '');
  if (second === 'tags' && first === 'list') return make('tags', 2, '');
  if (second === 'manifests') return make('manifest', 2, first);
  if (second === 'blobs') return make('blob', 2, first);
  if (second === 'referrers') return make('referrers', 2, first);
  return undefined;
}

function checkReference(kind: RouteKind, reference: string): void {
  if ((kind === 'blob' || kind === 'referrers') && !isDigest(reference)) {
    throw new RegistryError(400, 'DIGEST_INVALID', 'invalid digest', { digest: reference.slice(0, 200) });
  }
  if (kind !== 'manifest' || isTag(reference) || isDigest(reference)) return;
  const code = reference.includes(':') ? 'DIGEST_INVALID' : 'TAG_INVALID';
  throw new RegistryError(400, code, reference.includes(':') ? 'invalid digest' : 'invalid tag', {
    reference: reference.slice(0, 200),
  });
}
