import { createHash } from 'node:crypto';
import { digestOf } from './key';
import type { BlobKey } from './store';

export interface Watch {
  /** Sees all bytes; before the last ones are given out, `check` may refuse them. */
  see(chunk: Uint8Array): void;
  /** @throws StoreError `corrupt` */
  check(): Promise<void>;
}

/** Proves a reading of a whole blob on its way. */
export function watchDigest(key: BlobKey, judge: (isRight: boolean) => Promise<void>): Watch {
  const { algorithm, hex } = digestOf(key);
  const hash = createHash(algorithm);
  return {
    see: (chunk) => hash.update(chunk),
    check: () => judge(hash.digest('hex') === hex),
  };
}
