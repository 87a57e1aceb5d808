import type { StatsFs } from 'node:fs';
import { stat, statfs, unlink } from 'node:fs/promises';
import { storeError, unlessMissing } from './disk-errors';
import { costOf, type Stored, storedFiles } from './disk-layout';
import type { Pruned, PruneLimits } from './store';
import { StoreError } from './store-error';

/** A store that has grown over its limit shrinks to this part of it, so that not every put looks at every file. */
const LOW_WATER = 0.95;

/**
 * A process looks again after it has added this part of the limit: others write to the folder too. With n of them the limit is passed
 * by n times this part at most, and by what is just being written.
 */
const UNSEEN_PART = 0.05;

/** Milliseconds for which a full disk is taken to be full, once nothing of ours could change that. */
const HOPELESS = 10_000;

/** Files remembered in one look; a folder of millions takes several looks rather than memory. */
const MAX_REMEMBERED = 2000;

/** Files looked at together. */
const TOGETHER = 16;

export interface SpaceOptions {
  readonly root: string;
  readonly maxBytes: number;
  readonly reserveBytes: number;
  readonly onFault: (error: Error) => void;
}

/** The room that one put has been promised. */
export interface Lease {
  wrote(bytes: number): void;
  end(): void;
}

interface Known extends Stored {
  readonly cost: number;
  readonly size: number;
  readonly usedAt: number;
}

/**
 * How much the store takes of the disk, and what goes to make room: files by their times of modification, which are the times of last use.
 * No index is kept, in memory or in a file, so that none can be wrong after a crash or beside another process.
 */
export class DiskSpace {
  readonly #options: SpaceOptions;
  /** Bytes when last looked at, and what this process did since; unknown before the first look. */
  #total: number | undefined;
  #unseen = 0;
  #promised = 0;
  #hopelessUntil = 0;
  #queue: Promise<unknown> = Promise.resolve();
  #isSweepWaiting = false;
  #isClosed = false;

  constructor(options: SpaceOptions) {
    this.#options = options;
  }

  /** Bytes that are taken; undefined before the first look. */
  get bytes(): number | undefined {
    return this.#total;
  }

  /** Promises room for a put. @throws StoreError `full` where the disk has none left, even after others went */
  async lease(size: number): Promise<Lease> {
    let rest = size;
    this.#promised += rest;
    const end = () => {
      this.#promised -= rest;
      rest = 0;
    };
    try {
      if ((await this.#missing()) > 0 && !(await this.#enqueue(() => this.#giveWay())))
        throw new StoreError('full', `the disk of ${this.#options.root} has no room for ${size} more bytes`);
    } catch (error) {
      end();
      throw storeError(error, 'there is no room');
    }
    const wrote = (bytes: number) => {
      const kept = Math.min(bytes, rest);
      rest -= kept;
      this.#promised -= kept;
    };
    return { wrote, end };
  }

  added(size: number, replaced: number): void {
    this.#unseen += costOf(size);
    if (this.#total !== undefined) this.#total += costOf(size) - costOf(replaced);
    const { maxBytes } = this.#options;
    if (maxBytes === Number.POSITIVE_INFINITY || this.#isSweepWaiting) return;
    const isFine = this.#total !== undefined && this.#total <= maxBytes && this.#unseen < maxBytes * UNSEEN_PART;
    if (isFine) return;
    this.#isSweepWaiting = true;
    this.#enqueue(() => {
      this.#isSweepWaiting = false;
      return this.#shrink({}, 0);
    }).catch((error) => this.#options.onFault(storeError(error, 'room cannot be made')));
  }

  removed(size: number): void {
    if (this.#total !== undefined) this.#total -= costOf(size);
  }

  prune(limits: PruneLimits): Promise<Pruned> {
    return this.#enqueue(() => this.#shrink(limits, 0));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#queue;
  }

  /** One look at a time. */
  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(work);
    this.#queue = done.catch(() => {});
    return done;
  }

  /** Bytes that the disk has too few for everything that was promised. */
  async #missing(): Promise<number> {
    const found: StatsFs | undefined = await unlessMissing(statfs(this.#options.root));
    // Some file systems do not know.
    if (!found || found.blocks === 0) return 0;
    return this.#promised + this.#options.reserveBytes - found.bavail * found.bsize;
  }

  /** True where the disk has room now. Others have filled it, perhaps, which no look at our own files changes. */
  async #giveWay(): Promise<boolean> {
    const missing = await this.#missing();
    if (missing <= 0) return true;
    if (Date.now() < this.#hopelessUntil) return false;
    await this.#shrink({}, missing);
    const hasRoom = (await this.#missing()) <= 0;
    if (!hasRoom) this.#hopelessUntil = Date.now() + HOPELESS;
    return hasRoom;
  }

  /** @param toFree bytes that should go, whatever the limits say */
  async #shrink(limits: PruneLimits, toFree: number): Promise<Pruned> {
    const { maxBytes = this.#options.maxBytes, usedBefore = Number.NEGATIVE_INFINITY } = limits;
    const lowWater = limits.maxBytes ?? maxBytes * LOW_WATER;
    const pruned = { entries: 0, bytes: 0 };
    let freed = 0;
    for (let isMore = true; isMore && !this.#isClosed; ) {
      const { total, oldest } = await this.#look();
      this.#total = total;
      this.#unseen = 0;
      // What would not be enough stays.
      const wanted = toFree <= freed + total ? toFree - freed : 0;
      let excess = Math.max(total > maxBytes ? total - lowWater : 0, wanted);
      const before = pruned.entries;
      isMore = oldest.length === MAX_REMEMBERED;
      for (const file of oldest) {
        if (this.#isClosed) break;
        if (excess <= 0 && file.usedAt >= usedBefore) {
          isMore = false;
          break;
        }
        if (!(await removeUnused(file))) continue;
        excess -= file.cost;
        freed += file.cost;
        this.removed(file.size);
        pruned.entries += 1;
        pruned.bytes += file.size;
      }
      isMore &&= pruned.entries > before;
    }
    return pruned;
  }

  async #look(): Promise<{ total: number; oldest: Known[] }> {
    let total = 0;
    let oldest: Known[] = [];
    let batch: Promise<Known | undefined>[] = [];
    const take = async () => {
      for (const file of await Promise.all(batch)) {
        if (!file) continue;
        total += file.cost;
        oldest.push(file);
      }
      batch = [];
      if (oldest.length > 2 * MAX_REMEMBERED) oldest = byAge(oldest);
    };
    for await (const stored of storedFiles(this.#options.root)) {
      if (this.#isClosed) break;
      batch.push(know(stored));
      if (batch.length === TOGETHER) await take();
    }
    await take();
    return { total, oldest: byAge(oldest) };
  }
}

function byAge(files: Known[]): Known[] {
  return files.sort((one, other) => one.usedAt - other.usedAt).slice(0, MAX_REMEMBERED);
}

async function know(stored: Stored): Promise<Known | undefined> {
  const found = await unlessMissing(stat(stored.path));
  return found && { ...stored, size: found.size, cost: costOf(found.size), usedAt: found.mtimeMs };
}

/** False where it has been used since it was looked at. Who reads it just now keeps the open file. */
async function removeUnused({ path, usedAt }: Known): Promise<boolean> {
  const now = await unlessMissing(stat(path));
  if (now && now.mtimeMs !== usedAt) return false;
  await unlessMissing(unlink(path));
  return true;
}
