import type { Config } from './config';
import { isPassedUntouched } from './delivery';
import { joinQueries, printQuery } from './query';
import type { Route } from './route';
import { isPlainSession, wrapSession } from './session';
import type { Origin } from './setting-values';
import type { Excess } from './spending';
import { hrefOf, isSameHost, originOf, resolveUrl, type Url } from './url';

/** What is needed to say in the client's terms where something is. */
export interface Place {
  readonly config: Config;
  readonly route: Route;
  readonly origin: Origin;
  /** A budget of bytes is used up: this blob, though it may be kept here, comes from where its registry redirects to, or not at all. */
  readonly excess?: Excess;
}

/** `/v2/…` of the upstream as a path below its base; undefined for anything that is not of its distribution API. */
function distributionPath(url: Url, place: Place): string | undefined {
  const { upstream } = place.route;
  const base = `${upstream.url.path}/v2/`;
  if (!isSameHost(url, upstream.url) || !url.path.startsWith(base)) return undefined;
  return url.path.slice(upstream.url.path.length);
}

/** The repository under the name the client used, and the `ns` it came with. */
function asTyped(path: string, query: string, place: Place): string {
  const { repository, typed, namespace } = place.route;
  const prefix = `/v2/${repository}/`;
  const ours = repository && path.startsWith(prefix) ? `/v2/${typed}/${path.slice(prefix.length)}` : path;
  return ours + joinQueries(query, namespace === undefined ? '' : printQuery([['ns', namespace]]));
}

/** The client closes an upload with `&digest=` and at most a sha512, percent-encoded. */
const DIGEST_ROOM = 160;

/** `Location` of an answer that is no redirect (201, 202, 204): uploads and what was made lead back to us. */
export function ownLocation(location: string, base: Url, place: Place): string {
  const url = resolveUrl(location, base);
  if (!url || !isSameHost(url, place.route.upstream.url)) return location;
  const ours = home(place) + (sessionPath(url, place) ?? distributionTarget(url, place) ?? url.path + url.query);
  return fits(ours, DIGEST_ROOM, place) ? ours : hrefOf(url);
}

/** This very endpoint, as its client asks for it. */
export function sameAgain(place: Place, parameters: readonly (readonly [string, string])[]): string {
  return home(place) + asTyped(place.route.path, printQuery(parameters), place);
}

/** Our root as this client knows it. */
function home({ origin, route }: Place): string {
  return originOf(origin) + route.mount;
}

function distributionTarget(url: Url, place: Place): string | undefined {
  const path = distributionPath(url, place);
  return path === undefined ? undefined : asTyped(path, url.query, place);
}

/** Only for answers about uploads; undefined where the path needs no wrapping. */
function sessionPath(url: Url, place: Place): string | undefined {
  const { kind, repository } = place.route;
  if (kind !== 'uploads' && kind !== 'upload') return undefined;
  const path = distributionPath(url, place);
  const plain = `/v2/${repository}/blobs/`;
  const [collection, session, ...more] = path?.startsWith(plain) ? path.slice(plain.length).split('/') : [];
  const isBlob = collection?.includes(':') && session === undefined;
  const isSession = collection === 'uploads' && session !== undefined && more.length === 0 && isPlainSession(session);
  if (isBlob || isSession) return undefined;
  const wrapped = wrapSession({ path: path ?? url.path, query: url.query });
  return asTyped(`/v2/${repository}/blobs/uploads/${wrapped}`, '', place);
}

/** Whether the platform's edge would let a client come back with this URL. */
function fits(ours: string, room: number, { origin, config }: Place): boolean {
  return ours.length - originOf(origin).length + room <= config.capabilities.maxTarget;
}

/** `Location` of a redirect that is passed on, by the table in docs/request-handling.md. */
export function passedLocation(location: string, base: Url, place: Place): string {
  const url = resolveUrl(location, base);
  if (!url) return location;
  const { backendHost } = place.config;
  const proxyRedirect = place.route.upstream.proxyRedirect && !isPassedUntouched(place);
  const own = home(place) + (distributionTarget(url, place) ?? url.path + url.query);
  if (proxyRedirect && isSameHost(url, backendHost) && fits(own, 0, place)) return own;
  // The path of a far instance may hold its secret: clients are not sent there themselves.
  if (proxyRedirect && distributionPath(url, place) !== undefined && fits(own, 0, place)) return own;
  const isRelative = !/^[a-z][a-z0-9+.-]*:/i.test(location);
  return isRelative ? hrefOf(url) : location;
}

/** `Link` (RFC 8288) of tags, catalog and referrers: the next page is asked of us. */
export function ownLink(link: string, base: Url, place: Place): string {
  return link.replace(/<([^<>]*)>/g, (whole, reference: string) => {
    const url = resolveUrl(reference, base);
    const target = url && distributionTarget(url, place);
    return target === undefined ? whole : `<${place.route.mount}${target}>`;
  });
}
