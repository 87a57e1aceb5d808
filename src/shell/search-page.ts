import type { Config } from '../core/config';
import type { Seen } from '../core/doctor/evidence';
import { RegistryError } from '../core/errors';
import { type HeaderList, headerOf, headersOf } from '../core/headers';
import type { Refusal } from '../core/inspect/report';
import type { Place } from '../core/location';
import { originOfRequest } from '../core/origin';
import { printQuery } from '../core/query';
import { routeOf } from '../core/route';
import { SEARCH, type SearchHit } from '../core/search';
import { readHits } from '../core/search-answer';
import type { RequestHead } from '../core/verbs';
import type { Door } from './doctor-door';

/** Hits that a page shows. */
const HITS = 25;

/** Bytes of an answer of ours: as many hits, each with the longest name and description. */
const MAX_ANSWER = 256 * 1024;

/** Milliseconds after which the answer is not waited for any more: retries included, it has deadlines of its own before. */
const SEARCH_TIME = 30_000;

/** What somebody searches out of, at the time of a request. */
export interface SearchPlace {
  readonly config: Config;
  /** The visitor's own request. */
  readonly head: RequestHead;
  /** Asks this very instance as the visitor, by its own URL. @param signal ends all of it */
  readonly open: (place: Place, signal: AbortSignal) => Door;
}

export type SearchResult = { readonly hits: readonly SearchHit[] } | { readonly refused: Refusal };

/** What a search finds for a visitor, by the same rules and with the visitor's own login, as `docker search` of this host. */
export async function searchHits(term: string, { config, head, open }: SearchPlace): Promise<SearchResult> {
  const ending = new AbortController();
  const timer = setTimeout(() => ending.abort(new Error('no time left')), SEARCH_TIME);
  try {
    const place = placeOf(term, head, config);
    const { path, query } = place.route;
    const url = { ...place.origin, path: place.route.mount + path, query };
    const headers: HeaderList = head.headers.filter(([name]) => name === 'authorization');
    const door = open(place, ending.signal);
    return readSeen(await door.ask({ method: 'GET', url, headers, take: MAX_ANSWER, keep: MAX_ANSWER }));
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    const { status, code, message } = error;
    return { refused: { status, code, message } };
  } finally {
    clearTimeout(timer);
  }
}

/** Where `docker search` of the same term would arrive. @throws RegistryError for a term that is none */
function placeOf(term: string, head: RequestHead, config: Config): Place {
  const origin = originOfRequest(head, config);
  if (!origin) throw new RegistryError(400, 'UNSUPPORTED', 'the request has no usable Host');
  const { mount } = routeOf(head.target, config, origin.hostname);
  const query = printQuery([
    ['q', term],
    ['n', String(HITS)],
  ]);
  return { config, origin, route: routeOf(mount + SEARCH + query, config, origin.hostname) };
}

function readSeen(seen: Seen): SearchResult {
  const text = seen.ending === 'whole' ? new TextDecoder().decode(seen.start) : '';
  if (seen.status !== 200) return { refused: refusalOf(seen, text) };
  try {
    return { hits: readHits(text) };
  } catch {
    return { refused: { status: 502, code: 'UNAVAILABLE', message: 'the answer to the search did not come whole' } };
  }
}

function refusalOf({ status = 502, headers, failure }: Seen, text: string): Refusal {
  const { code, message } = firstError(text);
  const challenge = headersOf(headers, 'www-authenticate').find((value) => /^basic /i.test(value));
  const retryAfter = headerOf(headers, 'retry-after');
  return {
    status,
    code: code ?? 'UNAVAILABLE',
    message: message ?? failure?.message ?? `the search was answered with ${status}`,
    ...(challenge !== undefined && { challenge }),
    ...(retryAfter !== undefined && { retryAfter }),
  };
}

/** Of an error of ours. */
function firstError(text: string): { readonly code?: string; readonly message?: string } {
  try {
    return JSON.parse(text).errors[0] ?? {};
  } catch {
    return {};
  }
}
