import type { Hasher, Hashing } from './hashing';
import { digestOf, label } from './key';
import type { About, Key } from './store';
import { StoreError } from './store-error';

/** Holds what is written against what was announced: the length always, a blob's digest unless the caller proves it. */
export class Proof {
  readonly #key: Key;
  readonly #size: number | undefined;
  readonly #hashing: Hashing | undefined;
  #taken = 0;

  constructor(key: Key, about: Pick<About, 'size' | 'proof'>, hasher: Hasher) {
    this.#key = key;
    this.#size = about.size;
    if (key.kind === 'blob' && about.proof !== 'caller') this.#hashing = hasher(digestOf(key).algorithm);
  }

  get taken(): number {
    return this.#taken;
  }

  /** @throws StoreError `length` with the first byte too many */
  count(chunk: Uint8Array): void {
    this.#taken += chunk.length;
    if (this.#size !== undefined && this.#taken > this.#size) throw this.#length('has more bytes');
  }

  hash(chunk: Uint8Array): Promise<void> | undefined {
    return this.#hashing?.update(chunk);
  }

  /** To be called once, after the last byte. @throws StoreError `length`, `digest` */
  async check(): Promise<void> {
    if (this.#size !== undefined && this.#taken < this.#size) throw this.#length(`ends after ${this.#taken}`);
    if (this.#key.kind !== 'blob' || !this.#hashing) return;
    if ((await this.#hashing.digest()) !== digestOf(this.#key).hex)
      throw new StoreError('digest', `the bytes given for ${label(this.#key)} have another digest`);
  }

  #length(what: string): StoreError {
    return new StoreError('length', `${label(this.#key)} was announced with ${this.#size} bytes and ${what}`);
  }
}
