import type { Answer } from './verbs';

/** Milliseconds for which a client that was let in upstream is let in here by the same right. */
export const PROOF_LIFETIME = 60_000;

/** Milliseconds for which a registry that could not be asked is not waited for again, where there is something to serve. */
export const OUTAGE_PAUSE = 10_000;

const MAX_PROOFS = 2000;
const MAX_NEGATIVES = 2000;
const MAX_CHANGES = 2000;

interface Negative {
  readonly until: number;
  readonly answer: Answer;
}

/** What requests learn about rights, absences and outages, for a short time. Times are milliseconds since 1970. */
export class CacheMemory {
  readonly #proofs = new Map<string, number>();
  readonly #negatives = new Map<string, Negative>();
  readonly #outages = new Map<string, number>();
  readonly #changes = new Map<string, number>();
  #changeCount = 0;

  /** @param right whose it is and what for */
  prove(right: string, now: number): void {
    put(this.#proofs, right, now + PROOF_LIFETIME, MAX_PROOFS);
  }

  isProven(right: string, now: number): boolean {
    return (this.#proofs.get(right) ?? 0) > now;
  }

  /** The right was refused. */
  disprove(right: string): void {
    this.#proofs.delete(right);
  }

  /** @param lifetime milliseconds */
  miss(key: string, answer: Answer, now: number, lifetime: number): void {
    if (lifetime > 0) put(this.#negatives, key, { until: now + lifetime, answer }, MAX_NEGATIVES);
  }

  missed(key: string, now: number): Answer | undefined {
    const found = this.#negatives.get(key);
    return found && found.until > now ? found.answer : undefined;
  }

  /** Something was pushed to this repository, or removed from it. */
  change(repository: string): void {
    this.#changeCount += 1;
    put(this.#changes, repository, this.#changeCount, MAX_CHANGES);
    for (const key of this.#negatives.keys()) if (key.startsWith(`${repository} `)) this.#negatives.delete(key);
  }

  /** Another number after each change; what was asked before may be told afterwards, and is not so any more. */
  lastChange(repository: string): number {
    return this.#changes.get(repository) ?? 0;
  }

  noteOutage(registry: string, now: number): void {
    put(this.#outages, registry, now + OUTAGE_PAUSE, MAX_NEGATIVES);
  }

  isOut(registry: string, now: number): boolean {
    return (this.#outages.get(registry) ?? 0) > now;
  }
}

function put<T>(map: Map<string, T>, key: string, value: T, max: number): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > max) map.delete(oldest);
}
