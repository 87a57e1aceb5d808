/** Milliseconds after its last byte for which a fetch is taken to go on: one whose client left ends without a word. */
const LIFE = 30_000;

/** Fetches remembered; those whose end nobody saw go first. */
const MAX_WORKS = 1000;

/** Which blobs an isolate is writing to the store: a second client fetches for itself, and writes nothing. */
export class Filling {
  /** Milliseconds since 1970, of the last byte. */
  readonly #works = new Map<string, number>();

  /** Whether nobody else does. */
  begin(digest: string): boolean {
    const isFree = Date.now() - (this.#works.get(digest) ?? 0) > LIFE;
    if (isFree) this.goOn(digest);
    return isFree;
  }

  goOn(digest: string): void {
    this.#works.delete(digest);
    this.#works.set(digest, Date.now());
    const [oldest] = this.#works.keys();
    if (this.#works.size > MAX_WORKS) this.#works.delete(oldest);
  }

  end(digest: string): void {
    this.#works.delete(digest);
  }
}
