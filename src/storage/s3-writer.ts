import { Blocks } from './blocks';
import { frame } from './document-frame';
import { digestOf, label } from './key';
import { bodyOf, bodyOfBlocks } from './s3-body';
import type { HashedBody, S3Client } from './s3-client';
import { s3Error } from './s3-errors';
import { objectKeyOf } from './s3-layout';
import { MAX_PARTS, MultipartUpload } from './s3-multipart';
import type { Target } from './sink';
import type { BlobKey, DocumentKey, Head } from './store';

const MIB = 1024 * 1024;

/** Bytes of a part, and of a blob that is sent at once. A put holds two of them: one travels, the next one is filled. */
const PART_BYTES = 8 * MIB;

/** The same for blobs that would have too many parts. */
const MAX_PART_BYTES = 32 * MIB;

/** Bytes of a blob at most, where they are known before. */
export const MAX_BLOB_BYTES = MAX_PART_BYTES * MAX_PARTS;

/** @param size of the blob, where it is known */
export function partBytesOf(size: number | undefined): number {
  return Math.max(PART_BYTES, Math.ceil((size ?? 0) / MAX_PARTS / MIB) * MIB);
}

/**
 * Sends a small blob at once and a large one in parts; neither is there before it is whole. All of it must have been proven before
 * `publish`, but a small one's digest is told to the object store as well, which refuses other bytes.
 */
export function blobTarget(
  client: S3Client,
  key: BlobKey,
  partBytes: number,
  published: (tag: string, size: number) => void,
): Target {
  const objectKey = objectKeyOf(client.prefix, key);
  let filling = new Blocks();
  let upload: MultipartUpload | undefined;
  let size = 0;

  const send = async () => {
    upload ??= await MultipartUpload.begin(client, objectKey);
    const part = filling;
    filling = new Blocks();
    await upload.add(bodyOfBlocks(part));
  };
  return {
    async write(chunk) {
      try {
        for (let taken = 0; taken < chunk.length; ) {
          if (filling.size === partBytes) await send();
          const piece = chunk.subarray(taken, taken + partBytes - filling.size);
          filling.append(piece);
          taken += piece.length;
        }
        size += chunk.length;
      } catch (error) {
        throw s3Error(error, `${label(key)} cannot be written`);
      }
    },
    async publish() {
      try {
        if (upload) {
          await send();
          published(await upload.complete(), size);
        } else published(await putWhole(client, objectKey, bodyOfBlocks(filling, hashOf(key))), size);
      } catch (error) {
        throw s3Error(error, `${label(key)} cannot be stored`);
      }
    },
    async discard() {
      filling = new Blocks();
      await upload?.abort();
    },
  };
}

/** Keeps a document in memory, which has a limit, and sends it at once. */
export function documentTarget(client: S3Client, key: DocumentKey, head: Head | undefined): Target {
  const chunks: Uint8Array[] = [];
  return {
    async write(chunk) {
      // `slice` of a Buffer is a view of it.
      chunks.push(new Uint8Array(chunk));
    },
    async publish() {
      const file = frame({ name: key.name, head, body: Buffer.concat(chunks) });
      try {
        await putWhole(client, objectKeyOf(client.prefix, key), bodyOf(file));
      } catch (error) {
        throw s3Error(error, `${label(key)} cannot be stored`);
      }
    },
    async discard() {
      chunks.length = 0;
    },
  };
}

function hashOf(key: BlobKey): string | undefined {
  const { algorithm, hex } = digestOf(key);
  return algorithm === 'sha256' ? hex : undefined;
}

/** @returns the entity tag */
export async function putWhole(client: S3Client, key: string, body: HashedBody): Promise<string> {
  const headers = [['content-type', 'application/octet-stream']] as const;
  const answer = await client.ask({ method: 'PUT', key, headers, body });
  return answer.headers.etag ?? '';
}
