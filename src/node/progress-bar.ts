import { printBytes } from '../core/bytes-text';
import type { Env } from '../core/given';
import type { Streams } from './commands';
import type { PrefetchProgress } from './prefetch';

/** Milliseconds between two drawings. */
const DRAW_INTERVAL = 100;

/** Milliseconds over which the speed is taken. */
const SPEED_WINDOW = 5000;

const BAR_WIDTH = 24;

/** One line at the end of a terminal that says how far a run has got, and is drawn over itself. */
export class ProgressBar {
  readonly #out: Streams['stderr'];
  readonly #images: number;
  readonly #isShown: boolean;
  readonly #samples: { at: number; bytes: number }[] = [];
  #over = 0;
  #drawnAt = Number.NEGATIVE_INFINITY;

  /** @param images how many there are in all */
  constructor(out: Streams['stderr'], env: Env, images: number) {
    this.#out = out;
    this.#images = images;
    this.#isShown = out.isTTY === true && !env.CI && env.TERM !== 'dumb';
  }

  /** @param now milliseconds of performance.now() */
  note(progress: PrefetchProgress, now: number): void {
    if (progress.result) this.#over += 1;
    if (!this.#isShown || (now - this.#drawnAt < DRAW_INTERVAL && !progress.result)) return;
    this.#drawnAt = now;
    this.#samples.push({ at: now, bytes: progress.fetched });
    while (now - this.#samples[0].at > SPEED_WINDOW) this.#samples.shift();
    const text = this.#textOf(progress);
    this.#out.write(`\r\x1b[K${text.slice(0, Math.max(20, (this.#out.columns ?? 80) - 1))}`);
  }

  /** Takes the line away, so that something else can be printed. */
  clear(): void {
    if (this.#isShown) this.#out.write('\r\x1b[K');
  }

  #textOf({ image, fetched, present, total }: PrefetchProgress): string {
    const done = fetched + present;
    const filled = total === 0 ? 0 : Math.min(BAR_WIDTH, Math.floor((BAR_WIDTH * done) / total));
    const bar = '#'.repeat(filled).padEnd(BAR_WIDTH, '.');
    const [first, last] = [this.#samples[0], this.#samples[this.#samples.length - 1]];
    const speed = last.at > first.at ? ((last.bytes - first.bytes) * 1000) / (last.at - first.at) : 0;
    const place = `${this.#over}/${this.#images}`;
    return `[${bar}] ${place} ${printBytes(done)} of ${printBytes(total)}, ${printBytes(Math.max(0, speed))}/s ${image}`;
  }
}
