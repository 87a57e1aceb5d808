import { printBytes } from '../bytes-text';
import { headerOf } from '../headers';
import { MAX_MANIFEST_BYTES, shorten } from '../prefetch';
import { contentLength } from '../range';
import { isDigest } from '../reference';
import { encodingOf, remedyFor, textOf, typeOf, wordsOf } from './answers';
import type { Evidence, Seen } from './evidence';
import { type Finding, findingsOf } from './finding';

const { good, note, bad } = findingsOf('manifest');

/** Manifests by tag and by digest: whether they come whole, with their fields, and are what their digest says. */
export function judgeManifests(evidence: Evidence): readonly Finding[] {
  const { image, manifestHead, manifest, byDigest, chosen, misfit } = evidence;
  const { reference } = image;
  return [
    ...(manifestHead ? judgeHead(manifestHead, reference, evidence) : []),
    ...(manifest ? judgeBody(manifest, reference, evidence) : []),
    ...(manifestHead && manifest ? compare(manifestHead, manifest, reference) : []),
    ...(byDigest ? judgeBody(byDigest, referenceOf(byDigest), evidence) : []),
    ...(chosen ? judgeBody(chosen, referenceOf(chosen), evidence) : []),
    ...(misfit === undefined ? [] : [judgeMisfit(misfit, reference)]),
  ];
}

function judgeMisfit({ why, isPlatform }: NonNullable<Evidence['misfit']>, reference: string): Finding {
  return bad('manifest.misfit', { reference, why }, isPlatform ? 'set.platform' : 'set.bytes');
}

function referenceOf({ url }: Seen): string {
  return url.path.slice(url.path.lastIndexOf('/') + 1);
}

function judgeHead(seen: Seen, reference: string, evidence: Evidence): readonly Finding[] {
  return judgeAnswer(seen, reference, evidence) ?? judgeFields(seen, reference);
}

function judgeAnswer(seen: Seen, reference: string, evidence: Evidence): readonly Finding[] | undefined {
  const { failure, status = 0, method } = seen;
  if (failure) {
    const remedy = failure.kind === 'timeout' ? 'set.time' : 'set.front';
    return [bad('manifest.failed', { method, reference, why: failure.message }, remedy)];
  }
  if (status === 200) return undefined;
  return [bad('manifest.status', { method, reference, status, words: wordsOf(seen) }, remedyFor(status, evidence))];
}

/** Fields that clients cannot do without. */
function judgeFields(seen: Seen, reference: string): readonly Finding[] {
  const { method, headers } = seen;
  const encoding = encodingOf(seen);
  if (encoding !== undefined) {
    return [bad('manifest.encoded', { method, reference, encoding: shorten(encoding) }, 'set.length')];
  }
  const length =
    contentLength(headers) === undefined ? [bad('manifest.length', { method, reference }, 'set.length')] : [];
  const isNamed = headerOf(headers, 'docker-content-digest') !== undefined;
  return [...length, ...(isNamed ? [] : [bad('manifest.nodigest', { method, reference }, 'set.pass')])];
}

function judgeBody(seen: Seen, reference: string, evidence: Evidence): readonly Finding[] {
  const refused = judgeAnswer(seen, reference, evidence);
  if (refused) return refused;
  const { received, ending, wait, digest = '' } = seen;
  if (ending === 'cut') return [bad('manifest.cut', { reference, bytes: printBytes(received) }, 'set.cut')];
  if (ending === 'enough')
    return [bad('manifest.long', { reference, bytes: printBytes(MAX_MANIFEST_BYTES) }, 'set.front')];
  const fields = judgeFields(seen, reference);
  if (encodingOf(seen) !== undefined) return fields;
  const wrong = [...fields, ...judgeDigest(seen, reference), ...judgeType(seen, reference)];
  if (wrong.length > 0) return wrong;
  return [
    good(isDigest(reference) ? 'manifest.known' : 'manifest.good', {
      reference,
      type: shorten(typeOf(seen)),
      bytes: printBytes(received),
      ms: Math.round(wait),
      digest,
    }),
  ];
}

function judgeDigest({ digest, headers }: Seen, reference: string): readonly Finding[] {
  const said = headerOf(headers, 'docker-content-digest') ?? '';
  const expected = isDigest(reference) ? reference : said;
  const isComparable = digest !== undefined && expected.split(':')[0] === digest.split(':')[0];
  if (!isComparable || expected === digest) return [];
  return [bad('manifest.digest', { reference, actual: digest, expected: shorten(expected) }, 'set.bytes')];
}

function judgeType(seen: Seen, reference: string): readonly Finding[] {
  const media = mediaTypeIn(textOf(seen.start));
  const type = typeOf(seen);
  if (media === undefined || media === type) return [];
  return [bad('manifest.type', { reference, type: shorten(type) || '–', media: shorten(media) }, 'set.pass')];
}

function mediaTypeIn(text: string): string | undefined {
  try {
    const { mediaType } = JSON.parse(text) as { mediaType?: unknown };
    return typeof mediaType === 'string' ? mediaType.toLowerCase() : undefined;
  } catch {
    return undefined;
  }
}

const COMPARED = ['content-length', 'content-type', 'docker-content-digest'];

/** A tag may move between the two: its digest and length are then of something else. */
function compare(head: Seen, body: Seen, reference: string): readonly Finding[] {
  if (head.status !== 200 || body.status !== 200 || encodingOf(body) !== undefined) return [];
  const values = (field: string) => [head, body].map(({ headers }) => headerOf(headers, field));
  const differing = COMPARED.find((field) => {
    const [one, other] = values(field);
    return one !== undefined && other !== undefined && one !== other;
  });
  if (differing === undefined) return [];
  const [one = '', other = ''] = values(differing);
  return [
    note('manifest.disagree', { reference, field: differing, head: shorten(one), get: shorten(other) }, 'set.bytes'),
  ];
}
