/** Wrong passwords for one name within a window, and the milliseconds that one lasts. */
export const MAX_FAILURES = 10;
export const ATTEMPT_WINDOW = 60_000;

/** Names counted at most that are no user's; one more drops the one whose window began first. */
export const MAX_NAMES = 10_000;

interface Window {
  readonly until: number;
  count: number;
}

/**
 * Counts tries to log in, for each name by itself: with one count for all, whoever guesses would lock everybody out. And
 * not for each address: behind a platform's gateway many have the same one, and guessers have many. What remains is that
 * somebody can keep a user from logging in at one more place.
 */
export class Attempts {
  /** Tries that were found wrong since the start, as far as whoever looks at them says so. */
  failed = 0;
  readonly #users = new Map<string, Window>();
  readonly #others = new Map<string, Window>();

  /**
   * Counts a try as failed before it is made, so that many at once are no way around.
   * @param isUser there is such a user: of these none is dropped, or made-up names would make us forget what was tried
   * @returns what takes it back once it has turned out well; undefined where there were too many
   */
  begin(name: string, isUser: boolean): (() => void) | undefined {
    const windows = isUser ? this.#users : this.#others;
    const now = performance.now();
    let window = windows.get(name);
    if (!window || window.until <= now) {
      window = { until: now + ATTEMPT_WINDOW, count: 0 };
      windows.delete(name);
      windows.set(name, window);
      const [oldest] = windows.keys();
      if (!isUser && windows.size > MAX_NAMES) windows.delete(oldest);
    }
    if (window.count >= MAX_FAILURES) return undefined;
    const counted = window;
    counted.count += 1;
    return () => {
      counted.count -= 1;
    };
  }
}
