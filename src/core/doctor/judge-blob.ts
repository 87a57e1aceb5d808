import { printBytes } from '../bytes-text';
import { headerOf } from '../headers';
import { shorten } from '../prefetch';
import { contentLength, parseContentRange } from '../range';
import { hostOf, isSameOrigin, originOf } from '../url';
import { encodingOf, remedyFor, wordsOf } from './answers';
import { limitsOf } from './edge';
import type { BlobSeen, Evidence, Seen } from './evidence';
import { type Finding, findingsOf } from './finding';

/** Redirects of one request that are followed: an instance that copies a blob first sends its clients to itself for as long. */
export const MAX_REDIRECTS = 12;

const { good, note, bad } = findingsOf('redirect');

/** Config and layer: their bytes, the redirects that lead there, a part alone, and HEAD. */
export function judgeBlobs(evidence: Evidence): readonly Finding[] {
  const { config, layer, layerHead, range } = evidence;
  return [
    ...[config, layer].flatMap((blob) => (blob ? judgeBlob(blob, evidence) : [])),
    ...(layer && layerHead ? judgeHead(layer, layerHead) : []),
    ...(layer && range ? judgeRange(range, layer) : []),
  ];
}

function judgeBlob(blob: BlobSeen, evidence: Evidence): readonly Finding[] {
  const { hops } = blob;
  const last = hops[hops.length - 1] as Seen;
  const redirects = hops.slice(0, -1).flatMap((hop, index) => judgeRedirect(hop, hops[index + 1] as Seen));
  const { bad: fail } = findingsOf(blob.isConfig ? 'config' : 'layer');
  const { failure, status = 0 } = last;
  if (status >= 300 && status < 400) {
    const isMany = hops.length > MAX_REDIRECTS;
    return [
      ...redirects,
      isMany ? bad('redirect.many', { count: MAX_REDIRECTS }) : bad('redirect.lost', { status }, 'set.pass'),
    ];
  }
  // What is wrong behind a redirect has been said of the redirect.
  if (hops.length > 1 && (failure || status >= 400)) return redirects;
  if (failure)
    return [fail('blob.failed', { why: failure.message }, failure.kind === 'timeout' ? 'set.time' : 'set.front')];
  if (status !== 200 && status !== 206) {
    return [...redirects, fail('blob.status', { status, words: wordsOf(last) }, remedyFor(status, evidence))];
  }
  return [...redirects, ...judgeBytes(blob, last, evidence)];
}

function judgeRedirect(hop: Seen, next: Seen): readonly Finding[] {
  const { status = 0 } = hop;
  const values = { status, host: hostOf(next.url), origin: originOf(hop.url) };
  const isInside = isSameOrigin(next.url, hop.url);
  if (next.failure && !isInside) {
    return [bad('redirect.unreachable', { ...values, why: next.failure.message }, 'set.follow')];
  }
  if ((next.status ?? 0) >= 400) {
    return [bad('redirect.refused', { ...values, status: next.status ?? 0 }, 'set.signed')];
  }
  if (isInside) return [good('redirect.inside', values)];
  if (hop.url.scheme === 'https' && next.url.scheme === 'http') return [note('redirect.plain', values, 'set.follow')];
  return [good('redirect.good', values)];
}

function judgeBytes(blob: BlobSeen, last: Seen, evidence: Evidence): readonly Finding[] {
  const tell = findingsOf(blob.isConfig ? 'config' : 'layer');
  const { digest, size } = blob;
  const { headers, received, ending, wait, duration } = last;
  const encoding = encodingOf(last);
  if (encoding !== undefined) return [tell.bad('blob.encoded', { encoding: shorten(encoding) }, 'set.bytes')];
  const length = last.status === 200 ? contentLength(headers) : size;
  if (length !== undefined && length !== size) return [tell.bad('blob.size', { length, size }, 'set.bytes')];
  // Without a length, more bytes than are wanted show only here.
  if (last.status === 200 && received > size) {
    return [tell.bad('blob.size', { length: `> ${size}`, size }, 'set.bytes')];
  }
  if (ending === 'cut') {
    return [tell.bad('blob.cut', { bytes: printBytes(received), size: printBytes(size) }, 'set.cut')];
  }
  const isProven = last.status === 200 && ending === 'whole' && last.digest === digest;
  if (last.status === 200 && ending === 'whole' && last.digest !== undefined && !isProven) {
    return [tell.bad('blob.digest', {}, 'set.bytes')];
  }
  const rate = printBytes(duration > 0 ? (received * 1000) / duration : received);
  const values = { bytes: printBytes(received), size: printBytes(size), ms: Math.round(wait), rate };
  // A platform that streams only what has no length leaves no choice.
  const remedy = limitsOf(evidence)?.streamsOnlyChunked ? undefined : 'set.framing';
  const framing = length === undefined ? [tell.note('blob.length', {}, remedy)] : [];
  return [tell.good(isProven ? 'blob.good' : 'blob.part', values), ...framing];
}

/** HEAD is asked at the registry alone: what a redirect names is signed for GET. */
function judgeHead({ size }: BlobSeen, { status, failure, headers }: Seen): readonly Finding[] {
  const tell = findingsOf('layer');
  if (failure || status === undefined) return [tell.bad('blob.head', { status: failure?.message ?? '' }, 'set.front')];
  if (status >= 300 && status < 400) return [];
  if (status !== 200) return [tell.bad('blob.head', { status }, 'set.front')];
  const length = contentLength(headers);
  if (length === size) return [];
  return [tell.bad('blob.headlength', { length: length ?? '–', size }, 'set.length')];
}

function judgeRange({ first, last, seen }: NonNullable<Evidence['range']>, layer: BlobSeen): readonly Finding[] {
  const tell = findingsOf('range');
  const { failure, status = 0, headers, start } = seen;
  if (failure) return [tell.bad('range.failed', { why: failure.message }, 'set.range')];
  if (status === 200) return [tell.note('range.ignored', {}, 'set.range')];
  if (status !== 206) return [tell.bad('range.status', { status }, 'set.range')];
  const field = headerOf(headers, 'content-range');
  const said = parseContentRange(field);
  if (said?.first !== first || said.last !== last || seen.received !== last - first + 1) {
    return [tell.bad('range.label', { range: shorten(field ?? '–') }, 'set.range')];
  }
  const whole = layer.hops[layer.hops.length - 1]?.start ?? new Uint8Array();
  const known = whole.subarray(first, last + 1);
  const isSame = known.every((byte, index) => byte === start[index]);
  return [isSame ? tell.good('range.good') : tell.bad('range.bytes', {}, 'set.range')];
}
