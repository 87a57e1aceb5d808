import type { Listed } from './object-prune';
import type { S3Client } from './s3-client';
import { parseObjectKey, placesOf } from './s3-layout';
import { timeOf } from './s3-reader';
import { childrenOf, type Element, parseXml, textOf } from './s3-xml';
import type { Key } from './store';
import { StoreError } from './store-error';

/** Objects asked for at once, the most that S3 gives. */
const PAGE = 1000;

/** Bytes of one page at most: a key has up to 1024, and as much is written about it. */
const MAX_PAGE_BYTES = 4 * 1024 * 1024;

/** Every object of the store, a page at a time (Amazon S3, ListObjectsV2); what others put there is passed over. */
export async function* objectsOf(client: S3Client, kind?: Key['kind']): AsyncGenerator<Listed> {
  for (const prefix of placesOf(client.prefix, kind)) {
    for await (const { objects } of pagesOf(client, prefix)) {
      for (const object of objects) {
        const found = parseObjectKey(client.prefix, object.objectKey);
        if (found) yield { ...object, ...found };
      }
    }
  }
}

/** One page of a list. */
export interface ListPage {
  readonly objects: readonly Listed[];
  /** The object store's own time, in milliseconds since 1970, where it says so. */
  readonly now: number | undefined;
}

/** All objects whose keys begin so. @param after those whose keys come behind this one */
export async function* pagesOf(client: S3Client, prefix: string, after?: string): AsyncGenerator<ListPage> {
  for (let token: string | undefined; ; ) {
    const { headers, body } = await client.ask({ method: 'GET', query: queryOf(prefix, after, token) }, MAX_PAGE_BYTES);
    const page = parseXml(body.toString());
    if (page?.name !== 'ListBucketResult')
      throw new StoreError('io', 'the object store gives something that is no list');
    yield { objects: childrenOf(page, 'Contents').flatMap(read), now: timeOf(headers.date) || undefined };
    if (textOf(page, 'IsTruncated') !== 'true') return;
    const next = textOf(page, 'NextContinuationToken');
    if (!next || next === token) throw new StoreError('io', 'the object store gives a list that has no end');
    token = next;
  }
}

function queryOf(prefix: string, after: string | undefined, token: string | undefined): [string, string][] {
  return [
    ['list-type', '2'],
    ['max-keys', String(PAGE)],
    ['prefix', prefix],
    ...(after === undefined || token !== undefined ? [] : [['start-after', after] as [string, string]]),
    ...(token === undefined ? [] : [['continuation-token', token] as [string, string]]),
  ];
}

function read(content: Element): Listed[] {
  const objectKey = textOf(content, 'Key') ?? '';
  const size = Number(textOf(content, 'Size') || Number.NaN);
  const writtenAt = Date.parse(textOf(content, 'LastModified') ?? '');
  return objectKey !== '' && Number.isSafeInteger(size) && writtenAt >= 0 ? [{ objectKey, size, writtenAt }] : [];
}
