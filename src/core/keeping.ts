import { linkName } from './cache-names';
import type { CacheQuestion } from './cache-question';
import { isStorable } from './cache-question';
import type { CacheDocument, Keep, Note } from './cache-verbs';
import { headerOf } from './headers';
import { contentLength } from './range';
import { isDigest } from './reference';
import { withVariant } from './tag-document';
import type { Forward, Relay, ResponseHead } from './verbs';

/** Bytes of a manifest that is kept, at most (distribution spec, "Pushing Manifests"). */
export const MAX_KEPT_MANIFEST = 4 * 1024 * 1024;

/**
 * What of an answer is kept; undefined for nothing.
 * @param tag what is known of the tag so far
 */
export function keepOf(
  question: CacheQuestion,
  relay: Relay,
  sent: Forward,
  head: ResponseHead,
  tag?: CacheDocument,
): Keep | undefined {
  const { kind, reference } = question.route;
  const isWhole = head.status === 200 && sent.method === 'GET' && relay.body !== 'none';
  if (!isWhole || (headerOf(head.headers, 'content-encoding') ?? 'identity') !== 'identity') return undefined;
  if (kind === 'blob') {
    const { first, last, total } = relay.span ?? { first: -1 };
    if (first !== 0 || total === undefined || last !== total - 1) return undefined;
    if (total > (question.config.maxBlob ?? total)) return undefined;
    const link = linkNote(question, reference);
    return { kind: 'blob', digest: reference, size: total, link: link.name, notes: [link] };
  }
  const mediaType = mediaTypeOf(head);
  if (mediaType === undefined || (contentLength(head.headers) ?? 0) > MAX_KEPT_MANIFEST) return undefined;
  const named = isDigest(reference) ? reference : headerOf(head.headers, 'docker-content-digest');
  return {
    kind: 'manifest',
    digest: named !== undefined && isStorable(named) ? named : undefined,
    notes: (digest, size) => [
      linkNote(question, digest, mediaType),
      ...tagNotes(question, digest, mediaType, size, tag),
    ],
  };
}

/** What the head of a manifest, without its body, says about its tag. */
export function headNotes(question: CacheQuestion, head: ResponseHead, tag?: CacheDocument): readonly Note[] {
  const digest = headerOf(head.headers, 'docker-content-digest');
  const size = contentLength(head.headers);
  const mediaType = mediaTypeOf(head);
  if (head.status !== 200 || !question.isTag || digest === undefined || !isStorable(digest)) return [];
  if (size === undefined || mediaType === undefined) return [];
  return tagNotes(question, digest, mediaType, size, tag);
}

export function linkNote({ route }: CacheQuestion, digest: string, mediaType?: string): Note {
  return { name: linkName(route, digest), document: route.kind === 'manifest' ? { mediaType } : {} };
}

export function tagNotes(
  question: CacheQuestion,
  digest: string,
  mediaType: string,
  size: number,
  tag?: CacheDocument,
): readonly Note[] {
  if (!question.isTag || !question.isCurrent) return [];
  const variant = { digest, mediaType, size, checkedAt: question.now };
  return [{ name: question.tag, document: withVariant(tag, question.accept, variant) }];
}

/** What is had without a login, everybody may have. */
export function openNotes(question: CacheQuestion, { status }: ResponseHead): readonly Note[] {
  const isOpen =
    (status === 200 || status === 206) &&
    question.isByClient &&
    question.authorization === undefined &&
    question.publicSince === undefined;
  return isOpen ? [{ name: question.public, document: { since: question.now } }] : [];
}

/** Undefined for signed manifests of schema 1: their digest is that of the payload, and not of what is sent. */
export function mediaTypeOf({ headers }: ResponseHead): string | undefined {
  const type = headerOf(headers, 'content-type')?.split(';')[0].trim();
  return type && !/docker\.distribution\.manifest\.v1\+/.test(type) ? type : undefined;
}
