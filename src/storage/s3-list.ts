import type { Listed } from './object-prune';
import type { S3Client } from './s3-client';
import { parseObjectKey, placesOf } from './s3-layout';
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
    for (let token: string | undefined; ; ) {
      const page = await pageOf(client, prefix, token);
      for (const content of childrenOf(page, 'Contents')) {
        const found = read(client.prefix, content);
        if (found) yield found;
      }
      if (textOf(page, 'IsTruncated') !== 'true') break;
      const next = textOf(page, 'NextContinuationToken');
      if (!next || next === token) throw new StoreError('io', 'the object store gives a list that has no end');
      token = next;
    }
  }
}

async function pageOf(client: S3Client, prefix: string, token: string | undefined): Promise<Element> {
  const query: [string, string][] = [
    ['list-type', '2'],
    ['max-keys', String(PAGE)],
    ['prefix', prefix],
    ...(token === undefined ? [] : [['continuation-token', token] as [string, string]]),
  ];
  const { body } = await client.ask({ method: 'GET', query }, MAX_PAGE_BYTES);
  const page = parseXml(body.toString());
  if (page?.name !== 'ListBucketResult') throw new StoreError('io', 'the object store gives something that is no list');
  return page;
}

function read(prefix: string, content: Element): Listed | undefined {
  const objectKey = textOf(content, 'Key') ?? '';
  const size = Number(textOf(content, 'Size') || Number.NaN);
  const writtenAt = Date.parse(textOf(content, 'LastModified') ?? '');
  const found = parseObjectKey(prefix, objectKey);
  return found && Number.isSafeInteger(size) && writtenAt >= 0 ? { objectKey, ...found, size, writtenAt } : undefined;
}
