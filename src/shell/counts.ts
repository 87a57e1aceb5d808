import type { Outcome } from '../core/cache-verbs';
import type { RequestRecord } from './record';

/** What became of the configurations of a process. */
export interface Reloads {
  readonly good: number;
  readonly bad: number;
  readonly isLastGood: boolean;
  /** Milliseconds since 1970, when the configuration was last read without a fault. */
  readonly goodAt: number;
}

/** What the requests of a process came to, since its start. */
export class Counts {
  readonly #outcomes = new Map<Outcome, number>();
  readonly #faults = new Map<string, number>();
  #resumed = 0;
  #reloads: Reloads = { good: 0, bad: 0, isLastGood: true, goodAt: Date.now() };

  add({ cache, resumed }: Pick<RequestRecord, 'cache' | 'resumed'>): void {
    if (cache) this.#outcomes.set(cache, (this.#outcomes.get(cache) ?? 0) + 1);
    this.#resumed += resumed;
  }

  /** @param fault one of a few kinds */
  noteFault(fault: string): void {
    this.#faults.set(fault, (this.#faults.get(fault) ?? 0) + 1);
  }

  /** The configuration has been read again. */
  noteReload(isGood: boolean): void {
    const { good, bad, goodAt } = this.#reloads;
    this.#reloads = isGood
      ? { good: good + 1, bad, isLastGood: true, goodAt: Date.now() }
      : { good, bad: bad + 1, isLastGood: false, goodAt };
  }

  /** Requests by what the cache did for them, and continuations of bodies that were cut. */
  get all(): Readonly<Record<string, number>> {
    return { ...Object.fromEntries(this.#outcomes), resumed: this.#resumed };
  }

  /** Faults of the store, by kind. */
  get faults(): ReadonlyMap<string, number> {
    return this.#faults;
  }

  get reloads(): Reloads {
    return this.#reloads;
  }
}
