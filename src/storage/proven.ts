/** Blobs remembered; about 200 bytes each. */
const MAX_PROVEN = 20_000;

/** Which blobs this process has seen to be what their names say. `identity` changes where one was replaced or cut since. */
export class Proven {
  readonly #blobs = new Map<string, string>();

  has(digest: string, identity: string): boolean {
    return this.#blobs.get(digest) === identity;
  }

  add(digest: string, identity: string): void {
    this.#blobs.delete(digest);
    this.#blobs.set(digest, identity);
    if (this.#blobs.size <= MAX_PROVEN) return;
    for (const oldest of this.#blobs.keys()) {
      this.#blobs.delete(oldest);
      return;
    }
  }

  delete(digest: string): void {
    this.#blobs.delete(digest);
  }
}
