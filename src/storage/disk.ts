import type { Stats } from 'node:fs';
import { stat, unlink, utimes } from 'node:fs/promises';
import { entryOfDocument, readDocument, type StoredDocument } from './disk-document';
import { storeError, unlessMissing } from './disk-errors';
import { Incoming, SILENCE } from './disk-incoming';
import { pathOf, storedFiles } from './disk-layout';
import { DiskProofs, removeSame } from './disk-proofs';
import { DiskPuts } from './disk-puts';
import { FileReading, openFile } from './disk-reader';
import { DiskSpace } from './disk-space';
import { blob, checkKey, label } from './key';
import { PiecesReading } from './pieces';
import { extentOf } from './range';
import { checkPut } from './sink';
import type {
  About,
  BlobKey,
  DocumentKey,
  Entry,
  Key,
  Pruned,
  PruneLimits,
  Range,
  Reading,
  Sink,
  Store,
  StoreOptions,
  Verdict,
} from './store';
import { StoreError } from './store-error';

/** Milliseconds for which a time of last use is good enough; every one that is written makes the disk busy. */
export const TOUCH_EVERY = 60_000;

/** No entry may be larger than this part of the store, so that what it grows by never pushes out itself. */
const LARGEST_PART = 0.9;

/** Bytes of the disk that stay free by default: others need it too, and a full disk fails in strange ways. */
const RESERVE = 64 * 1024 * 1024;

export interface DiskOptions extends StoreOptions {
  /** Need not exist. Several processes may use it at a time. */
  readonly folder: string;
  /** What all entries may take of the disk, nearly; no limit where it is missing. */
  readonly maxBytes?: number;
  /** Bytes of the disk that stay free. */
  readonly reserveBytes?: number;
}

/** Entries as files of one folder; see disk-layout.ts for their places, docs/decisions.md for why. */
export class DiskStore implements Store {
  readonly #folder: string;
  readonly #largest: number;
  readonly #now: () => number;
  readonly #onFault: (error: Error) => void;
  readonly #incoming: Incoming;
  readonly #space: DiskSpace;
  readonly occupied: DiskSpace;
  readonly #proofs: DiskProofs;
  readonly #puts: DiskPuts;
  #again: NodeJS.Timeout | undefined;
  #isClosed = false;
  /** What dead processes left behind has been removed. Nothing needs to wait for it; never fails. */
  readonly started: Promise<void>;

