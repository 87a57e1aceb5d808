import type { R2ObjectBody, ReadableStream } from '@cloudflare/workers-types';
import { label } from './key';
import { r2Error } from './r2-errors';
import { moved } from './r2-time';
import type { Extent } from './range';
import type { Entry, Key, Reading } from './store';
import { StoreError } from './store-error';
import type { Watch } from './watch';

/** Reads an object, or a part of it. */
export class R2Reading implements Reading {
  readonly entry: Entry;
  readonly first: number;
  readonly last: number;
  readonly #body: ReadableStream<Uint8Array>;
  readonly #watch: Watch | undefined;
  readonly #bytes: AsyncGenerator<Uint8Array>;
  #cancel: () => Promise<void>;
  #isClosed = false;

  /** @param watch for readings from the first byte to the last of what R2 has not proven itself */
  constructor(key: Key, object: R2ObjectBody, { first, last }: Extent, watch?: Watch) {
    this.entry = { key, size: object.size, usedAt: object.uploaded.getTime() };
    this.first = first;
    this.last = last;
    this.#body = object.body;
    this.#watch = watch;
    this.#cancel = () => object.body.cancel();
    this.#bytes = this.#read();
  }

  /**
   * The object's own stream, which costs no time of the processor to send; in place of the loop. Undefined for bytes that have to be
   * proven on their way.
   */
  get stream(): ReadableStream<Uint8Array> | undefined {
    return this.#watch ? undefined : this.#body;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this.#bytes;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#cancel().catch(() => {});
  }

  async *#read(): AsyncGenerator<Uint8Array> {
    if (this.#isClosed) throw new StoreError('closed', 'the reading has been closed');
    const reader = this.#body.getReader();
    this.#cancel = () => reader.cancel();
    let position = this.first;
    try {
      if (this.last < this.first) await this.#watch?.check();
      while (position <= this.last) {
        const { done, value } = await moved(reader.read());
        if (this.#isClosed) throw new StoreError('closed', 'the reading has been closed');
        if (done) throw new StoreError('io', `it ends after ${position} bytes`);
        position += value.length;
        if (position > this.last + 1) throw new StoreError('corrupt', 'more bytes come than were announced');
        await this.#watch?.see(value);
        if (position > this.last) await this.#watch?.check();
        yield value;
      }
    } catch (error) {
      throw r2Error(error, `${label(this.entry.key)} cannot be read`);
    } finally {
      await this.close();
    }
  }
}
