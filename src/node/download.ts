import { createHash } from 'node:crypto';
import type { Body } from './body';
import { Deposit, type DepositOptions } from './deposit';
import { Window } from './window';

/** Bytes of the end that are held in memory for those who read there. */
const WINDOW_BYTES = 1024 * 1024;

/** The same where nothing else holds what has come. */
const LONE_WINDOW_BYTES = 8 * 1024 * 1024;

/** Bytes that are fetched ahead of the fastest reader. */
const AHEAD_BYTES = 64 * 1024 * 1024;

/** The same where nothing but memory holds them. */
const LONE_AHEAD_BYTES = 4 * 1024 * 1024;

/** Milliseconds for which a download goes on without a reader: clients that were cut come back. */
export const LINGER_TIME = 10_000;

export interface DownloadOptions extends DepositOptions {
  /** `sha256:…` or `sha512:…`. */
  readonly digest: string;
  readonly size: number;
  /** The document that says that a repository has it. */
  readonly link: string;
}

interface Position {
  at: number;
}

/**
 * One fetch of a blob that many readers follow while it grows, each from where it likes. The last byte is given to nobody before the
 * digest is proven, so that a wrong body never looks complete.
 */
export class Download {
  readonly link: string;
  readonly size: number;
  readonly #digest: string;
  readonly #deposit: Deposit;
  readonly #window = new Window(WINDOW_BYTES);
  readonly #readers = new Set<Position>();
  #state: 'running' | 'proven' | 'failed' = 'running';
  #failure: Error | undefined;
  /** Readers that wait for what comes next. */
  #waiting: (() => void)[] = [];
  /** Wakes the fetch, where it waits for readers. */
  #resume: () => void = () => {};
  /** Of performance.now(); when the last reader left. */
  #leftAt = performance.now();

  constructor(options: DownloadOptions) {
    this.link = options.link;
    this.size = options.size;
    this.#digest = options.digest;
    this.#deposit = new Deposit(options);
  }

  get received(): number {
    return this.#window.end;
  }

  /** All of it has come, and is right. */
  get isProven(): boolean {
    return this.#state === 'proven';
  }

  /** Whether a reader can still begin here. */
  canFollowFrom(first: number): boolean {
    return this.#state !== 'failed' && (first >= this.#window.start || this.#deposit.isReadable);
  }

  /**
   * Fetches all of it. Rejects where the body does not come to its end, is wrong, or has lost its last reader; readers are
   * told the same.
   * @returns whether it has been stored
   */
  async run(body: Body): Promise<boolean> {
    try {
      this.#deposit.open();
      await this.#fetch(body);
      this.#state = 'proven';
      this.#change();
      await this.#deposit.commit();
      return this.#deposit.isStored;
    } catch (error) {
      this.#failure = error as Error;
      this.#state = 'failed';
      throw error;
    } finally {
      body.close();
      this.#change();
      await this.#deposit.abort();
      this.#closeIdle();
    }
  }

  /** Bytes from `first` to `last`, as they come, to be iterated over in any case. Throws where they cannot be had any more. */
  follow(first: number, last: number): AsyncGenerator<Uint8Array[]> {
    const position = { at: first };
    this.#readers.add(position);
    this.#resume();
    return this.#follow(position, last);
  }

  async *#follow(position: Position, last: number): AsyncGenerator<Uint8Array[]> {
    try {
      while (position.at <= last) {
        const end = Math.min(this.#limit, last + 1);
        if (position.at >= end) {
          if (this.#failure) throw this.#failure;
          await this.#changed();
        } else if (position.at >= this.#window.start) {
          const chunks = this.#window.from(position.at, end);
          position.at = end;
          this.#resume();
          yield chunks;
        } else yield* this.#past(position, end - 1);
      }
      // Of an empty body there is no last byte to hold back.
      while (this.size === 0 && this.#state === 'running') await this.#changed();
      if (this.size === 0 && this.#failure) throw this.#failure;
    } finally {
      this.#readers.delete(position);
      this.#leftAt = performance.now();
      this.#resume();
      this.#closeIdle();
    }
  }

  /** What is no longer held in memory, until the reader has come to where it is. */
  async *#past(position: Position, last: number): AsyncGenerator<Uint8Array[]> {
    const past = await this.#deposit.read(position.at, last);
    if (!past) throw this.#failure ?? new Error('the reader is too far behind');
    for await (const chunk of past) {
      position.at += chunk.length;
      this.#resume();
      yield [chunk];
      if (position.at >= this.#window.start) break;
    }
  }

  async #fetch(body: Body): Promise<void> {
    const [algorithm, hex] = this.#digest.split(':');
    const hash = createHash(algorithm);
    for await (const chunk of body) {
      const storing = this.#deposit.write(chunk);
      // Another thread writes while this one hashes.
      hash.update(chunk);
      this.#window.limit = this.#deposit.isReadable ? WINDOW_BYTES : LONE_WINDOW_BYTES;
      this.#window.push(chunk);
      this.#change();
      await storing;
      await this.#pace();
    }
    if (hash.digest('hex') !== hex) throw new Error('the upstream sent other bytes than the digest says');
  }

  /** Waits while the fastest reader is far behind. With nobody left, it goes on only as long as some may need to come back. */
  async #pace(): Promise<void> {
    const ahead = this.#deposit.isReadable ? AHEAD_BYTES : LONE_AHEAD_BYTES;
    while (this.#readers.size > 0) {
      const fastest = Math.max(...[...this.#readers].map(({ at }) => at));
      if (this.received - fastest <= ahead) return;
      await new Promise<void>((resolve) => {
        this.#resume = resolve;
      });
    }
    if (performance.now() - this.#leftAt > LINGER_TIME) throw new Error('nobody reads it any more');
  }

  /** What readers may have by now ends before this byte. */
  get #limit(): number {
    return this.#state === 'proven' ? this.size : Math.min(this.received, this.size - 1);
  }

  #closeIdle(): void {
    if (this.#state !== 'running' && this.#readers.size === 0) this.#deposit.close();
  }

  #change(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  #changed(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }
}
