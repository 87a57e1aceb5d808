import type { R2Bucket } from '@cloudflare/workers-types';
import { type Document, frame, MAX_FRAME_BYTES, unframe } from './document-frame';
import { label, named } from './key';
import { r2Error } from './r2-errors';
import { openObject } from './r2-objects';
import { answered, moved } from './r2-time';
import { HTTP_METADATA } from './r2-writer';
import { objectKeyOf } from './s3-layout';
import type { Target } from './sink';
import type { DocumentKey, Entry, Head } from './store';

export interface FoundDocument extends Document {
  readonly entry: Entry;
}

/** Undefined where there is none, `wrong` where it is none, or somebody else's. @throws what R2 throws */
export async function readDocument(
  bucket: R2Bucket,
  prefix: string,
  objectKey: string,
): Promise<FoundDocument | 'wrong' | undefined> {
  const object = await openObject(bucket, objectKey);
  if (!object) return undefined;
  if (object.size > MAX_FRAME_BYTES) {
    object.body.cancel().catch(() => {});
    return 'wrong';
  }
  const document = unframe(await moved(object.bytes()));
  if (!document) return 'wrong';
  const key = named(document.name);
  if (objectKeyOf(prefix, key) !== objectKey) return 'wrong';
  const usedAt = object.uploaded.getTime();
  return { ...document, entry: { key, size: document.body.length, usedAt, head: document.head } };
}

/** Keeps a document in memory, which has a limit, and sends it at once. */
export function documentTarget(bucket: R2Bucket, objectKey: string, key: DocumentKey, head: Head | undefined): Target {
  let body = new Uint8Array(0);
  let size = 0;
  return {
    async write(chunk) {
      if (size + chunk.length > body.length) {
        const larger = new Uint8Array(2 * (size + chunk.length));
        larger.set(body.subarray(0, size));
        body = larger;
      }
      body.set(chunk, size);
      size += chunk.length;
    },
    async publish() {
      const file = frame({ name: key.name, head, body: body.subarray(0, size) });
      try {
        await answered(bucket.put(objectKey, file, { httpMetadata: HTTP_METADATA }));
      } catch (error) {
        throw r2Error(error, `${label(key)} cannot be stored`);
      }
    },
    async discard() {
      body = new Uint8Array(0);
    },
  };
}
