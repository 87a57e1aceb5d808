import { type HeaderList, headerOf, LENGTH_FIELD } from './headers';
import type { Place } from './location';
import type { RequestHead } from './verbs';

/** What is kept, as far as a response's head needs it. */
export interface Held {
  readonly digest: string;
  readonly size: number;
  /** Manifests only. */
  readonly mediaType?: string;
  /** It is still being fetched. */
  readonly isComing?: boolean;
  /** Milliseconds since it was known to be what the registry has; tags only. */
  readonly age?: number;
}

export interface ServedHead {
  readonly status: 200 | 206 | 304 | 416;
  readonly headers: HeaderList;
  readonly range?: { readonly first: number; readonly last: number };
}

/** The head of an answer out of the cache, by what the client asked for (RFC 9110 sections 13 and 14). */
export function servedHead({ method, headers }: RequestHead, held: Held, place: Place): ServedHead {
  const { route } = place;
  const etag = `"${held.digest}"`;
  const fields: HeaderList = [
    ['docker-distribution-api-version', 'registry/2.0'],
    ['docker-content-digest', held.digest],
    ['etag', etag],
    ...(route.namespace === undefined ? [] : [['oci-namespace', route.upstream.name] as const]),
    ...(held.age === undefined ? [] : [['age', String(Math.max(0, Math.floor(held.age / 1000)))] as const]),
    ...cacheControl(place),
  ];
  if (isKnown(headerOf(headers, 'if-none-match'), etag)) return { status: 304, headers: fields };
  const type = held.mediaType ?? 'application/octet-stream';
  const whole = { first: 0, last: held.size - 1 };
  const asked = route.kind === 'blob' && method === 'GET' ? requestedRange(headers, etag, held.size) : undefined;
  const typed: HeaderList = [...fields, ['content-type', type], ['accept-ranges', 'bytes']];
  if (asked === 'unsatisfiable')
    return { status: 416, headers: [...fields, ['content-range', `bytes */${held.size}`], ['content-length', '0']] };
  if (asked) {
    const { first, last } = asked;
    const part: HeaderList = [['content-range', `bytes ${first}-${last}/${held.size}`]];
    return { status: 206, headers: [...typed, ...part, length(last - first + 1, place)], range: asked };
  }
  const sized: HeaderList = [...typed, length(held.size, place, method === 'HEAD')];
  return { status: 200, headers: sized, range: method === 'HEAD' || held.size === 0 ? undefined : whole };
}

function length(size: number, { config }: Place, isHead = false): readonly [string, string] {
  return [!isHead && size > config.chunkedAbove ? LENGTH_FIELD : 'content-length', String(size)];
}

/** A shared cache in front of us has not seen who asks. */
function cacheControl({ config: { gate } }: Place): HeaderList {
  return gate !== undefined && !gate.anonymousPull ? [['cache-control', 'private']] : [];
}

function isKnown(field: string | undefined, etag: string): boolean {
  const known = field?.split(',').map((each) => each.trim().replace(/^W\//, '')) ?? [];
  return known.includes(etag) || known.includes(etag.slice(1, -1)) || known.includes('*');
}

/** One range of bytes; undefined for none, for several, and for what is none: then all of it is sent (RFC 9110 section 14.2). */
export function requestedRange(
  headers: HeaderList,
  etag: string,
  size: number,
): { first: number; last: number } | 'unsatisfiable' | undefined {
  const match = /^bytes\s*=\s*(\d{0,15})\s*-\s*(\d{0,15})$/i.exec(headerOf(headers, 'range')?.trim() ?? '');
  if (!match || (match[1] === '' && match[2] === '')) return undefined;
  const condition = headerOf(headers, 'if-range');
  if (condition !== undefined && condition !== etag) return undefined;
  if (match[1] === '') {
    const count = Math.min(Number(match[2]), size);
    return count === 0 ? 'unsatisfiable' : { first: size - count, last: size - 1 };
  }
  const first = Number(match[1]);
  const last = match[2] === '' ? size - 1 : Math.min(Number(match[2]), size - 1);
  if (match[2] !== '' && Number(match[2]) < first) return undefined;
  return first >= size ? 'unsatisfiable' : { first, last };
}
