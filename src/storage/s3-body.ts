import { createHash } from 'node:crypto';
import type { Blocks } from './blocks';
import type { HashedBody } from './s3-client';

export function bodyOf(bytes: Uint8Array): HashedBody {
  return hashed(bytes.length, () => [bytes]);
}

/** @param hash where it is known already */
export function bodyOfBlocks(blocks: Blocks, hash?: string): HashedBody {
  const { size } = blocks;
  return hashed(size, () => blocks.read({ first: 0, last: size - 1 }), hash);
}

function hashed(length: number, pieces: () => Iterable<Uint8Array>, known?: string): HashedBody {
  return { length, pieces, hash: known ?? hashOf(pieces()) };
}

function hashOf(pieces: Iterable<Uint8Array>): string {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.digest('hex');
}
