/** Bytes that are fetched ahead of the fastest reader. */
const AHEAD_BYTES = 64 * 1024 * 1024;

/** The same where nothing but memory holds them. */
const LONE_AHEAD_BYTES = 4 * 1024 * 1024;

/**
 * Milliseconds that the others of one download wait for those who are behind, where nothing but memory holds what has come. Who is left behind
 * is cut, and comes back for the rest.
 */
const LAG_TIME = 30_000;

/** Milliseconds for which a download goes on without a reader: clients that were cut come back. */
export const LINGER_TIME = 10_000;

/** The same after somebody has been told that it is not stored yet, and to come again: what clients do after 503 takes them longer. */
export const RETURN_TIME = 60_000;

/** Where a reader is. */
export interface Position {
  at: number;
}

/** Whom a download is for: its readers, whose pace it keeps, and those who wait until it is stored, who have none. */
export class Audience {
  readonly #readers = new Set<Position>();
  #waiting = 0;
  /** What is left of LAG_TIME. */
  #patience = LAG_TIME;
  /** Wakes the fetch, where it waits for readers. */
  #resume: () => void = () => {};
  /** Of performance.now(); until when it goes on with nobody left. */
  #keptUntil = performance.now() + LINGER_TIME;

  get hasReaders(): boolean {
    return this.#readers.size > 0;
  }

  join(at: number): Position {
    const position = { at };
    this.#readers.add(position);
    this.#resume();
    return position;
  }

  leave(position: Position): void {
    this.#readers.delete(position);
    this.#left(LINGER_TIME);
  }

  /** @returns to be called when it is not waited for any more, with whether that one is told to come again */
  wait(): (comesAgain: boolean) => void {
    this.#waiting += 1;
    this.#resume();
    return (comesAgain) => {
      this.#waiting -= 1;
      this.#left(comesAgain ? RETURN_TIME : LINGER_TIME);
    };
  }

  /** A reader has got on. */
  advance(): void {
    this.#resume();
  }

  /**
   * Waits while the fastest reader is far behind. With nobody left, it goes on only as long as some may need to come back.
   * @param isLone nothing but memory holds what is past
   * @param isHurried somebody else waits for it, elsewhere
   * @throws Error where it is of no use to go on
   */
  async keepPace(received: number, isLone: () => boolean, isHurried: () => boolean): Promise<void> {
    while (this.#readers.size > 0) {
      const lone = isLone();
      if (!lone && (this.#waiting > 0 || isHurried())) return;
      const behind = [...this.#readers].map(({ at }) => received - at);
      const ahead = lone ? LONE_AHEAD_BYTES : AHEAD_BYTES;
      const isNear = Math.min(...behind) <= ahead;
      if (isNear && !(lone && this.#patience > 0 && Math.max(...behind) > ahead)) return;
      const since = performance.now();
      await this.#resumed(isNear ? this.#patience : undefined);
      if (isNear) this.#patience -= performance.now() - since;
    }
    if (this.#waiting === 0 && performance.now() > this.#keptUntil) throw new Error('nobody reads it any more');
  }

  #left(linger: number): void {
    this.#keptUntil = Math.max(this.#keptUntil, performance.now() + linger);
    this.#resume();
  }

  /** @param limit milliseconds; for ever where it is missing */
  async #resumed(limit: number | undefined): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#resume = resolve;
      if (limit !== undefined) timer = setTimeout(resolve, limit);
    });
    clearTimeout(timer);
  }
}
