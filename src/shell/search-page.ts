import type { Seen } from '../core/doctor/evidence';
import { type HeaderList, headerOf, headersOf } from '../core/headers';
import type { Refusal } from '../core/inspect/report';
import { printQuery } from '../core/query';
import { SEARCH, type SearchHit } from '../core/search';
import { readHits } from '../core/search-answer';
import type { Url } from '../core/url';
import type { Door } from './doctor-door';

/** Hits that a page shows. */
const HITS = 25;

/** Bytes of an answer of ours: as many hits, each with the longest name and description. */
const MAX_ANSWER = 256 * 1024;

/** Where a visitor's search is asked. */
export interface SearchPlace {
  /** Asks this very instance. */
  readonly door: Door;
  /** The origin by which the visitor knows this instance; `path` is below what its other paths are (`/secret`), or empty. */
  readonly target: Url;
  /** The visitor's own, of which `Authorization` is passed on. */
  readonly headers: HeaderList;
}

export type SearchResult = { readonly hits: readonly SearchHit[] } | { readonly refused: Refusal };

/** What a search finds for a visitor, by their own right: as `docker search` of this host. */
export async function searchHits(term: string, { door, target, headers }: SearchPlace): Promise<SearchResult> {
  const query = printQuery([
    ['q', term],
    ['n', String(HITS)],
  ]);
  const seen = await door.ask({
    method: 'GET',
    url: { ...target, path: target.path + SEARCH, query },
    headers: headers.filter(([name]) => name === 'authorization'),
    take: MAX_ANSWER,
    keep: MAX_ANSWER,
  });
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
