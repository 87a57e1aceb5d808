import { SMALL_BODY_BYTES } from './capabilities';
import {
  type HeaderList,
  headerOf,
  headersOf,
  LENGTH_FIELD,
  responseHeaders,
  withHeader,
  withoutHeaders,
} from './headers';
import { listEdit } from './lists';
import { ownLink, ownLocation, type Place, passedLocation } from './location';
import { contentLength, parseContentRange, spanOf, strongValidator, unsatisfiedTotal } from './range';
import { bearerChallenge, ownChallenges } from './realm';
import { isRedirect } from './redirect';
import { isDigest } from './reference';
import { clientScope } from './scope';
import { hostOf, hrefOf, originOf } from './url';
import type { Forward, Relay, ResponseHead, Span } from './verbs';

/** The upstream's response in the client's terms. */
export function relayed(sent: Forward, head: ResponseHead, place: Place): Relay {
  const { status } = head;
  const edit = listEdit(head, place);
  const fields = clientHeaders(sent, head, place);
  const headers = edit ? withoutHeaders(fields, 'content-length', 'etag') : fields;
  if (sent.method === 'HEAD' || status === 304) return { verb: 'relay', status, headers, body: 'none' };
  // RFC 9110 sections 8.6 and 15.3.6; the parser of Node 20.11 waits for as many bytes.
  if (status === 204 || status === 205)
    return { verb: 'relay', status, headers: withoutHeaders(headers, 'content-length'), body: 'none' };
  if (edit) return { verb: 'relay', status, headers, body: 'collect', edit };
  const length = contentLength(headers);
  if (length === undefined && isSmallKind(place)) return { verb: 'relay', status, headers, body: 'collect' };
  const isChunked = length !== undefined && length > place.config.chunkedAbove;
  const framed = isChunked
    ? [...withoutHeaders(headers, 'content-length'), [LENGTH_FIELD, String(length)] as const]
    : headers;
  const span = resumableSpan(sent, head, place);
  return { verb: 'relay', status, headers: framed, body: 'stream', ...(span && { span }) };
}

function clientHeaders(sent: Forward, head: ResponseHead, place: Place): HeaderList {
  const fields = responseHeaders(head.headers);
  const translated = fields.flatMap(([name, value]) => translate(name, value, sent, head, place));
  return [...translated, ...addedHeaders(fields, sent, head, place), ...missingChallenge(sent, head, place)];
}

/** Where the operator has named a token server and the registry names none, clients are told all the same. */
function missingChallenge({ purpose }: Forward, head: ResponseHead, place: Place): readonly Field[] {
  const { upstream, repository } = place.route;
  const isLacking = head.status === 401 && purpose === 'registry' && !bearerChallenge(head.headers);
  if (!isLacking || upstream.auth === 'proxy' || !upstream.tokenServer) return [];
  const scope = repository === '' ? '' : `,scope="repository:${repository}:pull"`;
  return challengesFor([`Bearer realm="${hrefOf(upstream.tokenServer)}"${scope}`], place).map((line) => {
    return ['www-authenticate', line];
  });
}

/** A blob is the same whoever sends it; anything else can only be continued under a strong validator. */
function resumableSpan(sent: Forward, head: ResponseHead, place: Place): Span | undefined {
  if (sent.method !== 'GET') return undefined;
  if (place.route.kind === 'blob') return spanOf(head);
  const validator = place.route.kind === 'backend' ? strongValidator(head.headers) : undefined;
  const span = validator === undefined ? undefined : spanOf(head);
  return span && { ...span, validator };
}

/** A GET of one byte in the terms of the client, who sent HEAD: the whole length, and no body. */
export function relayedProbe(sent: Forward, head: ResponseHead, place: Place): Relay {
  const headers = withoutHeaders(clientHeaders(sent, head, place), 'content-range');
  const total = probedLength(head);
  if (total === undefined) return { verb: 'relay', status: head.status, headers, body: 'none' };
  const whole = withHeader(withDigest(headers, place), 'content-length', total < 0 ? undefined : String(total));
  return { verb: 'relay', status: 200, headers: whole, body: 'none' };
}

/** What a range of one byte tells of the whole: its length, -1 where it exists but keeps that to itself. */
function probedLength(head: ResponseHead): number | undefined {
  const range = headerOf(head.headers, 'content-range');
  if (head.status === 206) return parseContentRange(range)?.total ?? -1;
  // An empty blob has no first byte.
  return head.status === 416 ? unsatisfiedTotal(range) : undefined;
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
      // No login helps where the proxy authenticates, and none should be asked for: it would come to us.
      if (place.route.upstream.auth === 'proxy') return [];
      return head.status === 401 && sent.purpose === 'registry'
        ? challengesFor([value], place).map((line) => [name, line])
        : [[name, value]];
    case 'content-type':
      // "The Content-Type SHOULD NOT have parameters" (spec): crane keeps them as part of the media type.
      return [[name, place.route.kind === 'manifest' ? value.split(';')[0].trim() : value]];
    case 'cache-control':
      return sent.purpose === 'realm' ? [] : [[name, isForSome(place) ? privately(value) : value]];
    default:
      return [[name, value]];
  }
}

/** What a shared cache in front of us keeps it gives to everybody, whom the gate has not seen. */
function isForSome({ config: { gate } }: Place): boolean {
  return gate !== undefined && !gate.anonymousPull;
}

/** `Cache-Control` for the client's own cache alone (RFC 9111 section 5.2.2.7). */
function privately(value: string): string {
  const kept = value.split(/\s*,\s*/).filter((each) => each !== '' && !/^(public|private|s-maxage)\b/i.test(each));
  return ['private', ...kept].join(', ');
}

function challengesFor(lines: readonly string[], { config, origin, route }: Place): string[] {
  const ownScope = (scope: string) => clientScope(scope, route.upstream, config);
  return ownChallenges(lines, `${originOf(origin)}${route.mount}/token`, hostOf(origin), ownScope);
}

function addedHeaders(fields: HeaderList, sent: Forward, head: ResponseHead, place: Place): HeaderList {
  const { kind, namespace, upstream } = place.route;
  const isOpen = !isForSome(place) || headersOf(fields, 'cache-control').length > 0;
  const cache: Field[] = isOpen ? [] : [['cache-control', 'private']];
  if (kind === 'backend') return cache;
  if (kind === 'token') return [['cache-control', 'no-store']];
  const version: Field[] =
    headersOf(fields, 'docker-distribution-api-version').length > 0
      ? []
      : [['docker-distribution-api-version', 'registry/2.0']];
  const own: Field[] =
    namespace === undefined || headersOf(fields, 'oci-namespace').length > 0 ? [] : [['oci-namespace', upstream.name]];
  const isWhole = sent.method !== 'DELETE' && [200, 206].includes(head.status);
  return [...version, ...own, ...cache, ...(isWhole ? withDigest(fields, place).slice(fields.length) : [])];
}

/** Storage hosts do not know the digest that the client asked for; the URL does. */
function withDigest(headers: HeaderList, place: Place): HeaderList {
  const { kind, reference } = place.route;
  const isKnown = headersOf(headers, 'docker-content-digest').length > 0;
  return kind === 'blob' && !isKnown && isDigest(reference)
    ? [...headers, ['docker-content-digest', reference]]
    : headers;
}

/** Bodies read whole before they are sent, to learn their length, are at most this many bytes; longer ones go chunked. */
export const MAX_COLLECTED = SMALL_BODY_BYTES;
