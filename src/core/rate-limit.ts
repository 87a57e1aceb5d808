import { RegistryError } from './errors';

/** So many requests in so long a time, and so many at once. */
export interface Rate {
  readonly count: number;
  /** Milliseconds. */
  readonly within: number;
  readonly burst: number;
}

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };

/** Reads `20/s`, `600/m`, `10000/h`, with `burst 100` behind it or, by default, a burst of the first number. */
export function parseRate(text: string): Rate | undefined {
  const match = /^(\d{1,9})\/([smh])(?:\s+burst[ =](\d{1,9}))?$/i.exec(text);
  if (!match) return undefined;
  const count = Number(match[1]);
  const burst = Number(match[3] ?? count);
  return count > 0 && burst > 0 ? { count, within: UNITS[match[2].toLowerCase()], burst } : undefined;
}

/** Clients remembered; one more forgets the one that was silent for longest. */
export const MAX_CLIENTS = 10_000;

/** Forgotten at most with each request, so that no request pays for all who left. */
const FORGOTTEN_AT_ONCE = 2;

/** Of a request, that sums of fractions may lack: whoever comes at the time that was told is not one too many. */
const ROUNDING = 1e-9;

interface Bucket {
  /** Requests that are left of the burst. */
  readonly left: number;
  /** When that was so. */
  readonly at: number;
}

/** Counts the requests of each client: a bucket that fills at the rate and holds the burst, as nginx's limit_req. */
export class RateLimiter {
  /** The one that was silent for longest comes first. */
  readonly #buckets = new Map<string, Bucket>();

  /** Clients that are remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  /**
   * Counts a request, unless it is one too many.
   * @param now milliseconds of any clock that only runs forwards
   * @returns milliseconds after which to ask again; 0 where the request may go on
   */
  take(client: string, rate: Rate, now: number): number {
    this.#forget(rate, now);
    const bucket = this.#buckets.get(client);
    const left = bucket ? filled(bucket, rate, now) : rate.burst;
    const isOver = left < 1 - ROUNDING;
    this.#buckets.delete(client);
    this.#buckets.set(client, { left: isOver ? left : Math.max(0, left - 1), at: now });
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > MAX_CLIENTS) this.#buckets.delete(oldest);
    return isOver ? ((1 - left) * rate.within) / rate.count : 0;
  }

  /** A full bucket says no more than none. */
  #forget(rate: Rate, now: number): void {
    let count = 0;
    for (const [client, bucket] of this.#buckets) {
      if (count++ === FORGOTTEN_AT_ONCE || filled(bucket, rate, now) < rate.burst) return;
      this.#buckets.delete(client);
    }
  }
}

function filled({ left, at }: Bucket, { count, within, burst }: Rate, now: number): number {
  return Math.min(burst, left + ((now - at) * count) / within);
}

/**
 * @param wait milliseconds after which to ask again
 * @param more what else there is to say, beside the rule's name
 */
export function tooManyRequests(message: string, rule: string, wait: number, more: object = {}): RegistryError {
  const seconds = Math.max(1, Math.ceil(wait / 1000));
  return new RegistryError(429, 'TOOMANYREQUESTS', message, { rule, ...more }, [['retry-after', String(seconds)]]);
}
