import { headerOf } from './headers';
import { contentLength, parseContentRange, strongValidator } from './range';
import type { ResponseHead, Span } from './verbs';

/** A part that is fetched beside others of its body. */
export interface Beside {
  /** Strong entity tag of the body, where it has one. */
  readonly etag: string | undefined;
}

/**
 * Why a 200 or 206 does not go on behind `received` bytes of a span; undefined where it does. A 200 goes on behind the
 * bytes that are here already, unless it is for a part beside others: all that stands before it would be read in vain.
 */
export function misfit(head: ResponseHead, span: Span, received: number, beside?: Beside): string | undefined {
  const isPart = head.status === 206;
  if (!isPart && !isSame(head, span)) return 'another body';
  const part = parseContentRange(headerOf(head.headers, 'content-range'));
  if (isPart && part?.first !== span.first + received) return 'another range';
  if (isPart && isOther(part?.total, span.total)) return 'a body of another size';
  if ((headerOf(head.headers, 'content-encoding') ?? 'identity').toLowerCase() !== 'identity') return 'an encoded body';
  if (beside && !isPart) return 'the whole body';
  return isOther(strongValidator(head.headers), beside?.etag) ? 'another entity tag' : undefined;
}

function isSame(head: ResponseHead, span: Span): boolean {
  const length = contentLength(head.headers);
  return length !== undefined && length === span.total && span.validator === undefined;
}

function isOther<Known>(stated: Known | undefined, known: Known | undefined): boolean {
  return stated !== undefined && known !== undefined && stated !== known;
}
