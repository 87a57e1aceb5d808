import { type HeaderList, headerOf, LENGTH_FIELD } from './headers';
import type { ResponseHead, Span } from './verbs';

/** `Content-Range: bytes first-last/total` (RFC 9110 section 14.4); undefined for anything else. */
export function parseContentRange(
  field: string | undefined,
): { first: number; last: number; total?: number } | undefined {
  const match = /^bytes\s+(\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/i.exec(field?.trim() ?? '');
  if (!match) return undefined;
  const [first, last] = [Number(match[1]), Number(match[2])];
  const total = match[3] === '*' ? undefined : Number(match[3]);
  return last < first || (total !== undefined && last >= total) ? undefined : { first, last, total };
}

/** The total that a 416 names: `Content-Range: bytes` and then an asterisk in place of the range. */
export function unsatisfiedTotal(field: string | undefined): number | undefined {
  const match = /^bytes\s+\*\/(\d{1,15})$/i.exec(field?.trim() ?? '');
  return match ? Number(match[1]) : undefined;
}

export function contentLength(headers: HeaderList, name = 'content-length'): number | undefined {
  const text = headerOf(headers, name);
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/**
 * Which bytes a 200 or 206 carries; undefined where that cannot be told: several ranges, an encoded body, a length that
 * contradicts the range.
 */
export function spanOf(head: ResponseHead): Span | undefined {
  const encoding = headerOf(head.headers, 'content-encoding')?.toLowerCase() ?? 'identity';
  if (encoding !== 'identity') return undefined;
  const total = contentLength(head.headers) ?? contentLength(head.headers, LENGTH_FIELD);
  if (head.status === 206) {
    const part = parseContentRange(headerOf(head.headers, 'content-range'));
    return total === undefined || (part && part.last - part.first + 1 === total) ? part : undefined;
  }
  if (head.status !== 200) return undefined;
  return total === undefined ? { first: 0 } : { first: 0, last: total - 1, total };
}

/** The `Range` that asks for what is missing after `received` bytes of a span. */
export function rangeOfRest(span: Span, received: number): string {
  return `bytes=${span.first + received}-${span.last ?? ''}`;
}

/** A strong entity tag (RFC 9110 section 8.8.3), fit for `If-Range`. Registries send it without quotes, too. */
export function strongValidator(headers: HeaderList): string | undefined {
  const etag = headerOf(headers, 'etag');
  return etag && !etag.startsWith('W/') ? etag : undefined;
}
