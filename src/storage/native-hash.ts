import { createHash } from 'node:crypto';
import type { Hasher } from './hashing';

/** Node's own. */
export const hashNatively: Hasher = (algorithm) => {
  const hash = createHash(algorithm);
  return {
    update(chunk) {
      hash.update(chunk);
      return undefined;
    },
    digest: () => hash.digest('hex'),
  };
};
