import type { Hasher } from './hashing';
import { digestOf } from './key';
import type { Key, Verdict } from './store';

/** Whether these are a blob's bytes. Of a document's bytes nothing is known here. */
export async function verdictOf(
  key: Key,
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  hasher: Hasher,
): Promise<Verdict> {
  if (key.kind === 'document') return 'right';
  const { algorithm, hex } = digestOf(key);
  const hashing = hasher(algorithm);
  for await (const chunk of body) await hashing.update(chunk);
  return (await hashing.digest()) === hex ? 'right' : 'wrong';
}
