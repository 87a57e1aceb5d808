import { setTimeout as sleep } from 'node:timers/promises';
import { inTime } from '../shell/deadline';
import type { Claim, Piece, Reading, Sink } from '../storage/store';
import type { BlobSource } from './blob-source';
import type { Body } from './body';
import { HeldClaim } from './held-claim';
import { PieceWatch, type PieceWatchOptions, TAKEOVER_TIME } from './piece-watch';

/** Milliseconds that a store may take to say who fetches a blob; then it is fetched as if nobody did. */
const CLAIM_TIME = 5_000;

/** Milliseconds between two looks whether somebody else has stored a blob that is all here. */
const STORED_INTERVAL = 1_000;

export interface SharedFetchOptions extends Omit<PieceWatchOptions, 'patience' | 'signal'> {
  /** Where it can be fetched from here; missing where it can only be followed. */
  readonly source?: BlobSource;
  readonly isStored: () => Promise<boolean>;
  /** Opens where it is stored when the store does not say who fetches it. */
  readonly put: () => Promise<Sink | undefined>;
  readonly onFault: (error: Error) => void;
}

/** `alone`: as if there were no others, and without them knowing. */
type Role = 'leads' | 'follows' | 'alone';

/**
 * A blob that one of several processes fetches, this one perhaps: it leads where it has claimed it, else it follows the pieces that
 * another one writes, and takes over where that one ends. Body and sink are its two sides: what leads writes pieces as they come.
 */
export class SharedFetch implements Body {
  readonly #options: SharedFetchOptions;
  readonly #leaving = new AbortController();
  /** Pieces of others that have been read whole, one behind the other from the first byte on. */
  readonly #pieces: Piece[] = [];
  #held: HeldClaim | undefined;
  #role: Promise<Role>;
  #received = 0;

  constructor(options: SharedFetchOptions) {
    this.#options = options;
    this.#role = this.#decide();
  }

  get received(): number {
    return this.#received;
  }

  readonly close = (): void => this.#leaving.abort();

