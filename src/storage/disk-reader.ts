import { constants, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { storeError, unlessMissing } from './disk-errors';
import { label } from './key';
import type { Extent } from './range';
import type { Entry, Reading } from './store';
import { StoreError } from './store-error';
import type { Watch } from './watch';

/** Bytes read at once: fewer cost a system call each, more cost memory with each slow reader. */
const CHUNK_BYTES = 256 * 1024;

/** What somebody else put in the place of a file is not followed (links), and not waited for (pipes). */
const FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

export interface OpenFile {
  readonly handle: FileHandle;
  readonly stats: Stats;
}

/** Undefined where there is no file. @throws what node:fs throws, and StoreError `io` for what is none */
export async function openFile(path: string): Promise<OpenFile | undefined> {
  const handle = await unlessMissing(open(path, FLAGS));
  if (!handle) return undefined;
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw new StoreError('io', `${path} is no file`);
    return { handle, stats };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Bytes of an open file, which may have lost its name. @throws StoreError `corrupt` where it has become shorter */
export async function* bytesOf(handle: FileHandle, { first, last }: Extent): AsyncGenerator<Uint8Array> {
  for (let position = first; position <= last; ) {
    const buffer = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, last - position + 1));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) throw new StoreError('corrupt', `a file ends at ${position} instead of ${last + 1}`);
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** Reads a file that it closes, whatever happens. */
export class FileReading implements Reading {
  readonly entry: Entry;
  readonly first: number;
  readonly last: number;
  readonly #handle: FileHandle;
  readonly #watch: Watch | undefined;
  readonly #bytes: AsyncGenerator<Uint8Array>;
  #position: number;
  #closed: Promise<void> | undefined;

  /** @param watch for readings from the first byte to the last */
  constructor(entry: Entry, handle: FileHandle, extent: Extent, watch?: Watch) {
    this.entry = entry;
    this.first = extent.first;
    this.last = extent.last;
    this.#position = extent.first;
    this.#handle = handle;
    this.#watch = watch;
    this.#bytes = this.#each();
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this.#bytes;
  }

  /** node:fs lets what is being read come to its end before it closes. */
  close(): Promise<void> {
    this.#closed ??= this.#handle.close().catch(() => {});
    return this.#closed;
  }

  async fill(buffer: Uint8Array): Promise<number> {
    const position = this.#position;
    const wanted = Math.min(buffer.length, this.last - position + 1);
    try {
      if (this.#closed) throw new StoreError('closed', 'the reading has been closed');
      if (wanted === 0) return await this.#end();
      const { bytesRead } = await this.#handle.read(buffer, 0, wanted, position);
      if (bytesRead === 0) throw new StoreError('corrupt', `a file ends at ${position} instead of ${this.last + 1}`);
      this.#position += bytesRead;
      this.#watch?.see(buffer.subarray(0, bytesRead));
      if (this.#position > this.last) await this.#watch?.check();
      return bytesRead;
    } catch (error) {
      await this.close();
      throw storeError(error, `${label(this.entry.key)} cannot be read`);
    }
  }

  async #end(): Promise<number> {
    // One without a byte has not been proven yet.
    if (this.last < this.first) await this.#watch?.check();
    await this.close();
    return 0;
  }

  async *#each(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const buffer = Buffer.allocUnsafeSlow(Math.max(1, Math.min(CHUNK_BYTES, this.last - this.#position + 1)));
        const bytes = await this.fill(buffer);
        if (bytes === 0) return;
        yield buffer.subarray(0, bytes);
      }
    } finally {
      await this.close();
    }
  }
}
