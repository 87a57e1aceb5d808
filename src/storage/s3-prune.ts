import type { S3Client } from './s3-client';
import { type Listed, objectsOf } from './s3-list';
import type { Pruned, PruneLimits } from './store';

/** Objects remembered in one look; a bucket of millions takes several looks rather than memory. */
const MAX_REMEMBERED = 20_000;

/** Requests together. */
const TOGETHER = 8;

/** Removes what was written longest ago until the limits hold; nothing where there are none. @throws as S3Client does */
export async function pruneObjects(client: S3Client, limits: PruneLimits): Promise<Pruned> {
  const { maxBytes = Number.POSITIVE_INFINITY, usedBefore = Number.NEGATIVE_INFINITY } = limits;
  const pruned = { entries: 0, bytes: 0 };
  if (limits.maxBytes === undefined && limits.usedBefore === undefined) return pruned;
  for (let isMore = true; isMore; ) {
    const { total, oldest } = await look(client);
    const leaving: Listed[] = [];
    let excess = total - maxBytes;
    for (const each of oldest) {
      if (excess <= 0 && each.writtenAt >= usedBefore) break;
      leaving.push(each);
      excess -= each.size;
    }
    for (let index = 0; index < leaving.length; index += TOGETHER) {
      const some = leaving.slice(index, index + TOGETHER);
      await Promise.all(some.map(({ objectKey }) => client.ask({ method: 'DELETE', key: objectKey })));
      pruned.entries += some.length;
      pruned.bytes += some.reduce((sum, { size }) => sum + size, 0);
    }
    isMore = leaving.length === MAX_REMEMBERED;
  }
  return pruned;
}

async function look(client: S3Client): Promise<{ total: number; oldest: Listed[] }> {
  let total = 0;
  let oldest: Listed[] = [];
  for await (const each of objectsOf(client)) {
    total += each.size;
    oldest.push(each);
    if (oldest.length > 2 * MAX_REMEMBERED) oldest = byAge(oldest);
  }
  return { total, oldest: byAge(oldest) };
}

function byAge(objects: Listed[]): Listed[] {
  return objects.sort((one, other) => one.writtenAt - other.writtenAt).slice(0, MAX_REMEMBERED);
}
