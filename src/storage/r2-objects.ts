import type { R2Bucket, R2Object, R2ObjectBody } from '@cloudflare/workers-types';
import { digestOf } from './key';
import type { Listed } from './object-prune';
import { answered } from './r2-time';
import { extentOf } from './range';
import { parseObjectKey, placesOf } from './s3-layout';
import type { BlobKey, Key, Range } from './store';
import { StoreError } from './store-error';

/** Objects of a page, the most that R2 gives. */
const PAGE = 1000;

/** Another one where the object was replaced. */
export function identityOf({ etag, size }: R2Object): string {
  return `${etag} ${size}`;
}

/** R2 keeps the digest that it has proven when the object came in one request (Cloudflare R2, "Workers API", R2Checksums). */
export function isProvenByR2({ checksums }: R2Object, key: BlobKey): boolean {
  const { algorithm, hex } = digestOf(key);
  return checksums.toJSON()[algorithm] === hex;
}

/** Undefined where there is no such object. @throws StoreError `range`, and what R2 throws */
export async function openObject(
  bucket: R2Bucket,
  objectKey: string,
  range?: Range,
): Promise<R2ObjectBody | undefined> {
  if (range) extentOf(range, Number.POSITIVE_INFINITY);
  const { first = 0, last } = range ?? {};
  const part = range && { offset: first, ...(last !== undefined && { length: last - first + 1 }) };
  const giveBack = (late: R2ObjectBody | null) => void late?.body.cancel();
  const opening = answered(bucket.get(objectKey, part && { range: part }), giveBack);
  const object = range ? await opening.catch((error) => beyond(bucket, objectKey, range, error)) : await opening;
  return object ?? undefined;
}

/** What is said of a range behind the end is not always that (Miniflare: nothing). @throws StoreError `range`, or the error */
async function beyond(bucket: R2Bucket, objectKey: string, range: Range, error: unknown): Promise<null> {
  const object = await answered(bucket.head(objectKey));
  if (object) extentOf(range, object.size);
  throw error;
}

/** Every object of the store, a page at a time; what others put there is passed over. */
export async function* objectsOf(bucket: R2Bucket, prefix: string, kind?: Key['kind']): AsyncGenerator<Listed> {
  for (const place of placesOf(prefix, kind)) {
    for (let cursor: string | undefined; ; ) {
      const page = await answered(bucket.list({ prefix: place, limit: PAGE, ...(cursor !== undefined && { cursor }) }));
      for (const { key: objectKey, size, uploaded } of page.objects) {
        const found = parseObjectKey(prefix, objectKey);
        if (found) yield { objectKey, ...found, size, writtenAt: uploaded.getTime() };
      }
      if (!page.truncated) break;
      if (page.cursor === cursor) throw new StoreError('io', 'R2 gives a list that has no end');
      cursor = page.cursor;
    }
  }
}
