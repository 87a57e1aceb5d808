/** Work that nobody waits for but who is about to end what it needs. */
export class Pending {
  readonly #works = new Set<Promise<void>>();

  /** @param onFault told what went wrong with it */
  add(work: Promise<unknown>, onFault: (error: Error) => void): void {
    const over = work.then(() => {}, onFault).finally(() => this.#works.delete(over));
    this.#works.add(over);
  }

  /**
   * Until all of it is over, what comes meanwhile with it.
   * @param limit milliseconds after which it is not waited for any more
   */
  async settle(limit: number): Promise<void> {
    let isLate = false;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        isLate = true;
        resolve();
      }, limit);
    });
    while (this.#works.size > 0 && !isLate) await Promise.race([Promise.all(this.#works), late]);
    clearTimeout(timer);
  }
}
