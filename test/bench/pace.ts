import { setTimeout } from 'node:timers/promises';

/** Milliseconds by which a sender may run ahead: timers are no finer. */
const AHEAD = 5;

/** Lets so many bytes a second through, whoever asks, in the order of asking. */
export class Pace {
  readonly #rate: number;
  #free = 0;

  /** @param rate bytes a second; Infinity for no limit */
  constructor(rate: number) {
    this.#rate = rate;
  }

  async wait(bytes: number): Promise<void> {
    const now = performance.now();
    this.#free = Math.max(this.#free, now) + (bytes / this.#rate) * 1000;
    if (this.#free - now > AHEAD) await setTimeout(this.#free - now);
  }
}
