import type { Hasher } from './hashing';
import { digestOf } from './key';
import type { BlobKey } from './store';

export interface Watch {
  /** Sees all bytes; before the last ones are given out, `check` may refuse them. */
  see(chunk: Uint8Array): Promise<void> | undefined;
  /** @throws StoreError `corrupt` */
  check(): Promise<void>;
}

/** Proves a reading of a whole blob on its way. */
export function watchDigest(key: BlobKey, hasher: Hasher, judge: (isRight: boolean) => Promise<void>): Watch {
  const { algorithm, hex } = digestOf(key);
  const hashing = hasher(algorithm);
  return {
    see: (chunk) => hashing.update(chunk),
    check: async () => judge((await hashing.digest()) === hex),
  };
}
