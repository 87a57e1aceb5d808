import { type ErrorCode, RegistryError } from './errors';
import { headerOf } from './headers';
import { isImageServed } from './image-rules';
import type { Place } from './location';
import { nameForClients } from './names';
import { completeName, isName } from './reference';
import type { SearchHit, SearchQuestion } from './search';
import type { Relay, ResponseHead } from './verbs';

/** Characters of a description. */
export const MAX_DESCRIPTION = 500;

/**
 * The answer of `SEARCH_BACKEND`: nothing of it comes to the client but what has been understood.
 * @throws RegistryError with its status where that says that nothing was found out
 */
export function relayedSearch({ status, headers }: ResponseHead, place: Place): Relay {
  if (status !== 200) throw searchError(status, headerOf(headers, 'retry-after'));
  return {
    verb: 'relay',
    status,
    headers: [
      ['content-type', 'application/json'],
      ['cache-control', 'no-store'],
      ['x-content-type-options', 'nosniff'],
    ],
    body: 'collect',
    edit: (text) => rebuild(text, place),
  };
}

/** A 401 would ask the client for a login that nobody there is to see; a redirect leads where nobody said that we may ask. */
function searchError(status: number, retryAfter: string | undefined): RegistryError {
  const isKept = status >= 400 && status !== 401 && status !== 407;
  const hint = status >= 300 && status < 400 ? 'set SEARCH_BACKEND to where it leads' : undefined;
  return new RegistryError(
    isKept ? status : 502,
    isKept ? codeOf(status) : 'UNAVAILABLE',
    `the search backend answers ${status}`,
    { status, hint },
    retryAfter === undefined ? [] : [['retry-after', retryAfter]],
  );
}

function codeOf(status: number): ErrorCode {
  if (status === 429) return 'TOOMANYREQUESTS';
  if (status === 403) return 'DENIED';
  return status >= 500 ? 'UNAVAILABLE' : 'UNSUPPORTED';
}

/**
 * The fields that docker documents (moby, api/types/registry, `SearchResults`; the three numbers of pages beside them), made anew.
 * @throws SyntaxError, TypeError for what is no answer to a search
 */
function rebuild(text: string, place: Place): string {
  const question = place.route.search as SearchQuestion;
  const document: unknown = JSON.parse(text);
  const { results, num_results, num_pages } = fieldsOf(document);
  if (!Array.isArray(results)) throw new TypeError('no list of results');
  const hits = results.flatMap((each) => readHit(each, question, place)).slice(0, question.count);
  return `${JSON.stringify({
    query: question.term,
    num_results: Math.max(numberOf(num_results), hits.length),
    num_pages: Math.max(numberOf(num_pages), 1),
    page: question.page,
    page_size: question.count,
    results: hits,
  })}\n`;
}

/** What a hit is to docker and podman. */
interface PrintedHit {
  readonly name: string;
  readonly description: string;
  readonly star_count: number;
  readonly is_official: boolean;
  readonly is_automated: boolean;
}

function readHit(value: unknown, question: SearchQuestion, place: Place): PrintedHit[] {
  const { name, description, star_count, is_official, is_automated } = fieldsOf(value);
  const known = typeof name === 'string' ? nameHere(name, question, place) : undefined;
  if (known === undefined) return [];
  return [
    {
      name: known,
      description: typeof description === 'string' ? cleaned(description) : '',
      star_count: numberOf(star_count),
      is_official: is_official === true,
      is_automated: is_automated === true,
    },
  ];
}

/** As it can be pulled from this host by who asks; undefined where it cannot. */
function nameHere(name: string, { upstream, before, isSeen }: SearchQuestion, { config }: Place): string | undefined {
  if (!isName(name)) return undefined;
  const own = nameForClients(completeName(name, upstream.name), upstream);
  if (own === undefined) return undefined;
  const image = { registry: upstream.name, repository: own };
  if (!isImageServed(image, config) || isSeen?.(image) === false) return undefined;
  return before + (upstream.name === 'docker.io' ? own.replace(/^library\/([^/]+)$/, '$1') : own);
}

/** Control characters, which a terminal acts on; those that turn text around (Unicode, UAX 9 section 2) and those that nobody sees. */
const UNSEEN =
  /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]+/gu;

function cleaned(text: string): string {
  const line = text
    .slice(0, 4 * MAX_DESCRIPTION)
    .replace(UNSEEN, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  return [...line].slice(0, MAX_DESCRIPTION).join('');
}

function numberOf(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : 0;
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/**
 * The hits in an answer of ours.
 * @throws SyntaxError, TypeError for what is none
 */
export function readHits(text: string): SearchHit[] {
  const { results } = fieldsOf(JSON.parse(text));
  return (results as PrintedHit[]).map(({ name, description, star_count, is_official }) => {
    return { name, description, stars: star_count, isOfficial: is_official };
  });
}
