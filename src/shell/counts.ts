import type { Outcome } from '../core/cache-verbs';
import type { RequestRecord } from './record';

/** What the requests of a process came to, since its start. */
export class Counts {
  readonly #outcomes = new Map<Outcome, number>();
  #resumed = 0;

  add({ cache, resumed }: Pick<RequestRecord, 'cache' | 'resumed'>): void {
    if (cache) this.#outcomes.set(cache, (this.#outcomes.get(cache) ?? 0) + 1);
    this.#resumed += resumed;
  }

  /** Requests by what the cache did for them, and continuations of bodies that were cut. */
  get all(): Readonly<Record<string, number>> {
    return { ...Object.fromEntries(this.#outcomes), resumed: this.#resumed };
  }
}
