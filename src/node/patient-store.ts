import type { About, BlobKey, Entry, Key, Range, Reading, Sink, Store, Verdict } from '../storage/store';
import { StoreError } from '../storage/store-error';
import { inTime } from './deadline';

/** Milliseconds of patience with a store. A pull waits for it, and there is always a registry to ask instead. */
export interface Patience {
  /** Until it has found something, or knows that it is not there, or is ready to take it. */
  readonly find: number;
  /** Until the next bytes of what is read: longer than an object store's own patience, which takes up what was cut. */
  readonly read: number;
  /** For which one that hung is not asked again: each pull would wait anew. */
  readonly rest: number;
}

export const PATIENCE: Patience = { find: 5_000, read: 45_000, rest: 10_000 };

const GIVES_NOTHING = 'the store gives nothing';

/** A store that hangs, as a disk on a machine that is gone does, and fails instead. */
export class PatientStore {
  readonly #store: Store;
  readonly #patience: Patience;
  /** Of performance.now(). */
  #restsUntil = 0;

  constructor(store: Store, patience: Patience = PATIENCE) {
    this.#store = store;
    this.#patience = patience;
  }

  stat(key: Key): Promise<Entry | undefined> {
    return this.#ask(() => this.#store.stat(key));
  }

  async get(key: Key, range?: Range): Promise<Reading | undefined> {
    const giveBack = (late: Reading | undefined) => void late?.close();
    const reading = await this.#ask(() => this.#store.get(key, range), giveBack);
    return reading && this.#patiently(reading);
  }

  put(key: Key, about?: About): Promise<Sink> {
    return this.#ask(
      () => this.#store.put(key, about),
      (late) => void late.abort(),
    );
  }

  delete(key: Key): Promise<boolean> {
    return this.#ask(() => this.#store.delete(key));
  }

  /** Reads all of it, and nobody waits. */
  verify(key: Key): Promise<Verdict> {
    return this.#store.verify(key);
  }

  async sign(key: BlobKey, lifetime: number): Promise<string | undefined> {
    return this.#store.sign && this.#ask(async () => this.#store.sign?.(key, lifetime));
  }

  async #ask<T>(work: () => Promise<T>, onLate?: (late: T) => void): Promise<T> {
    const { find, rest } = this.#patience;
    if (performance.now() < this.#restsUntil) throw new StoreError('busy', 'the store hung a moment ago');
    const late = () => {
      this.#restsUntil = performance.now() + rest;
    };
    return inTime(work(), find, 'the store does not answer', onLate, late);
  }

  async #fill(reading: Reading, buffer: Uint8Array): Promise<number> {
    try {
      return await inTime((reading.fill as NonNullable<Reading['fill']>)(buffer), this.#patience.read, GIVES_NOTHING);
    } catch (error) {
      reading.close().catch(() => {});
      throw error;
    }
  }

  #patiently(reading: Reading): Reading {
    const { entry, first, last } = reading;
    const bytes = eachInTime(reading, this.#patience.read);
    const fill = reading.fill && ((buffer: Uint8Array) => this.#fill(reading, buffer));
    return { entry, first, last, fill, close: () => reading.close(), [Symbol.asyncIterator]: () => bytes };
  }
}

async function* eachInTime(reading: Reading, limit: number): AsyncGenerator<Uint8Array> {
  const bytes = reading[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await inTime(bytes.next(), limit, GIVES_NOTHING);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    // One that hangs never comes to its end.
    bytes.return?.().catch(() => {});
    reading.close().catch(() => {});
  }
}
