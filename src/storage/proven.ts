import type { Stats } from 'node:fs';

/** Files remembered; about 200 bytes each. */
const MAX_PROVEN = 20_000;

/** Which files this process has seen to be what their names say. One that was replaced or cut since is another. */
export class Proven {
  readonly #files = new Map<string, string>();

  has(digest: string, stats: Pick<Stats, 'ino' | 'size'>): boolean {
    return this.#files.get(digest) === identityOf(stats);
  }

  add(digest: string, stats: Pick<Stats, 'ino' | 'size'>): void {
    this.#files.delete(digest);
    this.#files.set(digest, identityOf(stats));
    if (this.#files.size <= MAX_PROVEN) return;
    for (const oldest of this.#files.keys()) {
      this.#files.delete(oldest);
      return;
    }
  }

  delete(digest: string): void {
    this.#files.delete(digest);
  }
}

function identityOf({ ino, size }: Pick<Stats, 'ino' | 'size'>): string {
  return `${ino} ${size}`;
}
