import type { Range } from './store';
import { StoreError } from './store-error';

export interface Extent {
  readonly first: number;
  /** One less than `first` where there is nothing. */
  readonly last: number;
}

/** @throws StoreError `range` for one that names no byte of `size`; no range at all is everything, of an empty body too */
export function extentOf(range: Range | undefined, size: number): Extent {
  if (!range) return { first: 0, last: size - 1 };
  const { first, last = Number.POSITIVE_INFINITY } = range;
  if (!Number.isSafeInteger(first) || first < 0 || last < first || first >= size)
    throw new StoreError('range', `bytes ${first}-${range.last ?? ''} are not among ${size}`);
  return { first, last: Math.min(last, size - 1) };
}
