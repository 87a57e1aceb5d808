import { SMALL_BODY_BYTES } from './capabilities';
import { type HeaderList, headerOf, headersOf, responseHeaders, withHeader, withoutHeaders } from './headers';
import { ownLink, ownLocation, type Place, passedLocation } from './location';
import { contentLength, parseContentRange, unsatisfiedTotal } from './range';
import { ownChallenges } from './realm';
import { isRedirect } from './redirect';
import { isDigest } from './reference';
import { hostOf, originOf } from './url';
import type { Forward, Relay, ResponseHead } from './verbs';

/** The upstream's response in the client's terms. */
export function relayed(sent: Forward, head: ResponseHead, place: Place): Relay {
  const fields = responseHeaders(head.headers);
  const headers = [
    ...fields.flatMap(([name, value]) => translate(name, value, sent, head, place)),
    ...addedHeaders(fields, sent, head, place),
  ];
  const hasBody = sent.method !== 'HEAD' && ![204, 304].includes(head.status);
  if (!hasBody) return { verb: 'relay', status: head.status, headers, body: 'none' };
  const length = contentLength(headers);
  if (length === undefined && isSmallKind(place))
    return { verb: 'relay', status: head.status, headers, body: 'collect' };
  const isChunked = length !== undefined && length > place.config.chunkedAbove;
  return {
    verb: 'relay',
    status: head.status,
    headers: isChunked ? withoutHeaders(headers, 'content-length') : headers,
    body: 'stream',
  };
}

/** A GET of one byte in the client's terms, who sent HEAD: the whole length, and no body. */
export function relayedProbe(sent: Forward, head: ResponseHead, place: Place): Relay {
  const relay = relayed(sent, head, { ...place, config: { ...place.config, chunkedAbove: Number.POSITIVE_INFINITY } });
  const range = headerOf(head.headers, 'content-range');
  const total =
    head.status === 206 ? parseContentRange(range)?.total : head.status === 416 ? unsatisfiedTotal(range) : undefined;
  const whole = withoutHeaders(relay.headers, 'content-range');
  if (total === undefined)
    return {
      ...relay,
      headers: head.status === 206 ? withoutHeaders(whole, 'content-length') : whole,
      status: head.status === 206 ? 200 : head.status,
      body: 'none',
    };
  const headers = digestHeader(whole, place);
  return { ...relay, status: 200, headers: withHeader(headers, 'content-length', String(total)), body: 'none' };
}

/** Manifests, lists and tokens: oras and helm refuse a manifest without a length. */
function isSmallKind(place: Place): boolean {
  return !['blob', 'backend'].includes(place.route.kind);
}

type Field = readonly [string, string];

function translate(name: string, value: string, sent: Forward, head: ResponseHead, place: Place): Field[] {
  switch (name) {
    case 'location':
      return [[name, isRedirect(head) ? passedLocation(value, sent.url, place) : ownLocation(value, sent.url, place)]];
    case 'link':
      return [[name, ownLink(value, sent.url, place)]];
    case 'www-authenticate':
      return head.status === 401 && sent.purpose === 'registry'
        ? ownChallenges([value], `${originOf(place.origin)}/token`, hostOf(place.origin)).map((line) => [name, line])
        : [[name, value]];
    case 'content-type':
      // "The Content-Type SHOULD NOT have parameters" (spec): crane keeps them as part of the media type.
      return [[name, place.route.kind === 'manifest' ? value.split(';')[0].trim() : value]];
    case 'cache-control':
      return sent.purpose === 'realm' ? [] : [[name, value]];
    default:
      return [[name, value]];
  }
}

function addedHeaders(fields: HeaderList, sent: Forward, head: ResponseHead, place: Place): HeaderList {
  const { kind, namespace, upstream } = place.route;
  if (kind === 'backend') return [];
  if (kind === 'token') return [['cache-control', 'no-store']];
  const version: Field[] =
    headersOf(fields, 'docker-distribution-api-version').length > 0
      ? []
      : [['docker-distribution-api-version', 'registry/2.0']];
  const own: Field[] =
    namespace === undefined || headersOf(fields, 'oci-namespace').length > 0 ? [] : [['oci-namespace', upstream.name]];
  const isWhole = sent.method !== 'DELETE' && [200, 206].includes(head.status);
  return [...version, ...own, ...(isWhole ? digestHeader(fields, place).slice(fields.length) : [])];
}

/** Storage hosts do not know the digest that the client asked for; the URL does. */
function digestHeader(headers: HeaderList, place: Place): HeaderList {
  const { kind, reference } = place.route;
  const isKnown = headersOf(headers, 'docker-content-digest').length > 0;
  return kind === 'blob' && !isKnown && isDigest(reference)
    ? [...headers, ['docker-content-digest', reference]]
    : headers;
}

/** Bodies read whole before they are sent, to learn their length, are at most this many bytes; longer ones go chunked. */
export const MAX_COLLECTED = SMALL_BODY_BYTES;
