import type { Timeouts } from './config';
import { type HeaderList, headerOf } from './headers';
import type { Failure, Forward } from './verbs';

/** Attempts after the first one, for a request that can be sent again. */
export const MAX_RETRIES = 3;

/** Milliseconds before the first retry; each next one waits four times as long. */
export const FIRST_RETRY_DELAY = 100;

/** Statuses that say that the same request may succeed in a moment (RFC 9110 section 15.6); 429 is the client's to heed. */
export function isTransient(status: number): boolean {
  return [500, 502, 503, 504].includes(status);
}

/** A certificate or a forbidden address does not get better by asking again. */
export function isTransientFailure(failure: Failure): boolean {
  return !['tls', 'forbidden'].includes(failure.kind);
}

/**
 * When to send a request again: milliseconds from now, or undefined for not at all.
 * @param elapsed milliseconds since the client's request came
 * @param limit `RETRY_TIMEOUT`: the whole of all retries ends within it
 */
export function retryDelay(
  sent: Forward,
  retries: number,
  elapsed: number,
  limit: number,
  headers: HeaderList,
): number | undefined {
  if (!['GET', 'HEAD'].includes(sent.method) || sent.body !== 'none' || retries >= MAX_RETRIES) return undefined;
  const asked = Number(headerOf(headers, 'retry-after') ?? 0) * 1000;
  const delay = Math.max(FIRST_RETRY_DELAY * 4 ** retries, Number.isFinite(asked) ? asked : Number.POSITIVE_INFINITY);
  return elapsed + delay < limit ? delay : undefined;
}

/** The retries of one request. */
export class Retries {
  readonly #timeouts: Timeouts;
  #count = 0;

  constructor(timeouts: Timeouts) {
    this.#timeouts = timeouts;
  }

  get count(): number {
    return this.#count;
  }

  /** When to send a request again and how long to wait for its response head; undefined for not at all. */
  next(sent: Forward, elapsed: number, headers: HeaderList): Required<Pick<Forward, 'after' | 'within'>> | undefined {
    const after = retryDelay(sent, this.#count, elapsed, this.#timeouts.retry, headers);
    if (after === undefined) return undefined;
    this.#count += 1;
    return { after, within: this.remaining(elapsed + after) };
  }

  /** Milliseconds for a response head, where requests are being retried. */
  remaining(elapsed: number): number {
    return Math.max(1, Math.min(this.#timeouts.response, this.#timeouts.retry - elapsed));
  }
}
