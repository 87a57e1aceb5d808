import { inTime } from '../shell/deadline';
import type { Hold, Sink } from '../storage/store';
import type { Spool } from './spool';

/** Milliseconds that a store may take for one piece, or to begin with one, before it is done without. */
export const STORE_TIME = 10_000;

/** Milliseconds that a store may take to make a whole blob visible: some object stores put its parts together first. */
export const COMMIT_TIME = 180_000;

export interface DepositOptions {
  /** Opens where it is stored; undefined where it is not. */
  readonly sink: () => Promise<Sink | undefined>;
  /** Opens where it is held meanwhile, for a sink that cannot be read; undefined where there is no room. */
  readonly spool: () => Promise<Spool | undefined>;
  /** What is stored already; undefined where it is not. */
  readonly stored: (first: number, last: number) => Promise<AsyncIterable<Uint8Array> | undefined>;
  readonly onFault: (error: Error) => void;
}

/**
 * Where the bytes of a download go, and where readers get those that are long past. A store that fails, or hangs, is done without;
 * what it has taken by then can be read on, since somebody may be far behind.
 */
export class Deposit {
  readonly #options: DepositOptions;
  #sink: Sink | undefined;
  /** What the sink has taken, whatever has become of it. */
  #hold: Hold | undefined;
  #held = 0;
  #spool: Spool | undefined;
  #isSpooling = false;
  #opening: Promise<void> = Promise.resolve();
  #isStored = false;
  #isRefused = false;

  constructor(options: DepositOptions) {
    this.#options = options;
  }

  /** Whether all that is past can be read. */
  get isReadable(): boolean {
    return this.#isStored || this.#isSpooling || (this.#sink !== undefined && this.#hold !== undefined);
  }

  /** All of it is in the store. */
  get isStored(): boolean {
    return this.#isStored;
  }

  /** The store takes no more of it, so that it will not be stored. */
  get isRefused(): boolean {
    return this.#isRefused;
  }

  /** Bytes may come before it is open. */
  open(): void {
    this.#opening = this.#open();
  }

  async #open(): Promise<void> {
    const { sink, spool, onFault } = this.#options;
    const giveBack = (late: Sink | undefined) => void late?.abort();
    this.#sink = await inTime(sink(), STORE_TIME, 'the store opens nothing', giveBack).catch((error) => {
      onFault(error);
      return undefined;
    });
    this.#isRefused = this.#sink === undefined;
    this.#hold = this.#sink?.hold?.();
    if (this.#hold) return;
    this.#spool = await spool();
    this.#isSpooling = this.#spool !== undefined;
  }

  async write(chunk: Uint8Array): Promise<void> {
    await this.#opening;
    if (this.#isSpooling) {
      await this.#spool?.write(chunk).catch((error) => {
        this.#options.onFault(error);
        this.#isSpooling = false;
      });
    }
    const sink = this.#sink;
    if (!sink) return;
    try {
      await inTime(sink.write(chunk), STORE_TIME, 'the store takes nothing');
      this.#held += chunk.length;
    } catch (error) {
      this.#options.onFault(error as Error);
      this.#sink = undefined;
      this.#isRefused = true;
      sink.abort();
    }
  }

  /** All of it has been written, and is right. */
  async commit(): Promise<void> {
    await this.#opening;
    const sink = this.#sink;
    if (!sink) return;
    try {
      await inTime(sink.commit(), COMMIT_TIME, 'the store does not finish');
      this.#isStored = true;
    } catch (error) {
      this.#options.onFault(error as Error);
      sink.abort();
    }
    this.#sink = undefined;
  }

  async abort(): Promise<void> {
    await this.#opening;
    const sink = this.#sink;
    this.#sink = undefined;
    if (sink) await inTime(sink.abort(), STORE_TIME, 'the store gives nothing up').catch(this.#options.onFault);
  }

  /** Nobody reads any more, or will: but for what is stored, all of it is given up. */
  close(): void {
    this.#hold?.release();
    this.#hold = undefined;
    this.#spool?.close();
    this.#spool = undefined;
    this.#isSpooling = false;
  }

  /** What is past, up to `last` or less; undefined where nothing has it now. */
  async read(first: number, last: number): Promise<AsyncIterable<Uint8Array> | undefined> {
    const [hold, held, spool] = [this.#hold, this.#held, this.#spool];
    if (hold && first < held) return hold.read({ first, last: Math.min(last, held - 1) });
    if (spool && first < spool.written) return spool.read(first, Math.min(last, spool.written - 1));
    return this.#isStored ? this.#options.stored(first, last) : undefined;
  }
}
