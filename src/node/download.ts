import { createHash } from 'node:crypto';
import type { Body } from './body';
import { Deposit, type DepositOptions } from './deposit';
import { Signal } from './signal';
import { Window } from './window';

/** Bytes of the end that are held in memory for those who read there. */
const WINDOW_BYTES = 1024 * 1024;

/** The same where nothing else holds what has come. */
const LONE_WINDOW_BYTES = 8 * 1024 * 1024;

/** Bytes that are fetched ahead of the fastest reader. */
const AHEAD_BYTES = 64 * 1024 * 1024;

/** The same where nothing but memory holds them. */
const LONE_AHEAD_BYTES = 4 * 1024 * 1024;

/**
 * Milliseconds that the others of one download wait for those who are behind, where nothing but memory holds what has come. Who is left behind
 * is cut, and comes back for the rest.
 */
const LAG_TIME = 30_000;

/** Milliseconds for which a download goes on without a reader: clients that were cut come back. */
export const LINGER_TIME = 10_000;

export interface DownloadOptions extends DepositOptions {
  /** `sha256:…` or `sha512:…`. */
  readonly digest: string;
  readonly size: number;
  /** The document that says that a repository has it. */
  readonly link: string;
  /** It is stored, and all is noted, before anybody gets the last byte: there may be no time afterwards. */
  readonly isStoredFirst?: boolean;
  /** It is in the store. */
  readonly onStored?: () => void | Promise<void>;
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
  readonly #options: DownloadOptions;
  readonly #deposit: Deposit;
  readonly #window = new Window(WINDOW_BYTES);
  readonly #readers = new Set<Position>();
  #state: 'running' | 'proven' | 'failed' = 'running';
  /** Nothing more will come of it, in the store or elsewhere. */
  #isOver = false;
  /** What is left of LAG_TIME. */
  #patience = LAG_TIME;
  #failure: Error | undefined;
  /** Readers that wait for what comes next. */
  readonly #changes = new Signal();
  /** Wakes the fetch, where it waits for readers. */
  #resume: () => void = () => {};
  /** Of performance.now(); when the last reader left. */
  #leftAt = performance.now();

  constructor(options: DownloadOptions) {
    this.link = options.link;
    this.size = options.size;
    this.#options = options;
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
      if (this.#options.isStoredFirst) await this.#store();
      this.#state = 'proven';
      this.#changes.raise();
      if (!this.#options.isStoredFirst) await this.#store();
      return this.#deposit.isStored;
    } catch (error) {
      this.#failure = error as Error;
      this.#state = 'failed';
      throw error;
    } finally {
      body.close();
      this.#changes.raise();
      await this.#deposit.abort();
      this.#isOver = true;
      this.#closeIdle();
    }
  }

  async #store(): Promise<void> {
    await this.#deposit.commit();
    if (this.#deposit.isStored) await this.#options.onStored?.();
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
          await this.#changes.next();
        } else if (position.at >= this.#window.start) {
          const chunks = this.#window.from(position.at, end);
          position.at = end;
          this.#resume();
          yield chunks;
        } else yield* this.#past(position, end - 1);
      }
      // Of an empty body there is no last byte to hold back.
      while (this.size === 0 && this.#state === 'running') await this.#changes.next();
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
    const [algorithm, hex] = this.#options.digest.split(':');
    const hash = createHash(algorithm);
    for await (const chunk of body) {
      const storing = this.#deposit.write(chunk);
      // Another thread writes while this one hashes.
      hash.update(chunk);
      this.#window.limit = this.#deposit.isReadable ? WINDOW_BYTES : LONE_WINDOW_BYTES;
      this.#window.push(chunk);
      this.#changes.raise();
      await storing;
      await this.#pace();
    }
    if (hash.digest('hex') !== hex) throw new Error('the upstream sent other bytes than the digest says');
  }

  /** Waits while the fastest reader is far behind. With nobody left, it goes on only as long as some may need to come back. */
  async #pace(): Promise<void> {
    while (this.#readers.size > 0) {
      const isLone = !this.#deposit.isReadable;
      const behind = [...this.#readers].map(({ at }) => this.received - at);
      const ahead = isLone ? LONE_AHEAD_BYTES : AHEAD_BYTES;
      const isHurried = Math.min(...behind) <= ahead;
      if (isHurried && !(isLone && this.#patience > 0 && Math.max(...behind) > ahead)) return;
      const since = performance.now();
      await this.#resumed(isHurried ? this.#patience : undefined);
      if (isHurried) this.#patience -= performance.now() - since;
    }
    if (performance.now() - this.#leftAt > LINGER_TIME) throw new Error('nobody reads it any more');
  }

  /** @param limit milliseconds; for ever where it is missing */
  async #resumed(limit: number | undefined): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#resume = resolve;
      if (limit !== undefined) timer = setTimeout(resolve, limit);
    });
    clearTimeout(timer);
  }

  /** What readers may have by now ends before this byte. */
  get #limit(): number {
    return this.#state === 'proven' ? this.size : Math.min(this.received, this.size - 1);
  }

  #closeIdle(): void {
    if (this.#isOver && this.#readers.size === 0) this.#deposit.close();
  }
}
