/** A limit on how long somebody is waited for, again and again: one timer for many short waits. */
export class Patience {
  readonly #limit: number;
  readonly #onEnd: () => void;
  #since: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param limit milliseconds; 0 for ever */
  constructor(limit: number, onEnd: () => void) {
    this.#limit = limit;
    this.#onEnd = onEnd;
  }

  begin(): void {
    this.#since = performance.now();
    if (this.#limit > 0) this.#timer ??= setTimeout(this.#look, this.#limit);
  }

  end(): void {
    this.#since = undefined;
  }

  close(): void {
    this.end();
    clearTimeout(this.#timer);
  }

  readonly #look = (): void => {
    this.#timer = undefined;
    if (this.#since === undefined) return;
    const left = this.#since + this.#limit - performance.now();
    if (left > 0) this.#timer = setTimeout(this.#look, left);
    else this.#onEnd();
  };
}
