import { inTime } from '../shell/deadline';
import type { Sink } from '../storage/store';
import { StoreError } from '../storage/store-error';

/** Milliseconds that R2 may take with a body that a client waits for. */
export interface DepositTimes {
  /** For one piece of it, before it is done without. */
  readonly piece: number;
  /** To prove all of it and to make it visible. */
  readonly commit: number;
}

export const DEPOSIT_TIMES: DepositTimes = { piece: 10_000, commit: 20_000 };

/** Where a body goes beside its client. A store that fails, or hangs, is done without. */
export class Deposit {
  readonly #times: DepositTimes;
  readonly #onFault: (error: Error) => void;
  #sink: Sink | undefined;

  constructor(sink: Sink | undefined, times: DepositTimes, onFault: (error: Error) => void) {
    this.#sink = sink;
    this.#times = times;
    this.#onFault = onFault;
  }

  /** Never fails. The chunk is not to be changed, nor its buffer given away, until it resolves. */
  async write(chunk: Uint8Array): Promise<void> {
    const sink = this.#sink;
    if (!sink) return;
    try {
      await inTime(sink.write(chunk), this.#times.piece, 'the store takes nothing');
    } catch (error) {
      this.#drop(error as Error);
    }
  }

  /**
   * Whether it is stored now: the store has taken all of it and found that it is what its digest says.
   * @throws StoreError `digest` where it is something else
   */
  async commit(): Promise<boolean> {
    const sink = this.#sink;
    if (!sink) return false;
    try {
      await inTime(sink.commit(), this.#times.commit, 'the store does not finish');
      this.#sink = undefined;
      return true;
    } catch (error) {
      this.#drop(error as Error);
      if (error instanceof StoreError && error.fault === 'digest') throw error;
      return false;
    }
  }

  /** Nothing is left of what was not committed. */
  abort(): void {
    this.#sink?.abort().catch(() => {});
    this.#sink = undefined;
  }

  #drop(error: Error): void {
    this.#onFault(error);
    this.abort();
  }
}
