/** Wakes everybody who waits for the next change. */
export class Signal {
  #waiting: (() => void)[] = [];

  raise(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }
}
