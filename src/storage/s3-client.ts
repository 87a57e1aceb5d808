import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import type { AwsKeys } from '../core/aws-account';
import type { HeaderList } from '../core/headers';
import { printQuery } from '../core/query';
import type { S3Place } from '../core/s3-place';
import { hrefOf, type Url } from '../core/url';
import { escapeUri, MAX_PRESIGNED, presignV4, signV4 } from '../shell/signature-v4';
import { isOfNetwork, isPassing, Refusal } from './s3-errors';
import { type Body, chunksOf, PATIENCE, type Patience, Transport } from './s3-transport';
import { StoreError } from './store-error';

/** Bytes of an answer that is read whole, where nothing else is said: errors, the name of an upload. */
const MAX_ANSWER = 64 * 1024;

/** How often a request is sent at most. */
const ATTEMPTS = 4;

const EMPTY_HASH = createHash('sha256').digest('hex');

export interface ClientOptions {
  readonly place: S3Place;
  /** Where the place has none; asked before every request, so it remembers them itself. Rejects with words fit for a log. */
  readonly keys?: () => Promise<AwsKeys>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly patience?: Partial<Patience>;
}

export interface S3Request {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** The bucket itself where it is missing. */
  readonly key?: string;
  readonly query?: readonly (readonly [string, string])[];
  /** Names in lower case. */
  readonly headers?: HeaderList;
  readonly body?: HashedBody;
  readonly signal?: AbortSignal;
  /** Milliseconds until the answer, in place of the usual ones. */
  readonly answer?: number;
  readonly attempts?: number;
}

export interface HashedBody extends Body {
  /** SHA-256 in hex digits: the object store refuses other bytes. */
  readonly hash: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** Requests to one bucket: signed, repeated where that may help, and ended where nothing comes. */
export class S3Client {
  readonly #place: S3Place;
  readonly #now: () => number;
  readonly #keysOf: () => Promise<AwsKeys>;
  readonly #transport: Transport;
  readonly patience: Patience;
  #keys: AwsKeys | undefined;
  #restsUntil = 0;

  constructor({ place, keys, now, patience }: ClientOptions) {
    this.#place = place;
    this.#keys = place.keys;
    this.#now = now;
    this.#keysOf = keys ?? noKeys;
    this.patience = { ...PATIENCE, ...patience };
    this.#transport = new Transport(this.patience);
  }

  get prefix(): string {
    return this.#place.prefix;
  }

  get bucket(): string {
    return this.#place.bucket;
  }

  /** An answer read whole. @throws Refusal, Silence, StoreError, and what node:http throws */
  ask(request: S3Request, maxBytes?: number): Promise<Answer> {
    return this.#try(request, (response) => this.#readAll(response, maxBytes));
  }

  /** The same for answers that say only in their body whether they are errors, of which some may pass. */
  judge<T>(request: S3Request, judge: (body: Buffer) => T): Promise<T> {
    return this.#try(request, async (response) => judge((await this.#readAll(response)).body));
  }

  /** An answer whose body is still to come. @throws as `ask` does */
  open(request: S3Request): Promise<IncomingMessage> {
    return this.#try(request, async (response) => response);
  }

  /** @throws StoreError `denied` where there are no keys yet */
  presign(key: string, milliseconds: number): string {
    if (!this.#keys) throw new StoreError('denied', 'there are no keys yet to sign with');
    const seconds = Math.min(Math.max(Math.floor(milliseconds / 1000), 1), MAX_PRESIGNED);
    const url = urlOf(this.#place, this.#place.publicEndpoint, { key });
    return hrefOf(presignV4({ method: 'GET', url }, this.#keys, this.#scope(), this.#now(), seconds));
  }

  close(): void {
    this.#transport.close();
  }

  async #try<T>(request: S3Request, read: (response: IncomingMessage) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      if (Date.now() < this.#restsUntil)
        throw new StoreError(
          'busy',
          'the object store could not be reached just now, and is asked again in a few seconds',
        );
      try {
        const response = await this.#send(request);
        const { statusCode = 0 } = response;
        if (statusCode >= 300 || statusCode < 200) throw await this.#refusal(response);
        return await read(response);
      } catch (error) {
        if (request.signal?.aborted) throw new StoreError('closed', 'it has been given up');
        if (attempt < (request.attempts ?? ATTEMPTS) && isPassing(error)) {
          // Apart, so that those who failed together do not come again together.
          const pause = this.patience.backOff * 2 ** (attempt - 1) * (0.5 + Math.random());
          await wait(pause, undefined, { signal: request.signal }).catch(() => {});
          continue;
        }
        if (isOfNetwork(error)) this.#restsUntil = Date.now() + this.patience.rest;
        throw error;
      }
    }
  }

  async #send(request: S3Request): Promise<IncomingMessage> {
    const { method, body, signal, answer } = request;
    if (!this.#place.keys) this.#keys = await this.#keysOf().catch(refuseKeys);
    const url = urlOf(this.#place, this.#place.endpoint, request);
    const headers: HeaderList = [...(request.headers ?? []), ['x-amz-content-sha256', body?.hash ?? EMPTY_HASH]];
    const signed = signV4({ method, url, headers }, this.#keys as AwsKeys, this.#scope(), this.#now());
    return await this.#transport.send({ method, url, headers: signed, body, signal, answer });
  }

  async #readAll(response: IncomingMessage, maxBytes = MAX_ANSWER): Promise<Answer> {
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of chunksOf(response, this.patience.stall)) {
      length += chunk.length;
      if (length > maxBytes) throw new StoreError('io', `the object store answers with more than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
    return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) };
  }

  /** Texts of errors are small; what is not, is cut. */
  async #refusal(response: IncomingMessage): Promise<Refusal> {
    let text = '';
    try {
      for await (const chunk of chunksOf(response, this.patience.stall)) {
        text += Buffer.from(chunk).toString();
        if (text.length > MAX_ANSWER) break;
      }
    } catch {
      return new Refusal(response.statusCode ?? 0, '');
    }
    return Refusal.of(response.statusCode ?? 0, text);
  }

  #scope() {
    return { region: this.#place.region, service: 's3' };
  }
}

function urlOf(
  { bucket, pathStyle }: S3Place,
  endpoint: Url,
  { key = '', query = [] }: Pick<S3Request, 'key' | 'query'>,
): Url {
  const path = `/${key.split('/').map(escapeUri).join('/')}`;
  const text = printQuery(query).replace(/=(?=&|$)/g, '');
  if (pathStyle) return { ...endpoint, path: key === '' ? `/${bucket}` : `/${bucket}${path}`, query: text };
  return { ...endpoint, hostname: `${bucket}.${endpoint.hostname}`, path, query: text };
}

function refuseKeys(error: unknown): never {
  throw new StoreError('denied', `there are no keys: ${error instanceof Error ? error.message : error}`);
}

async function noKeys(): Promise<never> {
  throw new Error('set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY');
}
