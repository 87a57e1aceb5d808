/** Bytes taken at once at most: each turn of a loop costs the time of a processor, of which a Worker has little. */
export const MAX_BUFFER = 1024 * 1024;

/** The same while little comes, and where many bodies are under way. */
export const MIN_BUFFER = 64 * 1024;

/** Bytes of all buffers of an isolate, about: it has 128 MB, and whatever takes more ends every transfer in it. */
const BUDGET = 16 * 1024 * 1024;

/** Bodies under way in an isolate, which share its memory. */
export class Buffers {
  /** Weakly: a request may be ended by the platform, of which nobody is told. */
  readonly #users = new Set<WeakRef<object>>();

  /** Counts a body for as long as `user` is held, or until what is returned is called. */
  open(user: object): () => void {
    for (const each of this.#users) if (!each.deref()) this.#users.delete(each);
    const entry = new WeakRef(user);
    this.#users.add(entry);
    return () => this.#users.delete(entry);
  }

  /** Bytes that a buffer may have now; a power of two, so that it seldom changes. */
  get size(): number {
    let size = MAX_BUFFER;
    while (size > MIN_BUFFER && size * this.#users.size > BUDGET) size /= 2;
    return size;
  }
}
