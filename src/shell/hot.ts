/** Bytes of documents and manifests held in memory; a busy cluster asks for a few hundred of a few KB each. */
export const MAX_HOT_BYTES = 16 * 1024 * 1024;

/** Bytes of one of them at most. */
export const MAX_HOT_ENTRY = 256 * 1024;

/** Milliseconds until the store is asked again: another process may have changed it, and it counts what is used. */
const LIFETIME = 30_000;

/** What an entry costs beside its bytes. */
const OVERHEAD = 200;

interface Entry {
  readonly value: unknown;
  readonly bytes: number;
  /** Of performance.now(). */
  readonly until: number;
}

/** What was just read from a store, or written to it. */
export class Hot {
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  get<T>(key: string): T | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    this.#entries.delete(key);
    if (entry.until > performance.now()) {
      this.#entries.set(key, entry);
      return entry.value as T;
    }
    this.#bytes -= entry.bytes;
    return undefined;
  }

  /** @param bytes of it, and of a long key */
  set(key: string, value: unknown, bytes: number): void {
    this.delete(key);
    if (bytes > MAX_HOT_ENTRY) return;
    const cost = bytes + OVERHEAD;
    this.#entries.set(key, { value, bytes: cost, until: performance.now() + LIFETIME });
    this.#bytes += cost;
    for (const [oldest] of this.#entries) {
      if (this.#bytes <= MAX_HOT_BYTES) return;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    this.#bytes -= this.#entries.get(key)?.bytes ?? 0;
    this.#entries.delete(key);
  }
}
