import { blob } from './key';
import type { Listed } from './object-prune';
import type { Entry } from './store';

/**
 * The entries that objects of a bucket are. A blob is told by its key; a document's name stands in it.
 * @param read reads one document; undefined where it is gone, `wrong` where it is none
 * @param together documents that are read at once
 */
export async function* entriesOf(
  objects: AsyncIterable<Listed>,
  read: (objectKey: string) => Promise<{ readonly entry: Entry } | 'wrong' | undefined>,
  together: number,
): AsyncIterable<Entry> {
  let documents: Listed[] = [];
  for await (const found of objects) {
    const { digest, size, writtenAt } = found;
    if (digest !== undefined) yield { key: blob(digest), size, usedAt: writtenAt };
    else if (documents.push(found) === together) {
      yield* await readAll(documents, read);
      documents = [];
    }
  }
  yield* await readAll(documents, read);
}

async function readAll(documents: readonly Listed[], read: Parameters<typeof entriesOf>[1]): Promise<Entry[]> {
  const found = await Promise.all(documents.map(({ objectKey }) => read(objectKey)));
  return found.flatMap((each) => (each && each !== 'wrong' ? [each.entry] : []));
}
