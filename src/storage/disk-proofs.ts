import { createHash } from 'node:crypto';
import type { Stats } from 'node:fs';
import { stat, unlink } from 'node:fs/promises';
import { bytesOf, openFile } from './disk-reader';
import { digestOf } from './key';
import { hashNatively } from './native-hash';
import { Proven } from './proven';
import type { BlobKey, Verdict } from './store';
import { StoreError } from './store-error';
import { type Watch, watchDigest } from './watch';

/** Blobs that wait for their proof at most; those beyond wait for their next reading. */
const MAX_WAITING = 1000;

export interface ProofEvents {
  /** A file that was wrong has been removed. */
  removed(size: number): void;
  onFault(error: Error): void;
}

/**
 * Proof that files are still what their names say: once for each file and process, since a disk may lose bytes while nobody
 * looks. A reading of the whole is proven on its way, and its last bytes wait for that. A part cannot be, so the whole file is read in the
 * background meanwhile.
 */
export class DiskProofs {
  readonly #proven = new Proven();
  readonly #waiting = new Map<string, () => Promise<Verdict>>();
  readonly #events: ProofEvents;
  #work: Promise<void> | undefined;
  #isClosed = false;

  constructor(events: ProofEvents) {
    this.#events = events;
  }

  add(key: BlobKey, stats: Pick<Stats, 'ino' | 'size'>): void {
    this.#proven.add(key.digest, identityOf(stats));
  }

  /** For a reading of the whole file; undefined where it needs none. */
  watch(key: BlobKey, path: string, stats: Stats): Watch | undefined {
    if (this.#proven.has(key.digest, identityOf(stats))) return undefined;
    return watchDigest(key, hashNatively, async (isRight) => {
      if (isRight) this.add(key, stats);
      else throw await this.#remove(key, path, stats);
    });
  }

  /** For a reading of a part of it. */
  later(key: BlobKey, path: string, stats: Stats): void {
    if (this.#proven.has(key.digest, identityOf(stats)) || this.#waiting.size >= MAX_WAITING) return;
    this.#waiting.set(key.digest, () => this.verify(key, path));
    this.#work ??= this.#prove();
  }

  /** @throws what node:fs throws */
  async verify(key: BlobKey, path: string): Promise<Verdict> {
    const file = await openFile(path);
    if (!file) return 'missing';
    const { handle, stats } = file;
    try {
      const { algorithm, hex } = digestOf(key);
      const hash = createHash(algorithm);
      for await (const chunk of bytesOf(handle, { first: 0, last: stats.size - 1 })) {
        if (this.#isClosed) throw new StoreError('closed', 'the store has been closed');
        hash.update(chunk);
      }
      if (hash.digest('hex') === hex) {
        this.add(key, stats);
        return 'right';
      }
      await this.#remove(key, path, stats);
      return 'wrong';
    } finally {
      await handle.close();
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#waiting.clear();
    await this.#work;
  }

  async #prove(): Promise<void> {
    for (const [digest, verify] of this.#waiting) {
      await verify().catch((error) => {
        if (!this.#isClosed) this.#events.onFault(error);
      });
      this.#waiting.delete(digest);
    }
    this.#work = undefined;
  }

  async #remove(key: BlobKey, path: string, stats: Stats): Promise<StoreError> {
    this.#proven.delete(key.digest);
    if (await removeSame(path, stats)) this.#events.removed(stats.size);
    const error = new StoreError('corrupt', `${key.digest} is no longer what was stored, and has been removed`);
    this.#events.onFault(error);
    return error;
  }
}

function identityOf({ ino, size }: Pick<Stats, 'ino' | 'size'>): string {
  return `${ino} ${size}`;
}

/** Removes a file unless another has taken its place. */
export async function removeSame(path: string, { ino }: Pick<Stats, 'ino'>): Promise<boolean> {
  try {
    if ((await stat(path)).ino !== ino) return false;
    await unlink(path);
    return true;
  } catch {
    return false;
  }
}
