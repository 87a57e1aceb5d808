import type { RequestListener } from 'node:http';
import { corsHeaders } from '../core/cors';
import { answerError, RegistryError } from '../core/errors';
import { headerOf } from '../core/headers';
import { platformOfMachine } from '../core/image-platform';
import { MAX_PREFETCH_REQUEST, type PrefetchRequest, parsePrefetchRequest } from '../core/prefetch-request';
import type { Origin } from '../core/setting-values';
import type { RequestHead } from '../core/verbs';
import { CLIENT_FIELDS } from './client-fields';
import { readClientText } from './client-text';
import { openInside } from './inside';
import { type PrefetchProgress, prefetch } from './prefetch';
import { answer, endIdle } from './proxy';
import type { ProxyAddress } from './proxy-client';
import { beginAnswer, type Session } from './session';

/** Prefetches under way at once, of all clients together. */
const MAX_PREFETCHES = 2;

/** Seconds after which to ask again where that many are under way: nobody knows when one will be over. */
const PREFETCH_PATIENCE = 30;

/** Milliseconds for the body of the request. */
const REQUEST_TIMEOUT = 10_000;

/** Milliseconds between two lines about one image; each is a sign of life, too. */
const LINE_INTERVAL = 1000;

/** Blobs that one prefetch pulls at once. */
const PARALLEL = 3;

/** `POST /-/prefetch`: pulls images through this very process, and says how far it has got. */
export class Prefetches {
  readonly #listener: RequestListener;
  #count = 0;

  /** @param listener serves the requests of this process */
  constructor(listener: RequestListener) {
    this.#listener = listener;
  }

  /** @param origin by which the caller knows us; whether it may ask has been found out */
  async serve(session: Session, origin: Origin): Promise<void> {
    let request: PrefetchRequest;
    try {
      request = await readRequest(session);
      if (this.#count >= MAX_PREFETCHES) throw tooMany();
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      return answer(session, answerError(error));
    }
    this.#count += 1;
    try {
      await this.#run(session, origin, request);
    } finally {
      this.#count -= 1;
    }
  }

  async #run(session: Session, origin: Origin, { images, platforms }: PrefetchRequest): Promise<void> {
    const { head, context, signal } = session;
    const lines = new Lines(session);
    try {
      const results = await prefetch({
        base: addressFor(session, origin, this.#listener),
        images,
        platforms: platforms ?? [platformOfMachine(process.arch)],
        authorization: headerOf(head.headers, 'authorization'),
        signal,
        // More of them would wait for a place, and be refused one.
        parallel: Math.min(PARALLEL, context.config.guards.maxTransfers ?? PARALLEL),
        onProgress: (progress) => lines.note(progress),
      });
      lines.end(results.filter(({ errors }) => errors.length > 0).length, results.length);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      lines.stop();
    }
  }
}

function tooMany(): RegistryError {
  return new RegistryError(429, 'TOOMANYREQUESTS', `${MAX_PREFETCHES} prefetches are under way`, undefined, [
    ['retry-after', String(PREFETCH_PATIENCE)],
  ]);
}

/** @throws RegistryError 400, 408, 413, 415 */
async function readRequest(session: Session): Promise<PrefetchRequest> {
  const [type] = (headerOf(session.head.headers, 'content-type') ?? '').split(';');
  if (type.trim().toLowerCase() !== 'application/json') {
    throw new RegistryError(415, 'UNSUPPORTED', 'expected Content-Type: application/json');
  }
  return parsePrefetchRequest(await readClientText(session, MAX_PREFETCH_REQUEST, REQUEST_TIMEOUT));
}

/** The pulls are the caller's own: by its address, under its limits, and by the URL by which it knows us. */
function addressFor({ head, record }: Session, origin: Origin, listener: RequestListener): ProxyAddress {
  const own = head.headers.filter(([name]) => CLIENT_FIELDS.test(name));
  return {
    url: { ...origin, path: '', query: '' },
    // Their lines in the log are joined by it.
    headers: [...own, ['x-request-id', record.id]],
    connect: openInside(listener, addressesOf(head)),
  };
}

function addressesOf({ peer }: RequestHead) {
  return { remoteAddress: peer.address, encrypted: peer.secure, isOwn: true };
}

/** What is sent of a run: one JSON object a line. */
class Lines {
  readonly #session: Session;
  readonly #timer: NodeJS.Timeout;
  #last: PrefetchProgress = { image: '', fetched: 0, present: 0, total: 0 };

  constructor(session: Session) {
    this.#session = session;
    const { res, head, context } = session;
    beginAnswer(session, 200, [
      ['content-type', 'application/x-ndjson'],
      ['cache-control', 'no-store'],
      ['x-content-type-options', 'nosniff'],
      ...corsHeaders(head.headers, context.config),
    ]);
    res.flushHeaders();
    this.#timer = setInterval(() => this.#writeProgress(), LINE_INTERVAL);
  }

  note(progress: PrefetchProgress): void {
    const { result, ...sums } = progress;
    this.#last = sums;
    if (result) this.#write({ event: 'image', ...result });
  }

  end(failed: number, images: number): void {
    const { fetched, present } = this.#last;
    this.#write({ event: 'end', images, failed, fetched, present });
    this.#session.res.end();
    endIdle(this.#session);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Nobody needs old ones: they are left out while the client does not take what was sent. */
  #writeProgress(): void {
    if (!this.#session.res.writableNeedDrain) this.#write({ event: 'progress', ...this.#last });
  }

  #write(line: object): void {
    const { res, record } = this.#session;
    if (res.destroyed) return;
    const text = `${JSON.stringify(line)}\n`;
    record.bytes += Buffer.byteLength(text);
    res.write(text);
  }
}
