import { setTimeout as sleep } from 'node:timers/promises';
import type { BlobKey, Incoming, Piece } from '../storage/store';

/** Milliseconds between two looks for further pieces: at first, and at most where none come. */
const FIRST_LOOK_INTERVAL = 250;
const LAST_LOOK_INTERVAL = 2_000;

/** Milliseconds in which somebody else has to take over what cannot be fetched from here. */
export const TAKEOVER_TIME = 5_000;

/** Looks in a row that may fail. */
const MAX_LOOK_FAULTS = 4;

export interface PieceWatchOptions {
  readonly key: BlobKey;
  readonly size: number;
  readonly incoming: Incoming;
  /** What is stored, from this byte on; undefined where it is not. */
  readonly stored: (first: number) => Promise<AsyncIterable<Uint8Array> | undefined>;
  /** Milliseconds for which somebody else may take over, before it is said that nobody does. */
  readonly patience: number;
  /** Aborted when nobody wants it any more. */
  readonly signal: AbortSignal;
}

/** What comes next of a blob that somebody else fetches. */
export type Next =
  | { readonly kind: 'piece'; readonly piece: Piece }
  | { readonly kind: 'rest'; readonly bytes: AsyncIterable<Uint8Array> }
  | { readonly kind: 'nobody' };

/** Waits for what somebody else writes of a blob, until it is stored or nobody goes on with it. */
export class PieceWatch {
  readonly #options: PieceWatchOptions;
  #known: readonly Piece[] = [];
  #interval = FIRST_LOOK_INTERVAL;
  #faults = 0;
  /** Bytes that were here when a piece was given at last. */
  #givenAt = 0;
  /** The same, of one that was listed, and not there. */
  #missedAt: number | undefined;
  /** Of performance.now(); since when nobody has been fetching it. */
  #abandonedAt: number | undefined;

  constructor(options: PieceWatchOptions) {
    this.#options = options;
  }

  /**
   * @param received bytes that are here
   * @throws StoreError where that cannot be told, and Error where nobody wants to know any more
   */
  async next(received: number): Promise<Next> {
    for (;;) {
      const piece = this.#known.find(({ first, size }) => first <= received && received < first + size);
      if (piece) {
        this.#givenAt = received;
        return { kind: 'piece', piece };
      }
      // A list may show for a while what is there no more, or not yet.
      const isMissed = this.#missedAt === received;
      const isFetched = await this.#look(received);
      this.#missedAt = undefined;
      if (this.#known.length > 0 && !isMissed) continue;
      const bytes = isFetched && !isMissed ? undefined : await this.#options.stored(received);
      if (bytes) return { kind: 'rest', bytes };
      this.#abandonedAt = isFetched ? undefined : (this.#abandonedAt ?? performance.now());
      if (this.#abandonedAt !== undefined && performance.now() - this.#abandonedAt >= this.#options.patience)
        return { kind: 'nobody' };
      await sleep(this.#interval, undefined, { signal: this.#options.signal });
      this.#interval = Math.min(this.#interval * 1.5, LAST_LOOK_INTERVAL);
    }
  }

  /** What was known is there no more: the blob has been put together, or given up. */
  forget(): void {
    this.#known = [];
    this.#missedAt = this.#givenAt;
  }

  /** Whether somebody fetches it. One fault says nothing about that. */
  async #look(received: number): Promise<boolean> {
    const { incoming, key, size } = this.#options;
    try {
      const { pieces, isFetched } = await incoming.look(key, size, received);
      this.#known = pieces;
      this.#faults = 0;
      if (pieces.length > 0) this.#interval = FIRST_LOOK_INTERVAL;
      return isFetched;
    } catch (error) {
      this.#faults += 1;
      if (this.#faults > MAX_LOOK_FAULTS) throw error;
      this.#known = [];
      return true;
    }
  }
}
