import type { Algorithm } from './key';

/** Digests a body while it passes. */
export interface Hashing {
  /** Where it gives a promise, the chunk may be used again when that resolves, else at once. */
  update(chunk: Uint8Array): Promise<void> | undefined;
  /** Hex digits in lower case. To be called once, after the last byte. */
  digest(): string | Promise<string>;
}

/** How a runtime digests large bodies: each has native code of its own for it. */
export type Hasher = (algorithm: Algorithm) => Hashing;
