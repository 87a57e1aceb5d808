import { isOwnToken } from './anonymous-token';
import type { Config, Upstream } from './config';
import { AGENT, backendHeaders, type HeaderList, headerOf, requestHeaders, withHeader } from './headers';
import { takesBody } from './methods';
import { joinQueries, printQuery } from './query';
import type { Route } from './route';
import type { Forward, RequestHead } from './verbs';

/** The client's request as the registry gets it. */
export function registryForward({ method, headers }: RequestHead, route: Route): Forward {
  const body = takesBody(method) ? 'client' : 'none';
  const base = route.upstream.url;
  // An upload session that was wrapped may lie outside the upstream's base path (core/session.ts).
  const path = route.path.startsWith('/v2/') ? base.path + route.path : route.path;
  return {
    verb: 'forward',
    method,
    url: { ...base, path, query: joinQueries(route.query, namespaceQuery(route.upstream)) },
    headers: [...requestHeaders(ownLogin(headers, route), AGENT), ...(body === 'client' ? framing(headers) : [])],
    body,
    reach: route.upstream.reach,
    connection: route.upstream.connection,
    purpose: 'registry',
  };
}

/** What a mirror is told of the registry that it stands for: it may stand for several. */
function namespaceQuery({ mirror, name }: Upstream): string {
  return mirror ? printQuery([['ns', name]]) : '';
}

/** Where the proxy authenticates, a client's login is meant for nobody upstream, and neither is a token of ours. */
function ownLogin(headers: HeaderList, { upstream }: Route): HeaderList {
  return upstream.auth === 'proxy' || isOwnToken(headerOf(headers, 'authorization'))
    ? withHeader(headers, 'authorization', undefined)
    : headers;
}

/** The client's own framing: a length, or chunks where it does not know it. */
function framing(headers: HeaderList): HeaderList {
  const length = headerOf(headers, 'content-length');
  if (length !== undefined) return [['content-length', length]];
  const isChunked = headerOf(headers, 'transfer-encoding') !== undefined;
  return [isChunked ? ['transfer-encoding', 'chunked'] : ['content-length', '0']];
}

/** A path outside `/v2/`, asked of `DEFAULT_BACKEND_HOST` without any credential. */
export function backendForward({ method, headers }: RequestHead, route: Route, config: Config): Forward {
  return {
    verb: 'forward',
    method,
    url: { ...config.backendHost, path: route.path, query: route.query },
    headers: backendHeaders(headers, AGENT),
    body: 'none',
    reach: route.upstream.reach,
    connection: route.upstream.connection,
    purpose: 'backend',
  };
}

/** `GET /v2/` without a login, for the challenge that names the token realm. */
export function pingForward(headers: HeaderList, upstream: Upstream): Forward {
  const bare = headers.filter(([name]) => name !== 'authorization' && name !== 'content-type');
  const url = { ...upstream.url, path: `${upstream.url.path}/v2/`, query: namespaceQuery(upstream) };
  const { reach, connection } = upstream;
  return { verb: 'forward', method: 'GET', url, headers: bare, body: 'none', reach, connection, purpose: 'ping' };
}

/** The same, with milliseconds of its own for the response head. */
export function hurried<Verb extends { readonly verb: string }>(verb: Verb | Forward, within?: number): Verb | Forward {
  return verb.verb === 'forward' && within !== undefined ? { ...verb, within } : verb;
}
