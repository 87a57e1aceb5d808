import { createHash } from 'node:crypto';

/** The digest of a body, by the algorithm of another one. */
export function digestOf(body: Uint8Array, like = 'sha256:'): string {
  const algorithm = like.slice(0, like.indexOf(':'));
  return `${algorithm}:${createHash(algorithm).update(body).digest('hex')}`;
}
