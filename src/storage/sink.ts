import type { Hasher } from './hashing';
import { checkKey, label } from './key';
import { Proof } from './proof';
import { type About, type Hold, type Key, MAX_DOCUMENT_BYTES, MAX_HEAD_BYTES, type Range, type Sink } from './store';
import { StoreError } from './store-error';

/** What a driver adds to a sink. Calls come one after the other, and after one that failed comes `discard`. */
export interface Target {
  write(chunk: Uint8Array): Promise<void>;
  /** Length and digest are proven. */
  publish(): Promise<void>;
  /** Frees everything, where it was not published; must not fail. */
  discard(): Promise<void>;
  read?(range: Range): AsyncIterable<Uint8Array>;
  /** With `read`: which goes on until `release`, also after `discard`. */
  hold?(): () => void;
}

export interface SinkOptions {
  /** Bytes of the largest entry that the driver takes. */
  readonly maxBytes: number;
  readonly hasher: Hasher;
  /** Called once, when everything that the sink held is free. */
  readonly onEnd?: () => void;
}

/** @throws StoreError `key`, `misuse`, `too-large` for what no driver takes; `maxBytes` is the largest entry that this one takes */
export function checkPut(key: Key, about: About, maxBytes: number): void {
  checkKey(key);
  const { head, size = 0 } = about;
  if (key.kind === 'blob' && head) throw new StoreError('misuse', 'a blob has no head');
  if (head && new TextEncoder().encode(JSON.stringify(head)).length > MAX_HEAD_BYTES)
    throw new StoreError('too-large', `the head of ${label(key)} has more than ${MAX_HEAD_BYTES} bytes`);
  if (!Number.isSafeInteger(size) || size < 0) throw new StoreError('misuse', 'a size is a number of bytes');
  if (size > limitOf(key, maxBytes)) throw tooLarge(key, limitOf(key, maxBytes));
}

/** The rules of a sink, which are the same for every driver: order of calls, limits, proof, and that a failure leaves nothing. */
export class ProvingSink implements Sink {
  readonly #key: Key;
  readonly #target: Target;
  readonly #proof: Proof;
  readonly #limit: number;
  readonly #onEnd: (() => void) | undefined;
  #state: 'open' | 'working' | 'ended' = 'open';
  #written = 0;
  #work: Promise<void> = Promise.resolve();
  readonly read: Sink['read'];
  readonly hold: Sink['hold'];

  constructor(key: Key, about: About, target: Target, { maxBytes, hasher, onEnd }: SinkOptions) {
    this.#key = key;
    this.#target = target;
    this.#proof = new Proof(key, about, hasher);
    this.#limit = limitOf(key, maxBytes);
    this.#onEnd = onEnd;
    this.read = target.read && ((range) => this.#read(range));
    this.hold = target.hold && (() => this.#hold());
  }

  get written(): number {
    return this.#written;
  }

  write(chunk: Uint8Array): Promise<void> {
    return this.#do(async () => {
      this.#proof.count(chunk);
      if (this.#proof.taken > this.#limit) throw tooLarge(this.#key, this.#limit);
      if (chunk.length === 0) return;
      const writing = this.#target.write(chunk);
      // The bytes are on their way to another thread while this one hashes.
      const hashing = this.#proof.hash(chunk);
      await writing;
      if (hashing) await hashing;
      this.#written = this.#proof.taken;
    });
  }

  commit(): Promise<void> {
    return this.#do(async () => {
      await this.#proof.check();
      await this.#target.publish();
      this.#end();
    });
  }

  async abort(): Promise<void> {
    while (this.#state === 'working') await this.#work.catch(() => {});
    if (this.#state === 'ended') return;
    this.#state = 'working';
    this.#work = this.#discard();
    await this.#work;
  }

  #do(work: () => Promise<void>): Promise<void> {
    if (this.#state !== 'open') return Promise.reject(this.#misuse());
    this.#state = 'working';
    this.#work = work().then(
      () => {
        if (this.#state === 'working') this.#state = 'open';
      },
      async (error) => {
        await this.#discard();
        throw error;
      },
    );
    return this.#work;
  }

  async #discard(): Promise<void> {
    await this.#target.discard();
    this.#end();
  }

  #end(): void {
    this.#state = 'ended';
    this.#onEnd?.();
  }

  #read(range: Range): AsyncIterable<Uint8Array> {
    if (this.#state === 'ended') throw new StoreError('closed', `${label(this.#key)}: the sink has ended`);
    return this.#readWritten(range);
  }

  #hold(): Hold {
    if (this.#state === 'ended') throw this.#misuse();
    const release = (this.#target.hold as NonNullable<Target['hold']>)();
    let isHeld = true;
    return {
      read: (range) => {
        if (!isHeld) throw new StoreError('closed', `${label(this.#key)} is not held any more`);
        return this.#readWritten(range);
      },
      release: () => {
        if (isHeld) release();
        isHeld = false;
      },
    };
  }

  #readWritten(range: Range): AsyncIterable<Uint8Array> {
    const last = range.last ?? this.written - 1;
    if (range.first < 0 || last >= this.written)
      throw new StoreError('range', 'only what has been written can be read');
    return (this.#target.read as NonNullable<Target['read']>)({ first: range.first, last });
  }

  #misuse(): StoreError {
    const why = this.#state === 'working' ? 'another call has not ended yet' : 'the sink has ended';
    return new StoreError('misuse', `${label(this.#key)}: ${why}`);
  }
}

function limitOf(key: Key, maxBytes: number): number {
  return key.kind === 'blob' ? maxBytes : Math.min(maxBytes, MAX_DOCUMENT_BYTES);
}

function tooLarge(key: Key, limit: number): StoreError {
  return new StoreError('too-large', `${label(key)} has more than the ${limit} bytes that an entry may have here`);
}
