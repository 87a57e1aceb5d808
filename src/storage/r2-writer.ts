import type { R2Bucket, R2Object, R2PutOptions } from '@cloudflare/workers-types';
import { digestOf, label } from './key';
import { r2Error } from './r2-errors';
import { identityOf } from './r2-objects';
import { answered, completed, moved } from './r2-time';
import type { Target } from './sink';
import type { BlobKey } from './store';

declare const FixedLengthStream: typeof import('@cloudflare/workers-types').FixedLengthStream;

export const HTTP_METADATA = { contentType: 'application/octet-stream' };

/** Told of what has been stored: `identityOf` of it. */
export type Published = (identity: string) => void;

/** What makes R2 prove the bytes before anybody sees them; sha256 and sha512 alike. */
export function proofOf(key: BlobKey): R2PutOptions {
  const { algorithm, hex } = digestOf(key);
  return { [algorithm]: hex, httpMetadata: HTTP_METADATA };
}

/**
 * Sends a blob of known size as it comes, in one request: nothing is kept here, and R2 proves the digest. Its last byte waits for
 * `publish`, since the object would be there with it.
 */
export function streamTarget(
  bucket: R2Bucket,
  objectKey: string,
  key: BlobKey,
  size: number,
  published: Published,
): Target {
  let upload: Upload | undefined;
  let sent = 0;
  let last: Uint8Array | undefined;
  const send = (chunk: Uint8Array) => {
    upload ??= begin(bucket, objectKey, proofOf(key), size);
    return upload.write(chunk);
  };
  return {
    async write(chunk) {
      sent += chunk.length;
      const isLast = sent === size;
      if (isLast) last = chunk.slice(-1);
      const piece = isLast ? chunk.subarray(0, -1) : chunk;
      try {
        if (piece.length > 0) await send(piece);
      } catch (error) {
        throw r2Error(error, `${label(key)} cannot be written`);
      }
    },
    async publish() {
      try {
        if (!last) return published(identityOf(await answered(bucket.put(objectKey, new Uint8Array(0), proofOf(key)))));
        await send(last);
        published(identityOf(await (upload as Upload).end()));
      } catch (error) {
        throw r2Error(error, `${label(key)} cannot be stored`);
      }
    },
    discard: async () => upload?.abort(),
  };
}

interface Upload {
  write(chunk: Uint8Array): Promise<void>;
  end(): Promise<R2Object>;
  abort(): Promise<void>;
}

function begin(bucket: R2Bucket, objectKey: string, options: R2PutOptions, size: number): Upload {
  const { readable, writable } = new FixedLengthStream(size);
  const writer = writable.getWriter();
  const putting = bucket.put(objectKey, readable, options);
  // What breaks off says why; the stream to it only that it did.
  const failed = new Promise<never>((_, reject) => putting.catch(reject));
  failed.catch(() => {});
  const unlessFailed = (work: Promise<void>) =>
    moved(Promise.race([work.catch((error) => Promise.race([failed, later(error)])), failed]));
  return {
    write: (chunk) => unlessFailed(writer.write(chunk)),
    async end() {
      writer.close().catch(() => {});
      return completed(putting);
    },
    async abort() {
      writer.abort(new Error('given up')).catch(() => {});
      await moved(putting).catch(() => {});
    },
  };
}

/** Milliseconds that a better reason for an error may take. */
const REASON = 100;

function later(error: unknown): Promise<never> {
  return new Promise((_, reject) => setTimeout(() => reject(error), REASON));
}
