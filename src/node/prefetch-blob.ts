import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { isCacheHit } from '../core/cache-hit';
import type { HeaderList } from '../core/headers';
import type { ImageName } from '../core/image-name';
import { type Descriptor, ElsewhereFault, PrefetchFault } from '../core/prefetch';
import { parseContentRange } from '../core/range';
import { responseHead } from './heads';
import type { ProxyClient } from './proxy-client';

/** Milliseconds without a byte after which a body counts as cut. */
const SILENCE_TIMEOUT = 60_000;

/** Cut bodies of one blob that are continued. */
const MAX_CUTS = 20;

/** Of those in a row that brought nothing. */
const MAX_EMPTY_CUTS = 3;

/** Milliseconds before a body is continued that brought nothing; twice as long the next time. */
const CUT_PAUSE = 500;

/**
 * Has the proxy keep a blob, by reading it once; what it has already is not read.
 * @param onBytes called with what came, and with what is lost again, as a negative number
 * @returns whether it was there
 * @throws PrefetchFault, or Error of the connection
 */
export async function prefetchBlob(
  client: ProxyClient,
  image: ImageName,
  blob: Descriptor,
  signal: AbortSignal,
  onBytes: (count: number) => void,
): Promise<boolean> {
  const path = `blobs/${blob.digest}`;
  const isThere = async () => {
    const head = await client.ask({ method: 'HEAD', image, path });
    head.resume();
    return (head.statusCode ?? 500) < 400 && isCacheHit(responseHead(head).headers) === true;
  };
  if (await isThere()) return true;
  const reading = new Reading(blob, onBytes);
  let empty = 0;
  for (let cuts = 0; ; cuts++) {
    const range: HeaderList = reading.received > 0 ? [['range', `bytes=${reading.received}-`]] : [];
    const before = reading.received;
    const response = await client.ask({ method: 'GET', image, path, headers: range }).catch(async (error) => {
      // The proxy may have copied it into its bucket before it said where it is.
      if (error instanceof ElsewhereFault && (await isThere())) return undefined;
      throw error;
    });
    if (!response) {
      onBytes(blob.size - reading.received);
      return false;
    }
    if (await reading.take(response)) return cuts === 0 && isCacheHit(responseHead(response).headers) === true;
    signal.throwIfAborted();
    empty = reading.received > before ? 0 : empty + 1;
    if (cuts === MAX_CUTS || empty === MAX_EMPTY_CUTS) {
      throw new PrefetchFault(`broke off ${cuts + 1} times, at last after ${reading.received} bytes`);
    }
    if (empty > 0) await sleep(CUT_PAUSE * 2 ** (empty - 1), undefined, { signal });
  }
}

/** A blob as far as it has been read. */
class Reading {
  readonly #blob: Descriptor;
  readonly #onBytes: (count: number) => void;
  #hash: ReturnType<typeof createHash>;
  received = 0;

  constructor(blob: Descriptor, onBytes: (count: number) => void) {
    this.#blob = blob;
    this.#onBytes = onBytes;
    this.#hash = this.#begin();
  }

  /**
   * Reads a body on from where the one before it ended.
   * @returns whether all of it is there
   * @throws PrefetchFault for other bytes than the blob's
   */
  async take(response: IncomingMessage): Promise<boolean> {
    const { digest, size } = this.#blob;
    this.#place(response);
    let timer: NodeJS.Timeout | undefined;
    const watch = () => {
      clearTimeout(timer);
      timer = setTimeout(() => response.destroy(), SILENCE_TIMEOUT);
    };
    try {
      watch();
      for await (const chunk of response as AsyncIterable<Buffer>) {
        watch();
        this.#hash.update(chunk);
        this.received += chunk.length;
        this.#onBytes(chunk.length);
        if (this.received > size) throw new PrefetchFault(`is longer than the ${size} bytes of the manifest`);
      }
    } catch (error) {
      if (error instanceof PrefetchFault) throw error;
      return false;
    } finally {
      clearTimeout(timer);
      response.destroy();
    }
    if (!response.complete) return false;
    if (this.received < size) {
      if (response.statusCode === 200 && response.headers['content-length'] !== undefined) {
        throw new PrefetchFault(`is shorter than the ${size} bytes of the manifest`);
      }
      return false;
    }
    if (`${digest.split(':')[0]}:${this.#hash.digest('hex')}` === digest) return true;
    throw new PrefetchFault('has other bytes than its digest says');
  }

  /** A server may send all of it where the rest was asked for. */
  #place(response: IncomingMessage): void {
    const first = response.statusCode === 206 ? parseContentRange(response.headers['content-range'])?.first : 0;
    if (first === this.received) return;
    if (first !== 0) {
      response.destroy();
      throw new PrefetchFault('came in another part than the one asked for');
    }
    this.#onBytes(-this.received);
    this.received = 0;
    this.#hash = this.#begin();
  }

  #begin() {
    return createHash(this.#blob.digest.split(':')[0]);
  }
}
