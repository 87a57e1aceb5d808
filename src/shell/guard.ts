import { checkRate, clientOf } from '../core/client-rules';
import type { Config } from '../core/config';
import { answerError, RegistryError } from '../core/errors';
import { RateLimiter } from '../core/rate-limit';
import type { Route } from '../core/route';
import { isTransfer, tooManyTransfers } from '../core/transfers';
import type { Answer, RequestHead } from '../core/verbs';
import { BudgetKeeper } from './budget-keeper';
import { PLACE_TIMEOUT, Places } from './places';
import type { RequestRecord } from './record';

/** What a place is wanted for. */
export interface Applicant {
  readonly head: RequestHead;
  readonly config: Config;
  readonly route: Route | undefined;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
  readonly record: RequestRecord;
  /** Called with what is to be called when the transfer is over, or at once where it is over by now. */
  readonly onEnd: (giveBack: () => void) => void;
}

/** Requests that were refused, by what refused them. */
export interface Refusals {
  rateLimit: number;
  transfers: number;
}

/** What a process remembers of its clients. The limits are those of each request's configuration. */
export class Guard {
  readonly refused: Refusals = { rateLimit: 0, transfers: 0 };
  readonly #rates = new RateLimiter();
  readonly #places: Places;
  /** Of the day. */
  readonly budgets: BudgetKeeper;

  /** @param lease milliseconds without a byte after which a transfer is taken to be over, where the end of one may not be seen */
  constructor(lease = Number.POSITIVE_INFINITY, budgets = new BudgetKeeper(undefined, lease)) {
    this.#places = new Places({ patience: PLACE_TIMEOUT, lease });
    this.budgets = budgets;
  }

  /** For what the process asks of itself: it takes nobody's turn, and costs its registries what all else costs them. */
  inside(): Guard {
    return new Guard(undefined, this.budgets);
  }

  /** The answer to a request that is one too many; undefined for one that may go on. */
  admit(head: RequestHead, config: Config): Answer | undefined {
    try {
      checkRate(head, config, this.#rates, performance.now());
      return undefined;
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      this.refused.rateLimit += 1;
      return answerError(error);
    }
  }

  /**
   * Waits for a place, where the request carries a blob, and keeps it until the response is over.
   * @returns the answer to a request that got none
   */
  async place({ head, config, route, signal, record, onEnd }: Applicant): Promise<Answer | undefined> {
    const limit = config.guards.maxTransfers;
    if (limit === undefined || !route || !isTransfer(head, route)) return undefined;
    const client = clientOf(head, config);
    const since = performance.now();
    const giveBack = await this.#places.take(client, limit, signal, record);
    record.waited = performance.now() - since;
    if (!giveBack) {
      // Who has left waits for no answer, and was refused nothing.
      if (!signal.aborted) this.refused.transfers += 1;
      return answerError(tooManyTransfers(limit));
    }
    onEnd(giveBack);
    return undefined;
  }

  /** Transfers that wait for a place. */
  get waiting(): number {
    return this.#places.waiting;
  }
}
