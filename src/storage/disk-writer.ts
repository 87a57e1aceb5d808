import { type FileHandle, open, rename, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { storeError, unlessMissing } from './disk-errors';
import { withFolder } from './disk-layout';
import { bytesOf } from './disk-reader';
import { frame } from './document-frame';
import { label } from './key';
import type { Target } from './sink';
import type { BlobKey, DocumentKey, Head, Range } from './store';

/** Bytes after which the system is told to write, so that little is left to wait for at the end. */
const SYNC_EVERY = 32 * 1024 * 1024;

/** Where a file grows, and where it belongs. */
export interface Place {
  /** The folder of the store. */
  readonly root: string;
  readonly incoming: string;
  readonly path: string;
}

export interface Published {
  readonly size: number;
  /** Bytes of the file that was there before. */
  readonly replaced: number;
  readonly inode: number;
}

/** What the store does about a file: `published` once, or not at all. */
export interface Events {
  now(): number;
  wrote(bytes: number): void;
  published(file: Published): void;
}

/** Writes a blob beside its place and moves it there, whole and on the disk, so that a name always means these bytes. */
export class BlobTarget implements Target {
  readonly #key: BlobKey;
  readonly #place: Place;
  readonly #events: Events;
  readonly #handle: FileHandle;
  #position = 0;
  #synced = 0;
  #isSyncing = false;
  #fault: unknown;
  /** Who needs the handle: the sink, and those who read what is there so far. */
  #users = 1;

  private constructor(key: BlobKey, place: Place, events: Events, handle: FileHandle) {
    this.#key = key;
    this.#place = place;
    this.#events = events;
    this.#handle = handle;
  }

  static async open(key: BlobKey, place: Place, events: Events): Promise<BlobTarget> {
    const { root, incoming } = place;
    const handle = await withFolder(root, dirname(incoming), () => open(incoming, 'wx+'));
    return new BlobTarget(key, place, events, handle);
  }

  async write(chunk: Uint8Array): Promise<void> {
    try {
      await writeAll(this.#handle, chunk, this.#position);
    } catch (error) {
      throw storeError(error, `${label(this.#key)} cannot be written`);
    }
    this.#position += chunk.length;
    this.#events.wrote(chunk.length);
    if (this.#position - this.#synced >= SYNC_EVERY) this.#syncEarly();
  }

  /** What is on the disk already, commit need not wait for. The system tells of a fault once, so it is kept. */
  #syncEarly(): void {
    if (this.#isSyncing) return;
    this.#isSyncing = true;
    this.#synced = this.#position;
    this.#handle
      .datasync()
      .catch((error) => {
        this.#fault ??= error;
      })
      .finally(() => {
        this.#isSyncing = false;
      });
  }

  async publish(): Promise<void> {
    try {
      // A rename may reach the disk before the bytes do, and a power cut would leave a name without its content.
      await this.#handle.datasync();
      if (this.#fault) throw this.#fault;
      const usedAt = new Date(this.#events.now());
      await this.#handle.utimes(usedAt, usedAt);
      const { ino } = await this.#handle.stat();
      const replaced = await moveTo(this.#place);
      this.#events.published({ size: this.#position, replaced, inode: ino });
    } catch (error) {
      throw storeError(error, `${label(this.#key)} cannot be stored`);
    }
    this.#leave();
  }

  async discard(): Promise<void> {
    await unlink(this.#place.incoming).catch(() => {});
    this.#leave();
  }

  async *read({ first, last = this.#position - 1 }: Range): AsyncGenerator<Uint8Array> {
    this.#users += 1;
    try {
      yield* bytesOf(this.#handle, { first, last });
    } catch (error) {
      throw storeError(error, `${label(this.#key)} cannot be read`);
    } finally {
      this.#leave();
    }
  }

  hold(): () => void {
    this.#users += 1;
    return () => this.#leave();
  }

  #leave(): void {
    this.#users -= 1;
    if (this.#users === 0) this.#handle.close().catch(() => {});
  }
}

/** Keeps a document in memory, which has a limit, and writes it at once. */
export function documentTarget(key: DocumentKey, head: Head | undefined, place: Place, events: Events): Target {
  const chunks: Uint8Array[] = [];
  return {
    async write(chunk) {
      // `slice` of a Buffer is a view of it.
      chunks.push(new Uint8Array(chunk));
    },
    async publish() {
      const file = frame({ name: key.name, head, body: Buffer.concat(chunks) });
      try {
        const { root, incoming } = place;
        const handle = await withFolder(root, dirname(incoming), () => open(incoming, 'wx'));
        try {
          await writeAll(handle, file, 0);
          const usedAt = new Date(events.now());
          await handle.utimes(usedAt, usedAt);
        } finally {
          await handle.close();
        }
        const replaced = await moveTo(place);
        events.wrote(file.length);
        events.published({ size: file.length, replaced, inode: 0 });
      } catch (error) {
        throw storeError(error, `${label(key)} cannot be stored`);
      }
    },
    async discard() {
      chunks.length = 0;
      await unlink(place.incoming).catch(() => {});
    },
  };
}

/** The system may take fewer bytes than it is given, as it does just before a disk is full. */
async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

/** @returns bytes of the file that it takes the place of */
async function moveTo({ root, incoming, path }: Place): Promise<number> {
  const before = await unlessMissing(stat(path));
  await withFolder(root, dirname(path), () => rename(incoming, path));
  return before?.size ?? 0;
}
