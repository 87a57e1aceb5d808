import type { IncomingMessage } from 'node:http';
import { label } from './key';
import { type Extent, extentOf } from './range';
import type { S3Client } from './s3-client';
import { s3Error, unlessAbsent } from './s3-errors';
import { chunksOf } from './s3-transport';
import type { Entry, Key, Range, Reading } from './store';
import { StoreError } from './store-error';
import type { Watch } from './watch';

/** How often a reading is taken up again without having got on by CUT_BYTES in between. */
const MAX_CUTS = 4;

const CUT_BYTES = 1024 * 1024;

/** An object whose bytes are on their way. */
export interface OpenObject extends Extent {
  readonly response: IncomingMessage;
  /** Of the whole object. */
  readonly size: number;
  /** Empty where there is none. */
  readonly tag: string;
  /** Milliseconds since 1970. */
  readonly writtenAt: number;
}

/** Undefined where there is no such object. @throws as S3Client does */
export async function openObject(client: S3Client, key: string, range?: Range): Promise<OpenObject | undefined> {
  if (range) extentOf(range, Number.POSITIVE_INFINITY);
  const { first = 0, last = Number.POSITIVE_INFINITY } = range ?? {};
  const headers = range ? ([['range', `bytes=${first}-${range.last ?? ''}`]] as const) : [];
  const response = await unlessAbsent(client.open({ method: 'GET', key, headers }));
  if (!response) return undefined;
  const { etag: tag = '', 'last-modified': modified = '' } = response.headers;
  const about = { response, tag, writtenAt: timeOf(modified) };
  const found = extentIn(response, range !== undefined);
  if (found && found.first === first && found.last === Math.min(last, found.size - 1)) return { ...about, ...found };
  response.destroy();
  throw new StoreError('io', 'the object store gives other bytes than it was asked for');
}

export function timeOf(date: string | undefined): number {
  return Date.parse(date ?? '') || 0;
}

function extentIn(response: IncomingMessage, isRange: boolean): (Extent & { size: number }) | undefined {
  const { 'content-length': length, 'content-range': range } = response.headers;
  const size = Number(length || Number.NaN);
  if (!Number.isSafeInteger(size)) return undefined;
  // All of it is a range, too.
  if (response.statusCode === 200) return { first: 0, last: size - 1, size };
  const numbers = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/
    .exec(range ?? '')
    ?.slice(1)
    .map(Number);
  if (!isRange || response.statusCode !== 206 || !numbers) return undefined;
  const [first, last, total] = numbers as [number, number, number];
  return last - first + 1 === size ? { first, last, size: total } : undefined;
}

/** Reads an object, and goes on where a connection ends before it should. */
export class S3Reading implements Reading {
  readonly entry: Entry;
  readonly first: number;
  readonly last: number;
  readonly #client: S3Client;
  readonly #key: string;
  readonly #bytes: AsyncGenerator<Uint8Array>;
  #object: OpenObject;
  #isClosed = false;

  /** @param watch for readings from the first byte to the last */
  constructor(client: S3Client, objectKey: string, key: Key, object: OpenObject, watch?: Watch) {
    this.entry = { key, size: object.size, usedAt: object.writtenAt };
    this.first = object.first;
    this.last = object.last;
    this.#client = client;
    this.#key = objectKey;
    this.#object = object;
    this.#bytes = this.#read(watch);
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this.#bytes;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#object.response.destroy();
  }

  async *#read(watch: Watch | undefined): AsyncGenerator<Uint8Array> {
    let position = this.first;
    let cuts = 0;
    let cutAt = position;
    try {
      for (;;) {
        try {
          if (this.#isClosed) throw new StoreError('closed', 'the reading has been closed');
          for await (const chunk of chunksOf(this.#object.response, this.#client.patience.stall)) {
            position += chunk.length;
            if (position > this.last + 1) throw new StoreError('corrupt', 'more bytes come than were announced');
            watch?.see(chunk);
            if (position > this.last) await watch?.check();
            yield chunk;
          }
          if (this.last < this.first) await watch?.check();
          if (position > this.last) return;
        } catch (error) {
          if (this.#isClosed) throw new StoreError('closed', 'the reading has been closed');
          // What came so far was whole: a cut behind the last byte is none.
          if (!(error instanceof StoreError) && position > this.last && this.last >= this.first) return;
          cuts = position - cutAt >= CUT_BYTES ? 1 : cuts + 1;
          if (error instanceof StoreError || cuts > MAX_CUTS) throw error;
        }
        cutAt = position;
        await this.#goOn(position);
      }
    } catch (error) {
      throw s3Error(error, `${label(this.entry.key)} cannot be read`);
    } finally {
      await this.close();
    }
  }

  async #goOn(first: number): Promise<void> {
    const { size, tag } = this.#object;
    const object = await openObject(this.#client, this.#key, { first, last: this.last });
    if (object) this.#object = object;
    if (object && object.size === size && object.tag === tag) return;
    throw new StoreError('io', 'it has been removed or replaced while it was read');
  }
}
