import { inTime } from '../shell/deadline';
import type { Claim, Piece } from '../storage/store';
import { STORE_TIME } from './deposit';

/** Milliseconds between two signs of life of who fetches a blob: several of them before others take it over. */
const RENEW_INTERVAL = 4_000;

/** A claim of this process, kept alive until it ends. */
export class HeldClaim {
  readonly claim: Claim;
  readonly #onFault: (error: Error) => void;
  readonly #timer: NodeJS.Timeout;
  #state: 'writing' | 'lost' | 'over' = 'writing';
  #isRefused = false;

  /** @param pieces of others, which are all that is here so far */
  constructor(claim: Claim, pieces: readonly Piece[], onFault: (error: Error) => void) {
    this.claim = claim;
    for (const piece of pieces) claim.adopt(piece);
    this.#onFault = onFault;
    this.#timer = setInterval(() => this.#renew(), RENEW_INTERVAL);
    this.#timer.unref();
  }

  get isWriting(): boolean {
    return this.#state === 'writing';
  }

  /** Somebody else has taken over: what is fetched now is fetched twice. */
  get isLost(): boolean {
    return this.#state === 'lost';
  }

  /** The store takes no more of it. */
  get isRefused(): boolean {
    return this.#isRefused;
  }

  /** What the store does not take is not written, and what comes behind it neither. */
  async write(chunk: Uint8Array): Promise<void> {
    if (!this.isWriting) return;
    try {
      await inTime(this.claim.write(chunk), STORE_TIME, 'the store takes nothing');
    } catch (error) {
      // Somebody else has taken over meanwhile, so it was given up on its way.
      if (!this.isWriting) return;
      this.#isRefused = true;
      this.#onFault(error as Error);
      await this.release();
    }
  }

  async commit(): Promise<void> {
    try {
      await this.claim.commit();
      this.#end('over');
    } catch (error) {
      await this.release();
      throw error;
    }
  }

  async release(): Promise<void> {
    if (this.#end('over')) await this.claim.release();
  }

  async discard(): Promise<void> {
    if (this.#end('over')) await this.claim.discard();
  }

  #renew(): void {
    const onAnswer = (isKept: boolean) => {
      if (!isKept && this.#end('lost')) this.claim.release();
    };
    this.claim.renew().then(onAnswer, this.#onFault);
  }

  /** @returns whether it had not ended before */
  #end(state: 'lost' | 'over'): boolean {
    if (this.#state !== 'writing') return false;
    clearInterval(this.#timer);
    this.#state = state;
    return true;
  }
}