  constructor({ folder, maxBytes = Number.POSITIVE_INFINITY, reserveBytes = RESERVE, now, onFault }: DiskOptions) {
    this.#folder = folder;
    this.#largest = Math.floor(maxBytes * LARGEST_PART);
    this.#now = now ?? Date.now;
    this.#onFault = onFault ?? (() => {});
    this.#incoming = new Incoming(folder);
    this.#space = new DiskSpace({ root: folder, maxBytes, reserveBytes, onFault: this.#onFault });
    this.occupied = this.#space;
    this.#proofs = new DiskProofs({ removed: (size) => this.#space.removed(size), onFault: this.#onFault });
    this.#puts = new DiskPuts({
      folder,
      largest: this.#largest,
      now: this.#now,
      incoming: this.#incoming,
      space: this.#space,
      proofs: this.#proofs,
    });
    this.started = this.#clean();
  }

  stat(key: Key): Promise<Entry | undefined> {
    return this.#try(key, 'looked up', async (path) => {
      if (key.kind === 'document') return entryOfDocument(await this.#document(key, path));
      const stats = await unlessMissing(stat(path));
      return stats?.isFile() ? entryOfBlob(key, stats) : undefined;
    });
  }

  get(key: Key, range?: Range): Promise<Reading | undefined> {
    return this.#try(key, 'read', (path) =>
      key.kind === 'document' ? this.#getDocument(key, path, range) : this.#getBlob(key, path, range),
    );
  }

  async put(key: Key, about: About = {}): Promise<Sink> {
    checkPut(key, about, this.#largest);
    return await this.#try(key, 'written', (path) => this.#puts.open(key, about, path));
  }

  delete(key: Key): Promise<boolean> {
    return this.#try(key, 'removed', async (path) => {
      const stats = await unlessMissing(stat(path));
      if (!stats || (await unlessMissing(unlink(path).then(() => true))) === undefined) return false;
      this.#space.removed(stats.size);
      return true;
    });
  }

  async *list(kind?: Key['kind']): AsyncIterable<Entry> {
    try {
      for await (const { path, digest } of storedFiles(this.#folder, kind)) {
        const stats = await unlessMissing(stat(path));
        if (!stats?.isFile()) continue;
        const entry = digest ? entryOfBlob(blob(digest), stats) : entryOfDocument(await readDocument(path, stats));
        if (entry) yield entry;
      }
    } catch (error) {
      throw storeError(error, 'the store cannot be listed');
    }
  }

  verify(key: Key): Promise<Verdict> {
    return this.#try(key, 'verified', async (path) => {
      if (key.kind === 'blob') return await this.#proofs.verify(key, path);
      if (!(await unlessMissing(stat(path)))) return 'missing';
      return (await this.#document(key, path)) ? 'right' : 'wrong';
    });
  }

  async prune(limits: PruneLimits = {}): Promise<Pruned> {
    try {
      return await this.#space.prune(limits);
    } catch (error) {
      throw storeError(error, 'room cannot be made');
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#again);
    await this.started;
    await this.#puts.close();
    await Promise.all([this.#proofs.close(), this.#space.close()]);
    await this.#incoming.close();
  }

  async #getBlob(key: BlobKey, path: string, range: Range | undefined): Promise<Reading | undefined> {
    const file = await openFile(path);
    if (!file) return undefined;
    const { handle, stats } = file;
    try {
      const extent = extentOf(range, stats.size);
      await this.#touch(path, stats);
      const isWhole = extent.first === 0 && extent.last === stats.size - 1;
      const watch = isWhole ? this.#proofs.watch(key, path, stats) : undefined;
      if (!isWhole) this.#proofs.later(key, path, stats);
      return new FileReading(entryOfBlob(key, stats), handle, extent, watch);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async #getDocument(key: DocumentKey, path: string, range: Range | undefined): Promise<Reading | undefined> {
    const found = await this.#document(key, path);
    const entry = entryOfDocument(found);
    if (!found || !entry) return undefined;
    const extent = extentOf(range, entry.size);
    await this.#touch(path, found.stats);
    const body = found.body.subarray(extent.first, extent.last + 1);
    return new PiecesReading(entry, extent, body.length > 0 ? [body] : []);
  }

  /** One that is wrong is removed, and missing: it can be had again. */
  async #document(key: DocumentKey, path: string): Promise<StoredDocument | undefined> {
    const stats = await unlessMissing(stat(path));
    if (!stats) return undefined;
    const found = await readDocument(path, stats);
    if (found?.name === key.name) return found;
    if (await removeSame(path, stats)) {
      this.#space.removed(stats.size);
      this.#onFault(new StoreError('corrupt', `${label(key)} is no longer what was stored, and has been removed`));
    }
    return undefined;
  }

  /** Times of access are switched off on most systems, so the time of modification says when it was last used. */
  async #touch(path: string, { mtimeMs }: Stats): Promise<void> {
    const now = this.#now();
    if (Math.abs(now - mtimeMs) < TOUCH_EVERY) return;
    await utimes(path, new Date(now), new Date(now)).catch(() => {});
  }

  async #clean(): Promise<void> {
    try {
      const isUnsure = await this.#incoming.clean();
      if (isUnsure && !this.#isClosed) this.#again = setTimeout(() => this.#clean(), SILENCE + 1000).unref();
    } catch (error) {
      this.#onFault(storeError(error, 'unfinished files cannot be removed'));
    }
  }

  async #try<T>(key: Key, done: string, work: (path: string) => Promise<T>): Promise<T> {
    checkKey(key);
    try {
      return await work(pathOf(this.#folder, key));
    } catch (error) {
      throw storeError(error, `${label(key)} cannot be ${done}`);
    }
  }
}

function entryOfBlob(key: BlobKey, { size, mtimeMs }: Stats): Entry {
  return { key, size, usedAt: mtimeMs };
}
