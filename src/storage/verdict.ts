import { createHash } from 'node:crypto';
import { digestOf } from './key';
import type { Key, Verdict } from './store';

/** Whether these are a blob's bytes. Of a document's bytes nothing is known here. */
export async function verdictOf(key: Key, body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Verdict> {
  if (key.kind === 'document') return 'right';
  const { algorithm, hex } = digestOf(key);
  const hash = createHash(algorithm);
  for await (const chunk of body) hash.update(chunk);
  return hash.digest('hex') === hex ? 'right' : 'wrong';
}
