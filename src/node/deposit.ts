import type { Sink } from '../storage/store';
import type { Spool } from './spool';

/** Milliseconds that a store may take for one piece before it is done without. */
export const STORE_TIME = 10_000;

export interface DepositOptions {
  /** Opens where it is stored; undefined where it is not. */
  readonly sink: () => Promise<Sink | undefined>;
  /** Opens where it is held meanwhile, for a sink that cannot be read; undefined where there is no room. */
  readonly spool: () => Promise<Spool | undefined>;
  /** What is stored already; undefined where it is not. */
  readonly stored: (first: number, last: number) => Promise<AsyncIterable<Uint8Array> | undefined>;
  readonly onFault: (error: Error) => void;
}

/** Where the bytes of a download go, and where readers get those that are long past. A store that fails, or hangs, is done without. */
export class Deposit {
  readonly #options: DepositOptions;
  #sink: Sink | undefined;
  #spool: Spool | undefined;
  #opening: Promise<void> = Promise.resolve();
  #isStored = false;

  constructor(options: DepositOptions) {
    this.#options = options;
  }

  /** Whether what is past can be read. */
  get isReadable(): boolean {
    return this.#isStored || this.#sink?.read !== undefined || this.#spool !== undefined;
  }

  /** All of it is in the store. */
  get isStored(): boolean {
    return this.#isStored;
  }

  /** Bytes may come before it is open. */
  open(): void {
    this.#opening = this.#open();
  }

  async #open(): Promise<void> {
    this.#sink = await this.#options.sink();
    if (!this.#sink?.read) this.#spool = await this.#options.spool();
  }

  async write(chunk: Uint8Array): Promise<void> {
    await this.#opening;
    const [sink, spool] = [this.#sink, this.#spool];
    if (spool) {
      await spool.write(chunk).catch((error) => {
        this.#options.onFault(error);
        this.#spool = undefined;
        spool.close();
      });
    }
    if (!sink) return;
    try {
      await inTime(sink.write(chunk));
    } catch (error) {
      this.#options.onFault(error as Error);
      this.#sink = undefined;
      sink.abort();
    }
  }

  /** All of it has been written, and is right. */
  async commit(): Promise<void> {
    await this.#opening;
    const sink = this.#sink;
    if (!sink) return;
    try {
      await sink.commit();
      this.#isStored = true;
    } catch (error) {
      this.#options.onFault(error as Error);
    }
    this.#sink = undefined;
  }

  async abort(): Promise<void> {
    await this.#opening;
    await this.#sink?.abort();
    this.#sink = undefined;
  }

  /** Nobody reads any more. */
  close(): void {
    this.#spool?.close();
  }

  /** What is past, up to `last` or less; undefined where nothing has it now. */
  async read(first: number, last: number): Promise<AsyncIterable<Uint8Array> | undefined> {
    const [sink, spool] = [this.#sink, this.#spool];
    try {
      if (sink?.read && first < sink.written) return sink.read({ first, last: Math.min(last, sink.written - 1) });
    } catch {
      // It has been committed or given up in this very moment.
    }
    if (spool && first < spool.written) return spool.read(first, Math.min(last, spool.written - 1));
    return this.#isStored ? this.#options.stored(first, last) : undefined;
  }
}

function inTime<T>(work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const why = `the store takes nothing for ${STORE_TIME / 1000} s`;
    const timer = setTimeout(() => reject(new Error(why)), STORE_TIME);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