  /** Takes nothing, since what comes has been written already; its commit makes it visible, or waits until somebody else has. */
  async sink(): Promise<Sink | undefined> {
    if ((await this.#role) === 'alone') return this.#options.put();
    const write = async () => {};
    return { written: 0, write, commit: () => this.#commit(), abort: () => this.#abort() };
  }

  /** Others wait for what is written here, at whatever pace it is read here. */
  get isLeading(): boolean {
    return this.#held?.isWriting ?? false;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    try {
      yield* this.#all();
    } finally {
      this.#options.source?.discard();
    }
  }

  async *#all(): AsyncGenerator<Buffer> {
    const { size, source, onFault } = this.#options;
    while (this.#received < size) {
      const role = await this.#role;
      if (this.#leaving.signal.aborted) throw new Error('nobody waits for the body any more');
      if (role === 'alone') yield* this.#fetch();
      else if (role === 'leads') yield* this.#lead(this.#held as HeldClaim);
      else {
        source?.discard();
        try {
          yield* this.#follow();
        } catch (error) {
          if (!source || this.#leaving.signal.aborted) throw error;
          onFault(error as Error);
          this.#role = Promise.resolve('alone');
          continue;
        }
      }
      if (this.#received < size) this.#role = this.#decide();
    }
  }

  async #decide(): Promise<Role> {
    const { key, size, incoming, source, onFault } = this.#options;
    if (!source) return 'follows';
    try {
      if (this.#isCovered) {
        const giveBack = (late: Claim | undefined) => void late?.release();
        const claim = await inTime(incoming.claim(key, size), CLAIM_TIME, 'the store gives no claim', giveBack);
        if (this.#leaving.signal.aborted) await claim?.release();
        else if (claim) {
          this.#held = new HeldClaim(claim, this.#pieces, onFault);
          return 'leads';
        }
      }
      const fetcher = await inTime(incoming.fetcher(key), CLAIM_TIME, 'the store does not say who fetches a blob');
      if (!fetcher) return this.#isCovered ? 'follows' : 'alone';
      // Where two say different things of its size, one of them is wrong, and only the end of each tells.
      return fetcher.size === size ? 'follows' : 'alone';
    } catch (error) {
      onFault(error as Error);
      return 'alone';
    }
  }

  /** All that has come is in pieces, so that the rest can be put behind them. */
  get #isCovered(): boolean {
    const last = this.#pieces.at(-1);
    return this.#received === (last ? last.first + last.size : 0);
  }

  /** What others have left first, then the rest from upstream. Ends early where somebody else has taken over. */
  async *#lead(held: HeldClaim): AsyncGenerator<Buffer> {
    const { key, size, incoming, isStored, stored, onFault } = this.#options;
    try {
      // By who had the claim before, perhaps, a moment ago.
      const rest = (await isStored()) ? await stored(this.#received) : undefined;
      if (rest) return yield* this.#giveInstead(held, rest);
      const { pieces } = await incoming.look(key, size, this.#received);
      for (const piece of pieces) {
        if (!(yield* this.#read(piece))) break;
        held.claim.adopt(piece);
      }
    } catch (error) {
      onFault(error as Error);
      if (!this.#isCovered) await held.release();
    }
    if (this.#received < size) yield* this.#fetch(held);
  }

  async *#giveInstead(held: HeldClaim, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
    await held.release();
    yield* this.#give(rest);
  }

  async *#fetch(held?: HeldClaim): AsyncGenerator<Buffer> {
    const body = (this.#options.source as BlobSource).open(this.#received);
    this.#leaving.signal.addEventListener('abort', body.close, { once: true });
    try {
      for await (const chunk of body) {
        this.#received += chunk.length;
        yield chunk;
        await held?.write(chunk);
        if (held?.isLost) return;
      }
    } finally {
      this.#leaving.signal.removeEventListener('abort', body.close);
      body.close();
    }
  }

  /** Ends early where nobody fetches it any more, and it could be fetched from here. */
  async *#follow(): AsyncGenerator<Buffer> {
    const { size, source } = this.#options;
    const patience = source ? 0 : TAKEOVER_TIME;
    const watch = new PieceWatch({ ...this.#options, patience, signal: this.#leaving.signal });
    while (this.#received < size) {
      const next = await watch.next(this.#received);
      if (next.kind === 'rest') yield* this.#give(next.bytes);
      else if (next.kind === 'piece') {
        if (!(yield* this.#read(next.piece))) watch.forget();
      } else if (source) return;
      else throw new Error('who fetched it does not go on');
    }
  }

  /** @returns whether it is there: it goes when the blob has been put together */
  async *#read(piece: Piece): AsyncGenerator<Buffer, boolean> {
    const { key, incoming } = this.#options;
    const skip = this.#received - piece.first;
    const isNext = this.#isCovered && skip === 0;
    const close = (late?: Partial<Reading>) => void late?.close?.();
    const bytes = await inTime(incoming.read(key, piece, skip), CLAIM_TIME, 'the store does not give a piece', close);
    if (!bytes) return false;
    yield* this.#give(bytes);
    if (isNext) this.#pieces.push(piece);
    return isNext;
  }

  async *#give(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
    for await (const chunk of bytes) {
      this.#received += chunk.length;
      yield chunk as Buffer;
    }
  }

  async #commit(): Promise<void> {
    if (this.#held?.isWriting) return this.#held.commit();
    const { isStored, incoming, key } = this.#options;
    const { signal } = this.#leaving;
    while (!(await isStored())) {
      if (!(await incoming.fetcher(key))) return this.#commitInPlace();
      await sleep(STORED_INTERVAL, undefined, { signal });
    }
  }

  /** Of who fetched it, all pieces are here, and nothing else came of it. */
  async #commitInPlace(): Promise<void> {
    if (!this.#isCovered || (await this.#decide()) !== 'leads') throw new Error('who fetched it has not stored it');
    await this.#held?.commit();
  }

  /** All of it, and no commit: it is wrong. */
  async #abort(): Promise<void> {
    this.#leaving.abort();
    await this.#role;
    if (this.#received === this.#options.size) await this.#held?.discard();
    else await this.#held?.release();
  }
}
