import type { Pruned, PruneLimits } from './store';

/** Objects remembered in one look; a bucket of millions takes several looks rather than memory. */
const MAX_REMEMBERED = 20_000;

/** An object of a store, as a list of the bucket shows it. */
export interface Listed {
  readonly objectKey: string;
  /** Of a blob; nothing for a document. */
  readonly digest?: string;
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly writtenAt: number;
}

/** A bucket, as far as it is pruned. */
export interface ListedBucket {
  objects(): AsyncIterable<Listed>;
  /** Up to `together` of them. */
  remove(objectKeys: readonly string[]): Promise<void>;
  readonly together: number;
}

/** Removes what was written longest ago until the limits hold; nothing where there are none. @throws as the bucket does */
export async function pruneObjects(bucket: ListedBucket, limits: PruneLimits): Promise<Pruned> {
  const { maxBytes = Number.POSITIVE_INFINITY, usedBefore = Number.NEGATIVE_INFINITY } = limits;
  const pruned = { entries: 0, bytes: 0 };
  if (limits.maxBytes === undefined && limits.usedBefore === undefined) return pruned;
  for (let isMore = true; isMore; ) {
    const { total, oldest } = await look(bucket);
    const leaving: Listed[] = [];
    let excess = total - maxBytes;
    for (const each of oldest) {
      if (excess <= 0 && each.writtenAt >= usedBefore) break;
      leaving.push(each);
      excess -= each.size;
    }
    for (let index = 0; index < leaving.length; index += bucket.together) {
      const some = leaving.slice(index, index + bucket.together);
      await bucket.remove(some.map(({ objectKey }) => objectKey));
      pruned.entries += some.length;
      pruned.bytes += some.reduce((sum, { size }) => sum + size, 0);
    }
    isMore = leaving.length === MAX_REMEMBERED;
  }
  return pruned;
}

async function look(bucket: ListedBucket): Promise<{ total: number; oldest: Listed[] }> {
  let total = 0;
  let oldest: Listed[] = [];
  for await (const each of bucket.objects()) {
    total += each.size;
    oldest.push(each);
    if (oldest.length > 2 * MAX_REMEMBERED) oldest = byAge(oldest);
  }
  return { total, oldest: byAge(oldest) };
}

function byAge(objects: Listed[]): Listed[] {
  return objects.sort((one, other) => one.writtenAt - other.writtenAt).slice(0, MAX_REMEMBERED);
}
