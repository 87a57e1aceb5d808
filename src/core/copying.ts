import type { CacheQuestion } from './cache-question';
import type { Await } from './cache-verbs';
import { answerError, RegistryError } from './errors';
import { type Place, sameAgain } from './location';
import type { Answer, Relay } from './verbs';

/** Says in the query of a blob's URL how often its client has been sent back to it. Never sent upstream. */
export const ATTEMPT = '_offload';

/** How often a client is sent back at most: Go's clients follow 10 redirects. */
export const MAX_ATTEMPTS = 8;

/** Seconds after which to ask again for a blob that is still being copied. */
const COPYING_PATIENCE = 10;

/** Copies of one request that may fail before it is done without. */
const MAX_FAILED_COPIES = 2;

/** The copy of one blob into the bucket, as far as one request has to do with it. */
export class Copying {
  #failures = 0;
  #isWhole = false;

  /** Whether all of it can be copied, now or after it has been asked for whole. */
  mayBegin({ keep, status, span }: Relay, { config }: CacheQuestion): boolean {
    if (this.#failures >= MAX_FAILED_COPIES) return false;
    if (keep) return keep.kind === 'blob';
    const { total } = span ?? {};
    return status === 206 && !this.#isWhole && total !== undefined && total <= (config.maxBlob ?? total);
  }

  /** A part was asked for, and all of it will be. */
  askWhole(): void {
    this.#isWhole = true;
  }

  /** Also where it is said to be in the bucket, and cannot be had from there: it would be fetched over and over. */
  fail(): void {
    this.#failures += 1;
  }
}

export function awaiting(digest: string, { config }: Place): Await {
  return { verb: 'await', digest, within: config.offloadWait };
}

/** A client has waited long enough for one request. Whoever copies goes on meanwhile. */
export function sendBack(place: Place): Answer {
  const attempt = place.route.attempt + 1;
  if (attempt <= MAX_ATTEMPTS) {
    return {
      verb: 'answer',
      status: 307,
      headers: [
        ['location', sameAgain(place, [[ATTEMPT, String(attempt)]])],
        ['cache-control', 'no-store'],
      ],
      body: '',
    };
  }
  const message = 'the blob is still being copied into the bucket; ask again';
  return answerError(
    new RegistryError(503, 'UNAVAILABLE', message, undefined, [['retry-after', String(COPYING_PATIENCE)]]),
  );
}
