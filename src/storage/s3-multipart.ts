import { bodyOf } from './s3-body';
import type { HashedBody, S3Client } from './s3-client';
import { copyPart } from './s3-copy';
import { codeIn, Refusal } from './s3-errors';
import { escapeXml, parseXml, textOf } from './s3-xml';
import { StoreError } from './store-error';

/** Parts of one upload at most (Amazon S3, "Multipart upload limits"). */
export const MAX_PARTS = 10_000;

/**
 * Milliseconds until the head of an answer to an upload's completion: some object stores put the parts together before they say anything.
 */
const COMPLETION = 120_000;

/** Attempts to remove what was given up: what stays goes a day later. */
const ABORT_ATTEMPTS = 2;

/** Parts that are copied at a time. */
const COPIES_TOGETHER = 8;

const NAME_LENGTH = 2048;

/** One upload in parts, which is nothing before it is complete. One part travels while the next one is filled. */
export class MultipartUpload {
  readonly #client: S3Client;
  readonly #key: string;
  readonly #id: string;
  readonly #tags: string[] = [];
  readonly #abortion = new AbortController();
  #size = 0;
  #travelling: Promise<void> = Promise.resolve();

  private constructor(client: S3Client, key: string, id: string) {
    this.#client = client;
    this.#key = key;
    this.#id = id;
  }

  /** @throws as S3Client does */
  static async begin(client: S3Client, key: string): Promise<MultipartUpload> {
    const headers = [['content-type', 'application/octet-stream']] as const;
    const { body } = await client.ask({ method: 'POST', key, query: [['uploads', '']], headers });
    const id = textOf(parseXml(body.toString()), 'UploadId') ?? '';
    if (id === '' || id.length > NAME_LENGTH) throw new StoreError('io', 'the object store gives an upload no name');
    return new MultipartUpload(client, key, id);
  }

  /** Resolves when the part before this one has arrived. */
  async add(part: HashedBody): Promise<void> {
    await this.#travelling;
    if (this.#tags.length === MAX_PARTS) throw new StoreError('too-large', `an upload has ${MAX_PARTS} parts at most`);
    this.#size += part.length;
    this.#travelling = this.#send(part, this.#tags.push(''));
    // Who waits for it next gets the error.
    this.#travelling.catch(() => {});
  }

  /** All its parts, out of objects of the same bucket: nothing of them passes through here where the object store can copy. */
  async copy(sources: readonly { readonly key: string; readonly size: number }[]): Promise<void> {
    for (const { size } of sources) {
      this.#size += size;
      this.#tags.push('');
    }
    let next = 0;
    const copyNext = async () => {
      next += 1;
      const number = next;
      const query = [['partNumber', String(number)], ...this.#query()] as const;
      const part = { key: this.#key, query, signal: this.#abortion.signal };
      const { tag, isSent } = await copyPart(this.#client, sources[number - 1].key, part);
      this.#tags[number - 1] = tag;
      return isSent;
    };
    // What passes through here takes memory.
    const together = (await copyNext()) ? 1 : COPIES_TOGETHER;
    const work = async () => {
      while (next < sources.length) await copyNext();
    };
    await Promise.all(Array.from({ length: together }, work));
  }

  /** @returns the entity tag of the whole */
  async complete(): Promise<string> {
    await this.#travelling;
    const parts = this.#tags.map((tag, index) => {
      return `<Part><PartNumber>${index + 1}</PartNumber><ETag>${escapeXml(tag)}</ETag></Part>`;
    });
    const text = `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${parts.join('')}</CompleteMultipartUpload>`;
    const body = bodyOf(Buffer.from(text));
    const headers = [['content-type', 'application/xml']] as const;
    const request = {
      method: 'POST',
      key: this.#key,
      query: this.#query(),
      headers,
      body,
      answer: COMPLETION,
    } as const;
    return await this.#client.judge(request, judge).catch((error) => this.#unlessDone(error));
  }

  /** Never fails. */
  async abort(): Promise<void> {
    this.#abortion.abort();
    await this.#travelling.catch(() => {});
    const request = { method: 'DELETE', key: this.#key, query: this.#query(), attempts: ABORT_ATTEMPTS } as const;
    await this.#client.ask(request).catch(() => {});
  }

  async #send(body: HashedBody, number: number): Promise<void> {
    const query = [['partNumber', String(number)], ...this.#query()] as const;
    const { signal } = this.#abortion;
    const { headers } = await this.#client.ask({ method: 'PUT', key: this.#key, query, body, signal });
    if (!headers.etag) throw new StoreError('io', 'the object store gives a part no tag');
    this.#tags[number - 1] = headers.etag;
  }

  /** An answer that was lost, and the next attempt finds no upload any more: it may have been completed. */
  async #unlessDone(error: unknown): Promise<string> {
    if (!(error instanceof Refusal) || error.code !== 'NoSuchUpload') throw error;
    const { headers } = await this.#client.ask({ method: 'HEAD', key: this.#key }).catch(() => Promise.reject(error));
    if (Number(headers['content-length']) !== this.#size) throw error;
    return headers.etag ?? '';
  }

  #query(): (readonly [string, string])[] {
    return [['uploadId', this.#id]];
  }
}

/** An error may come in the body of a 200, which was begun long before (Amazon S3, CompleteMultipartUpload). */
function judge(body: Buffer): string {
  const root = parseXml(body.toString());
  const code = codeIn(root);
  if (code !== undefined) throw new Refusal(200, code);
  if (root?.name !== 'CompleteMultipartUploadResult')
    throw new StoreError('io', 'the object store does not say whether an upload is complete');
  return textOf(root, 'ETag') ?? '';
}
