import type { ReadableStream } from '@cloudflare/workers-types';
import { isManifestLink } from '../core/cache-names';
import type { BlobQuestion, FoundBlob } from '../core/cache-verbs';
import { type Hot, MAX_HOT_ENTRY } from '../shell/hot';
import type { PatientStore } from '../shell/patient-store';
import { blob } from '../storage/key';
import type { R2Store } from '../storage/r2';
import type { R2Reading } from '../storage/r2-reader';
import { findNearby, keepNearby, MAX_NEARBY } from './nearby';
import type { KeepAlive } from './platform';

/** Bytes out of memory, a stream that R2 itself fills, or pieces that are proven on their way. */
export type Source = Uint8Array | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>;

export interface Part {
  readonly first: number;
  readonly last: number;
  /** Of all of it. */
  readonly size: number;
}

export interface KeptOptions {
  readonly store: R2Store;
  readonly patient: PatientStore;
  /** Bodies by digest; sizes by `s <digest>`, and by `x <digest>` what could not be read a moment ago. */
  readonly hot: Hot;
  readonly onFault: (error: Error) => void;
}

/** Blobs and manifests that are stored. A fault is told, and otherwise as if they were not. */
export class Kept {
  readonly #options: KeptOptions;

  constructor(options: KeptOptions) {
    this.#options = options;
  }

  async find({ digest, link }: BlobQuestion): Promise<FoundBlob | undefined> {
    const { hot, patient } = this.#options;
    const known = hot.get<Uint8Array>(digest)?.length ?? hot.get<number>(`s ${digest}`);
    if (known !== undefined) return found(known);
    const near = isManifestLink(link) ? await this.#nearby(digest) : undefined;
    if (near) return found(near.length);
    if (hot.get(`x ${digest}`)) return undefined;
    const entry = await this.#quietly(() => patient.stat(blob(digest)));
    if (!entry) return undefined;
    hot.set(`s ${digest}`, entry.size, 0);
    return found(entry.size);
  }

  /** The bytes of a part; undefined where they are gone. */
  async open(digest: string, part: Part, keepAlive: KeepAlive): Promise<Source | undefined> {
    const { first, last, size } = part;
    const isSmall = size <= MAX_HOT_ENTRY;
    const source = isSmall
      ? (await this.#small(digest, size, keepAlive))?.subarray(first, last + 1)
      : await this.#large(digest, part);
    // What was said of it is not so any more.
    if (!source) this.#options.hot.delete(`s ${digest}`);
    return source;
  }

  /** What is small is read whole before a byte of it is sent, and is at hand for the next one. */
  async #small(digest: string, size: number, keepAlive: KeepAlive): Promise<Uint8Array | undefined> {
    const { hot } = this.#options;
    const held = hot.get<Uint8Array>(digest) ?? (size <= MAX_NEARBY ? await this.#nearby(digest) : undefined);
    if (held?.length === size) return held;
    const reading = await this.#read(digest);
    if (reading?.entry.size !== size) return void (await reading?.close());
    const body = await this.#quietly(() => bytesOf(reading));
    if (!body) return this.#break(digest);
    hot.set(digest, body, body.length);
    keepAlive(keepNearby(digest, body));
    return body;
  }

  async #large(digest: string, { first, last, size }: Part): Promise<Source | undefined> {
    const isWhole = first === 0 && last === size - 1;
    const reading = await this.#read(digest, isWhole ? undefined : { first, last });
    if (!reading) return undefined;
    if (reading.entry.size === size && reading.last === last) return reading.stream ?? this.#watched(digest, reading);
    await reading.close();
    return undefined;
  }

  async *#watched(digest: string, reading: R2Reading): AsyncGenerator<Uint8Array> {
    try {
      yield* reading;
    } catch (error) {
      this.#break(digest);
      this.#options.onFault(error as Error);
      throw error;
    }
  }

  /** A client that was cut comes again, and must not be cut for ever. */
  #break(digest: string): undefined {
    this.#options.hot.delete(`s ${digest}`);
    this.#options.hot.set(`x ${digest}`, true, 0);
  }

  async #read(digest: string, range?: { first: number; last: number }): Promise<R2Reading | undefined> {
    const { hot, patient, store } = this.#options;
    if (hot.get(`x ${digest}`)) return undefined;
    const giveBack = (late: R2Reading | undefined) => void late?.close();
    return this.#quietly(() => patient.find(() => store.get(blob(digest), range), giveBack));
  }

  async #nearby(digest: string): Promise<Uint8Array | undefined> {
    const body = await findNearby(digest);
    if (body) this.#options.hot.set(digest, body, body.length);
    return body;
  }

  async #quietly<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      this.#options.onFault(error as Error);
      return undefined;
    }
  }
}

function found(size: number): FoundBlob {
  return { state: 'stored', size, written: size, isLinked: false };
}

async function bytesOf(reading: R2Reading): Promise<Uint8Array> {
  const body = new Uint8Array(reading.entry.size);
  let at = 0;
  for await (const chunk of reading) {
    body.set(chunk, at);
    at += chunk.length;
  }
  return body;
}
