import { escapeUri } from '../shell/signature-v4';
import { bodyOf } from './s3-body';
import type { S3Client, S3Request } from './s3-client';
import { codeIn, Refusal } from './s3-errors';
import { parseXml, textOf } from './s3-xml';
import { StoreError } from './store-error';

/** Milliseconds until an object store has copied a part: it says nothing before. */
const COPY_TIME = 60_000;

/** Bytes of a source that is sent again, where the object store does not copy: more than any piece has. */
const MAX_SOURCE = 128 * 1024 * 1024;

/**
 * Makes an object of the same bucket a part of an upload (Amazon S3, UploadPartCopy). An object store that cannot do that gets its
 * bytes once more.
 * @returns the entity tag of the part, and whether its bytes had to be sent
 * @throws as S3Client does
 */
export async function copyPart(
  client: S3Client,
  source: string,
  part: Pick<S3Request, 'key' | 'query' | 'signal'>,
): Promise<{ tag: string; isSent: boolean }> {
  const path = `/${client.bucket}/${source.split('/').map(escapeUri).join('/')}`;
  const request = { method: 'PUT', ...part } as const;
  try {
    const headers = [['x-amz-copy-source', path]] as const;
    const tag = await client.judge({ ...request, headers, answer: COPY_TIME }, judge);
    return { tag, isSent: false };
  } catch (error) {
    if (!(error instanceof Refusal) || !isUnable(error)) throw error;
    const { body } = await client.ask({ method: 'GET', key: source, signal: part.signal }, MAX_SOURCE);
    const { headers } = await client.ask({ ...request, body: bodyOf(body) });
    if (!headers.etag) throw new StoreError('io', 'the object store gives a part no tag');
    return { tag: headers.etag, isSent: true };
  }
}

/** It does not know such requests, or does not take them. */
function isUnable({ status }: Refusal): boolean {
  return status === 400 || status === 405 || status === 501;
}

/** An error may come in the body of a 200, which was begun long before (Amazon S3, UploadPartCopy). */
function judge(body: Buffer): string {
  const root = parseXml(body.toString());
  const code = codeIn(root);
  if (code !== undefined) throw new Refusal(200, code);
  const tag = root?.name === 'CopyPartResult' ? textOf(root, 'ETag') : undefined;
  if (!tag) throw new StoreError('io', 'the object store does not say whether a part was copied');
  return tag;
}
