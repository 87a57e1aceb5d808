import { createHash, type Hash } from 'node:crypto';
import { digestOf, label } from './key';
import type { About, Key } from './store';
import { StoreError } from './store-error';

/** Holds what is written against what was announced: the length always, a blob's digest unless the caller proves it. */
export class Proof {
  readonly #key: Key;
  readonly #size: number | undefined;
  readonly #hash: Hash | undefined;
  #taken = 0;

  constructor(key: Key, about: Pick<About, 'size' | 'proof'> = {}) {
    this.#key = key;
    this.#size = about.size;
    if (key.kind === 'blob' && about.proof !== 'caller') this.#hash = createHash(digestOf(key).algorithm);
  }

  get taken(): number {
    return this.#taken;
  }

  /** @throws StoreError `length` with the first byte too many */
  count(chunk: Uint8Array): void {
    this.#taken += chunk.length;
    if (this.#size !== undefined && this.#taken > this.#size) throw this.#length('has more bytes');
  }

  hash(chunk: Uint8Array): void {
    this.#hash?.update(chunk);
  }

  /** To be called once, after the last byte. @throws StoreError `length`, `digest` */
  check(): void {
    if (this.#size !== undefined && this.#taken < this.#size) throw this.#length(`ends after ${this.#taken}`);
    if (this.#key.kind !== 'blob' || !this.#hash) return;
    if (this.#hash.digest('hex') !== digestOf(this.#key).hex)
      throw new StoreError('digest', `the bytes given for ${label(this.#key)} have another digest`);
  }

  #length(what: string): StoreError {
    return new StoreError('length', `${label(this.#key)} was announced with ${this.#size} bytes and ${what}`);
  }
}
