import { FutileHosts } from '../core/futile-hosts';

/** Bytes that all bodies of a process hold at most out of their order. */
export const MAX_HELD = 64 * 1024 * 1024;

/** Part of it that one body has at most, so that there is some left when the next one comes. */
const MAX_SHARE = 0.75;

/** What bodies over several connections share: memory, and what was learnt about hosts. */
export class Lanes {
  readonly futile = new FutileHosts();
  readonly #limit: number;
  #bodies = 0;
  #reserved = 0;

  constructor(limit = MAX_HELD) {
    this.#limit = limit;
  }

  /** Bytes reserved. */
  get reserved(): number {
    return this.#reserved;
  }

  /** Bytes that each body may hold now; it gets smaller with every further one. */
  get share(): number {
    return Math.min(this.#limit * MAX_SHARE, this.#limit / Math.max(1, this.#bodies));
  }

  enter(): void {
    this.#bodies += 1;
  }

  leave(): void {
    this.#bodies -= 1;
  }

  hasRoom(bytes: number): boolean {
    return this.#reserved + bytes <= this.#limit;
  }

  /** False where there is no room for so many more. */
  reserve(bytes: number): boolean {
    if (!this.hasRoom(bytes)) return false;
    this.#reserved += bytes;
    return true;
  }

  free(bytes: number): void {
    this.#reserved -= bytes;
  }
}

/** Those of this process. */
export const lanes = new Lanes();
