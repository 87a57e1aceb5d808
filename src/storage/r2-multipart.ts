import type { R2Bucket, R2MultipartUpload, R2UploadedPart } from '@cloudflare/workers-types';
import { label } from './key';
import { r2Error } from './r2-errors';
import { identityOf } from './r2-objects';
import { answered, completed } from './r2-time';
import { HTTP_METADATA, type Published, proofOf } from './r2-writer';
import type { Target } from './sink';
import type { BlobKey } from './store';

/** Parts of one upload at most (Cloudflare R2, "Limits"). */
export const MAX_PARTS = 10_000;

/**
 * Sends a blob in parts, all but the last one of the same size, as R2 wants them; a put holds two of them: one travels, the next
 * one is filled. What is no larger than one part is sent at once, and R2 proves it. An upload that is left behind is nothing, and
 * R2 removes it after a week.
 */
export function partsTarget(
  bucket: R2Bucket,
  objectKey: string,
  key: BlobKey,
  partBytes: number,
  published: Published,
): Target {
  let filling = new Uint8Array(0);
  let filled = 0;
  let upload: R2MultipartUpload | undefined;
  let travelling: Promise<void> = Promise.resolve();
  const parts: R2UploadedPart[] = [];

  const send = async () => {
    upload ??= await answered(bucket.createMultipartUpload(objectKey, { httpMetadata: HTTP_METADATA }));
    await travelling;
    const number = parts.length + 1;
    travelling = completed(upload.uploadPart(number, filling.subarray(0, filled))).then((part) => {
      parts.push(part);
    });
    // Who waits for it next gets the error.
    travelling.catch(() => {});
    filling = new Uint8Array(partBytes);
    filled = 0;
  };
  return {
    async write(chunk) {
      try {
        for (let taken = 0; taken < chunk.length; ) {
          if (filled === partBytes) await send();
          const piece = chunk.subarray(taken, taken + partBytes - filled);
          filling = roomFor(filling, filled + piece.length, partBytes);
          filling.set(piece, filled);
          filled += piece.length;
          taken += piece.length;
        }
      } catch (error) {
        throw r2Error(error, `${label(key)} cannot be written`);
      }
    },
    async publish() {
      try {
        if (!upload) {
          const whole = filling.subarray(0, filled);
          return published(identityOf(await completed(bucket.put(objectKey, whole, proofOf(key)))));
        }
        await send();
        await travelling;
        published(identityOf(await completed(upload.complete(parts))));
      } catch (error) {
        throw r2Error(error, `${label(key)} cannot be stored`);
      }
    },
    async discard() {
      filling = new Uint8Array(0);
      await travelling.catch(() => {});
      if (upload) await answered(upload.abort()).catch(() => {});
    },
  };
}

/** Small blobs take no memory of a part's size. */
function roomFor(bytes: Uint8Array<ArrayBuffer>, size: number, max: number): Uint8Array<ArrayBuffer> {
  if (size <= bytes.length) return bytes;
  const larger = new Uint8Array(Math.min(max, 2 * size));
  larger.set(bytes);
  return larger;
}
