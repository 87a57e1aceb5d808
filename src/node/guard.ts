import { checkRate, clientOf } from '../core/client-rules';
import { answerError, RegistryError } from '../core/errors';
import { RateLimiter } from '../core/rate-limit';
import { isTransfer, tooManyTransfers } from '../core/transfers';
import type { Answer } from '../core/verbs';
import { Places } from './places';
import type { Session } from './session';

/** What a process remembers of its clients. The limits are those of each request's configuration. */
export class Guard {
  readonly #rates = new RateLimiter();
  readonly #places = new Places();

  /** The answer to a request that is one too many; undefined for one that may go on. */
  admit({ head, context }: Session): Answer | undefined {
    try {
      checkRate(head, context.config, this.#rates, performance.now());
      return undefined;
    } catch (error) {
      if (error instanceof RegistryError) return answerError(error);
      throw error;
    }
  }

  /**
   * Waits for a place, where the request carries a blob, and keeps it until the response is over.
   * @returns the answer to a request that got none
   */
  async place({ head, context, exchange, res, record, signal }: Session): Promise<Answer | undefined> {
    const limit = context.config.guards.maxTransfers;
    if (limit === undefined || !exchange.route || !isTransfer(head, exchange.route)) return undefined;
    const client = clientOf(head, context.config);
    const since = performance.now();
    const hasPlace = await this.#places.take(client, limit, signal);
    record.waited = performance.now() - since;
    if (!hasPlace) return answerError(tooManyTransfers(limit));
    const giveBack = () => this.#places.giveBack(client);
    if (res.closed) giveBack();
    else res.once('close', giveBack);
    return undefined;
  }
}
