import { isPrivateHost } from './addresses';
import type { Config, Upstream } from './config';
import { RegistryError } from './errors';
import { AGENT, requestHeaders } from './headers';
import type { Image } from './image-rules';
import { printQuery, type Query, valuesOf } from './query';
import { registryName } from './registries';
import { withoutSecret } from './secret-path';
import { findUpstream, unknownRegistry, upstreamOfHost } from './upstreams';
import { isSameHost, type Url } from './url';
import type { Answer, Forward, RequestHead } from './verbs';

/** Path by which docker and podman search (moby, registry/search_session.go; containers/image, docker_client.go). */
export const SEARCH = '/v1/search';

/** Path that docker asks before it searches. */
export const SEARCH_PING = '/v1/_ping';

/** Characters of a term; the name of a repository has no more at Docker Hub. */
export const MAX_TERM = 255;

/** Hits on a page at most, and where nobody says how many (moby, `searchRepositories`). */
export const MAX_HITS = 100;
const USUAL_HITS = 25;

/** Pages that can be asked for. */
const MAX_PAGE = 1000;

/** A repository that was found. */
export interface SearchHit {
  /** As it is pulled from this host, without a tag. */
  readonly name: string;
  /** One line, without control characters. */
  readonly description: string;
  readonly stars: number;
  readonly isOfficial: boolean;
}

/** What somebody searches for. */
export interface SearchQuestion {
  /** Without the secret and without the registry's name. */
  readonly term: string;
  /** Hits on a page, 1 to `MAX_HITS`. */
  readonly count: number;
  readonly page: number;
  /** The term begins with the secret. */
  readonly isGuest: boolean;
  /** The registry whose repositories are searched. */
  readonly upstream: Upstream;
  /** What stands before a name that is to be pulled from this host: `docker.io/`, or nothing. */
  readonly before: string;
  /** Whether who asks may pull it; where absent, everybody may. */
  readonly isSeen?: (image: Image) => boolean;
}

/**
 * Reads `?q=term&n=25&page=1`.
 * @param host the host name by which the client knows us
 * @throws RegistryError 400 for what is no question, 404 for a registry without a search
 */
export function readSearch(query: Query, config: Config, host: string): SearchQuestion {
  const [text, isGuest] = withoutGuest(onlyValue(query, 'q'), config);
  const count = Math.min(readNumber(query, 'n', USUAL_HITS, Number.MAX_SAFE_INTEGER), MAX_HITS);
  const page = readNumber(query, 'page', 1, MAX_PAGE);
  const upstream = searched(config);
  const hosted = upstreamOfHost(host, config);
  const asked = { count, page, isGuest, upstream };
  if (hosted && hosted.name !== upstream.name && config.search) throw noSearchAt(hosted.name);
  const term = withoutRegistry(text, upstream, config);
  if (term === '') throw invalid('q is missing: what is searched for?');
  const before = hosted || upstream.name === config.upstreams[0].name ? '' : `${upstream.name}/`;
  return { ...asked, term, before };
}

/** A client puts the secret before the term as it does before a name. */
function withoutGuest(term: string, config: Config): [string, boolean] {
  // The secret alone is no term, and not to be sent anywhere.
  const components = [...term.split('/'), ''];
  const rest = withoutSecret(components, config);
  return [rest.slice(0, -1).join('/'), rest.length < components.length];
}

/** The registry that `SEARCH_BACKEND` knows: its own, else Docker Hub, else the default one. */
function searched({ search, upstreams }: Config): Upstream {
  const hub = findUpstream('docker.io', { upstreams });
  const candidates = hub ? [hub, ...upstreams] : upstreams;
  return candidates.find(({ url }) => search && isSameHost(url, search)) ?? hub ?? upstreams[0];
}

/** docker searches the registry that the first component names, and sends what is behind it. */
function withoutRegistry(text: string, upstream: Upstream, config: Config): string {
  const [first, ...others] = text.split('/');
  const name = first.toLowerCase();
  if (others.length === 0 || !/[.:]/.test(first)) return withoutLibrary(text, upstream);
  const named = findUpstream(name, config);
  if (config.search && !named) throw unknownRegistry(registryName(name), config);
  if (config.search && named?.name !== upstream.name) throw noSearchAt(named?.name ?? name);
  return withoutLibrary(others.join('/'), upstream);
}

/** Docker Hub's search knows official images without it; docker and podman leave it out, too. */
function withoutLibrary(text: string, { name }: Upstream): string {
  return name === 'docker.io' ? text.replace(/^library\//, '') : text;
}

function noSearchAt(registry: string): RegistryError {
  return new RegistryError(404, 'UNSUPPORTED', `${registry} has no search`, {
    registry,
    hint: 'only the registry that SEARCH_BACKEND knows can be searched',
  });
}

function onlyValue(query: Query, name: string): string {
  const values = valuesOf(query, name);
  if (values.length > 1) throw invalid(`more than one ${name}`);
  const text = (values[0] ?? '').trim();
  if (text.length > MAX_TERM) throw invalid(`${name} has more than ${MAX_TERM} characters`);
  if (/\p{Cc}/u.test(text)) throw invalid(`${name} holds a control character`);
  return text;
}

function readNumber(query: Query, name: string, usual: number, most: number): number {
  const text = onlyValue(query, name);
  if (text === '') return usual;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= most) return value;
  throw invalid(`${name} is no number from 1${most === Number.MAX_SAFE_INTEGER ? ' on' : ` to ${most}`}`);
}

function invalid(message: string): RegistryError {
  return new RegistryError(400, 'UNSUPPORTED', message, { hint: `${SEARCH}?q=nginx&n=25` });
}

/**
 * Asks `SEARCH_BACKEND`, to which nothing of the client's goes but its term.
 * @throws RegistryError 404 where there is none
 */
export function searchForward({ headers }: RequestHead, question: SearchQuestion, { search }: Config): Forward {
  if (!search) throw noSearch();
  const { term, count, page, upstream } = question;
  const pages = page === 1 ? [] : [['page', String(page)] as const];
  const query = printQuery([['q', prefixed(term, upstream)], ['n', String(count)], ...pages]);
  const url: Url = { ...search, path: search.path + SEARCH, query };
  const named = headers.filter(([name]) => name === 'user-agent' || name === 'via');
  return {
    verb: 'forward',
    method: 'GET',
    url,
    headers: [...requestHeaders(named, AGENT), ['accept', 'application/json']],
    body: 'none',
    reach: isPrivateHost(search.hostname) || upstream.reach === 'any' ? 'any' : 'public',
    purpose: 'search',
  };
}

/** What lies outside `REPO_PREFIX` cannot be pulled here. */
function prefixed(term: string, { prefix }: Upstream): string {
  return prefix === '' ? term : `${prefix}/${term}`;
}

/** @throws RegistryError 404 where nothing can be searched */
export function answerSearchPing({ search }: Config): Answer {
  if (!search) throw noSearch();
  return {
    verb: 'answer',
    status: 200,
    headers: [
      ['content-type', 'application/json'],
      ['x-docker-registry-version', '0.9.1'],
      // docker sends its login only to a registry that says so, and over TLS.
      ['x-docker-registry-standalone', 'true'],
      ['cache-control', 'no-store'],
    ],
    body: 'true',
  };
}

function noSearch(): RegistryError {
  return new RegistryError(404, 'UNSUPPORTED', 'there is no search here', {
    hint: 'set SEARCH_BACKEND to the URL of a registry that answers /v1/search',
  });
}
