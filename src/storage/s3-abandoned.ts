import type { S3Client } from './s3-client';
import { placesOf } from './s3-layout';
import { childrenOf, parseXml, textOf } from './s3-xml';

/** Milliseconds after which an upload is taken to be nobody's: no blob takes so long. */
const ABANDONED = 24 * 3600 * 1000;

const MAX_PAGE_BYTES = 4 * 1024 * 1024;

/**
 * Removes uploads whose process ended before they did: they cost as much as objects do, and no list shows them (Amazon S3,
 * ListMultipartUploads). One page at a time is enough, since every process does so. @throws as S3Client does
 */
export async function removeAbandoned(client: S3Client, now: number): Promise<void> {
  for (const prefix of placesOf(client.prefix, 'blob')) {
    const query = [
      ['uploads', ''],
      ['prefix', prefix],
    ] as const;
    const { body } = await client.ask({ method: 'GET', query }, MAX_PAGE_BYTES);
    for (const upload of childrenOf(parseXml(body.toString()), 'Upload')) {
      const [key = '', id = '', begun = ''] = ['Key', 'UploadId', 'Initiated'].map((name) => textOf(upload, name));
      if (!key.startsWith(prefix) || id === '' || !(Date.parse(begun) < now - ABANDONED)) continue;
      await client.ask({ method: 'DELETE', key, query: [['uploadId', id]] });
    }
  }
}
