import { type Document, MAX_FRAME_BYTES, unframe } from './document-frame';
import { named } from './key';
import type { S3Client } from './s3-client';
import { unlessAbsent } from './s3-errors';
import { objectKeyOf } from './s3-layout';
import { timeOf } from './s3-reader';
import type { Entry } from './store';

export interface FoundDocument extends Document {
  readonly entry: Entry;
}

/** Undefined where there is none, `wrong` where it is none, or somebody else's. @throws as S3Client does */
export async function readDocument(client: S3Client, objectKey: string): Promise<FoundDocument | 'wrong' | undefined> {
  const answer = await unlessAbsent(client.ask({ method: 'GET', key: objectKey }, MAX_FRAME_BYTES));
  if (!answer) return undefined;
  const document = unframe(answer.body);
  if (!document) return 'wrong';
  const key = named(document.name);
  if (objectKeyOf(client.prefix, key) !== objectKey) return 'wrong';
  const usedAt = timeOf(answer.headers['last-modified']);
  return { ...document, entry: { key, size: document.body.length, usedAt, head: document.head } };
}
