import type { About, BlobKey, Entry, Incoming, Key, Range, Reading, Sink, Store, Verdict } from '../storage/store';
import { StoreError } from '../storage/store-error';
import { inTime } from './deadline';

/** Milliseconds of patience with a store. A pull waits for it, and there is always a registry to ask instead. */
export interface Patience {
  /** Until it has found something, and has begun to send it, or knows that it is not there, or is ready to take it. */
  readonly find: number;
  /** Until the next bytes of what is read: longer than an object store's own patience, which takes up what was cut. */
  readonly read: number;
  /** For which one that hung, or fails all the time, is not asked again: each pull would wait anew. */
  readonly rest: number;
}

/** Lookups in a row that fail before it is left alone: an object store in trouble takes a second for each. */
const MAX_FAULTS = 5;

export const PATIENCE: Patience = { find: 5_000, read: 45_000, rest: 10_000 };

const GIVES_NOTHING = 'the store gives nothing';

/** A store that hangs, as a disk on a machine that is gone does, and fails instead. */
export class PatientStore {
  readonly #store: Store;
  readonly #patience: Patience;
  /** Of performance.now(). */
  #restsUntil = 0;
  /** Lookups that failed since one did not. */
  #faults = 0;

  constructor(store: Store, patience: Patience = PATIENCE) {
    this.#store = store;
    this.#patience = patience;
  }

  /** As the store has it: who uses it has patience of his own. */
  get incoming(): Incoming | undefined {
    return this.#store.incoming;
  }

  stat(key: Key): Promise<Entry | undefined> {
    return this.find(() => this.#store.stat(key));
  }

  /**
   * What comes from afar has begun to come: where it cannot be read at all, it can still be had elsewhere.
   * @param onFault told what goes wrong while it is read
   */
  async get(key: Key, range?: Range, onFault: (error: Error) => void = () => {}): Promise<Reading | undefined> {
    let reading: Reading | undefined;
    let isLate = false;
    const begin = async (): Promise<Reading | undefined> => {
      reading = await this.#store.get(key, range);
      if (!reading || reading.fill) return reading;
      // The time may have been up.
      if (isLate) await reading.close();
      const bytes = reading[Symbol.asyncIterator]();
      const all = allOf(await bytes.next(), bytes);
      return { ...about(reading), [Symbol.asyncIterator]: () => all };
    };
    try {
      const begun = await this.find(begin, (late) => void late?.close());
      return begun && this.#patiently(begun, onFault);
    } catch (error) {
      isLate = true;
      reading?.close().catch(() => {});
      throw error;
    }
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

  /**
   * Looks for something in the store in a way that it has of its own.
   * @param onLate gets what was found too late, to give it back
   */
  async find<T>(work: () => Promise<T>, onLate?: (late: T) => void): Promise<T> {
    // Outside: being left alone is no fault of its own, or it would never end.
    this.#refuse();
    try {
      const found = await this.#ask(work, onLate);
      this.#faults = 0;
      return found;
    } catch (error) {
      // What is told of one entry says nothing about the store.
      if (error instanceof StoreError && !['io', 'busy'].includes(error.fault)) throw error;
      this.#faults += 1;
      if (this.#faults === MAX_FAULTS) this.#rest();
      throw error;
    }
  }

  async #ask<T>(work: () => Promise<T>, onLate?: (late: T) => void): Promise<T> {
    this.#refuse();
    return inTime(work(), this.#patience.find, 'the store does not answer', onLate, () => this.#rest());
  }

  #refuse(): void {
    if (performance.now() < this.#restsUntil) throw new StoreError('busy', 'the store hung, or failed, a moment ago');
  }

  #rest(): void {
    this.#faults = 0;
    this.#restsUntil = performance.now() + this.#patience.rest;
  }

  async #fill(reading: Reading, buffer: Uint8Array, onFault: (error: Error) => void): Promise<number> {
    try {
      return await inTime((reading.fill as NonNullable<Reading['fill']>)(buffer), this.#patience.read, GIVES_NOTHING);
    } catch (error) {
      reading.close().catch(() => {});
      onFault(error as Error);
      throw error;
    }
  }

  #patiently(reading: Reading, onFault: (error: Error) => void): Reading {
    const bytes = eachInTime(reading, this.#patience.read, onFault);
    const fill = reading.fill && ((buffer: Uint8Array) => this.#fill(reading, buffer, onFault));
    return { ...about(reading), fill, [Symbol.asyncIterator]: () => bytes };
  }
}

function about(reading: Reading): Omit<Reading, typeof Symbol.asyncIterator> {
  const { entry, first, last } = reading;
  return { entry, first, last, close: () => reading.close() };
}

async function* allOf(begun: IteratorResult<Uint8Array>, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    for (let next = begun; !next.done; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

async function* eachInTime(
  reading: Reading,
  limit: number,
  onFault: (error: Error) => void,
): AsyncGenerator<Uint8Array> {
  const bytes = reading[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await inTime(bytes.next(), limit, GIVES_NOTHING);
      if (next.done) return;
      yield next.value;
    }
  } catch (error) {
    onFault(error as Error);
    throw error;
  } finally {
    // One that hangs never comes to its end.
    bytes.return?.().catch(() => {});
    reading.close().catch(() => {});
  }
}
