import { createHash } from 'node:crypto';
import { Audience, type Position } from './audience';
import type { Body } from './body';
import { Deposit, type DepositOptions } from './deposit';
import { Signal } from './signal';
import { Window } from './window';

/** Bytes of the end that are held in memory for those who read there. */
const WINDOW_BYTES = 1024 * 1024;

/** The same where nothing else holds what has come. */
const LONE_WINDOW_BYTES = 8 * 1024 * 1024;

export interface DownloadOptions extends DepositOptions {
  /** `sha256:…` or `sha512:…`. */
  readonly digest: string;
  readonly size: number;
  /** The document that says that a repository has it. */
  readonly link: string;
  /** It is stored, and all is noted, before anybody gets the last byte: there may be no time afterwards. */
  readonly isStoredFirst?: boolean;
  /** Other processes wait for it, so it does not keep the pace of readers. */
  readonly isHurried?: () => boolean;
  /** It is in the store. */
  readonly onStored?: () => void | Promise<void>;
}

/** What becomes of a fetch in the store, as far as somebody knows who has waited for a while. */
export type Fate = 'stored' | 'coming' | 'failed';

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
  readonly #audience = new Audience();
  #state: 'running' | 'proven' | 'failed' = 'running';
  /** Nothing more will come of it, in the store or elsewhere. */
  #isOver = false;
  #failure: Error | undefined;
  /** Readers that wait for what comes next. */
  readonly #changes = new Signal();

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
      this.#changes.raise();
      this.#closeIdle();
    }
  }

  async #store(): Promise<void> {
    await this.#deposit.commit();
    if (this.#deposit.isStored) await this.#options.onStored?.();
  }

  /** Bytes from `first` to `last`, as they come, to be iterated over in any case. Throws where they cannot be had any more. */
  follow(first: number, last: number): AsyncGenerator<Uint8Array[]> {
    return this.#follow(this.#audience.join(first), last);
  }

  /**
   * Whether it becomes stored; `coming` where that is not known within so many milliseconds. It goes on meanwhile, whether
   * somebody reads it or not, and at nobody's pace.
   * @param signal where nobody wants to know any more
   */
  async stored(within: number, signal?: AbortSignal): Promise<Fate> {
    const leave = this.#audience.wait();
    let isLate = signal?.aborted ?? false;
    const onLimit = () => {
      isLate = true;
      this.#changes.raise();
    };
    const timer = setTimeout(onLimit, within);
    signal?.addEventListener('abort', onLimit, { once: true });
    while (!this.#isOver && !isLate) await this.#changes.next();
    clearTimeout(timer);
    signal?.removeEventListener('abort', onLimit);
    leave(isLate && !signal?.aborted);
    if (!this.#isOver) return 'coming';
    return this.#deposit.isStored ? 'stored' : 'failed';
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
          this.#audience.advance();
          yield chunks;
        } else yield* this.#past(position, end - 1);
      }
      // Of an empty body there is no last byte to hold back.
      while (this.size === 0 && this.#state === 'running') await this.#changes.next();
      if (this.size === 0 && this.#failure) throw this.#failure;
    } finally {
      this.#audience.leave(position);
      this.#closeIdle();
    }
  }

  /** What is no longer held in memory, until the reader has come to where it is. */
  async *#past(position: Position, last: number): AsyncGenerator<Uint8Array[]> {
    const past = await this.#deposit.read(position.at, last);
    if (!past) throw this.#failure ?? new Error('the reader is too far behind');
    for await (const chunk of past) {
      position.at += chunk.length;
      this.#audience.advance();
      yield [chunk];
      if (position.at >= this.#window.start) break;
    }
  }

  async #fetch(body: Body): Promise<void> {
    const { digest, isHurried = () => false } = this.#options;
    const [algorithm, hex] = digest.split(':');
    const isLone = () => !this.#deposit.isReadable;
    const hash = createHash(algorithm);
    for await (const chunk of body) {
      const storing = this.#deposit.write(chunk);
      // Another thread writes while this one hashes.
      hash.update(chunk);
      this.#window.limit = this.#deposit.isReadable ? WINDOW_BYTES : LONE_WINDOW_BYTES;
      this.#window.push(chunk);
      this.#changes.raise();
      await storing;
      await this.#audience.keepPace(this.received, isLone, isHurried);
    }
    if (hash.digest('hex') !== hex) throw new Error('the upstream sent other bytes than the digest says');
  }

  /** What readers may have by now ends before this byte. */
  get #limit(): number {
    return this.#state === 'proven' ? this.size : Math.min(this.received, this.size - 1);
  }

  #closeIdle(): void {
    if (this.#isOver && !this.#audience.hasReaders) this.#deposit.close();
  }
}
