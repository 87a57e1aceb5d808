import { randomUUID } from 'node:crypto';
import { type FileHandle, open, statfs, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Bytes read at once. */
const CHUNK_BYTES = 256 * 1024;

/** Bytes of the disk for temporary files that stay free: other programs need it, too. */
const RESERVE = 64 * 1024 * 1024;

/** A file without a name, for what has been fetched of a blob where the store cannot show it yet, or does not take it. */
export class Spool {
  /** Bytes that the spools of this process will take yet. */
  static #promised = 0;

  readonly #handle: FileHandle;
  /** Of what was promised, what has not come yet. */
  #rest: number;
  #written = 0;
  #readers = 0;
  #isClosed = false;

  private constructor(handle: FileHandle, size: number) {
    this.#handle = handle;
    this.#rest = size;
  }

  /**
   * @param size bytes that will come
   * @throws what node:fs throws, and Error where there is no room
   */
  static async open(size: number): Promise<Spool> {
    Spool.#promised += size;
    try {
      const { blocks, bavail, bsize } = await statfs(tmpdir());
      // Some file systems do not know.
      if (blocks > 0 && Spool.#promised + RESERVE > bavail * bsize)
        throw new Error(`the folder for temporary files has no room for ${size} bytes more`);
      const path = join(tmpdir(), `registry-proxy-${randomUUID()}`);
      const handle = await open(path, 'wx+', 0o600);
      // Nobody else needs to find it, and it goes with the process, however that ends.
      await unlink(path).catch(() => {});
      return new Spool(handle, size);
    } catch (error) {
      Spool.#promised -= size;
      throw error;
    }
  }

  get written(): number {
    return this.#written;
  }

  /** @throws what node:fs throws */
  async write(chunk: Uint8Array): Promise<void> {
    for (let done = 0; done < chunk.length; ) {
      const position = this.#written;
      const { bytesWritten } = await this.#handle.write(chunk, done, chunk.length - done, position);
      done += bytesWritten;
      this.#written += bytesWritten;
      this.#keep(Math.min(bytesWritten, this.#rest));
    }
  }

  /** Bytes that have been written, both ends included. */
  async *read(first: number, last: number): AsyncGenerator<Uint8Array> {
    this.#readers += 1;
    try {
      for (let position = first; position <= last; ) {
        const buffer = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, last - position + 1));
        const { bytesRead } = await this.#handle.read(buffer, 0, buffer.length, position);
        if (bytesRead === 0) throw new Error('the spool is shorter than it was');
        position += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      this.#readers -= 1;
      this.#closeIdle();
    }
  }

  /** Readers under way go on. */
  close(): void {
    this.#isClosed = true;
    this.#keep(this.#rest);
    this.#closeIdle();
  }

  /** So much has come, or never will. */
  #keep(bytes: number): void {
    this.#rest -= bytes;
    Spool.#promised -= bytes;
  }

  #closeIdle(): void {
    if (this.#isClosed && this.#readers === 0) this.#handle.close().catch(() => {});
  }
}
