import type { DigestStream } from '@cloudflare/workers-types';
import type { Hasher } from './hashing';

const NAMES = { sha256: 'SHA-256', sha512: 'SHA-512' } as const;

/** A Worker's own (Cloudflare Workers, "Web Crypto", DigestStream). */
export const hashByStream: Hasher = (algorithm) => {
  const { DigestStream: Digesting } = crypto as unknown as { DigestStream: typeof DigestStream };
  const stream = new Digesting(NAMES[algorithm]);
  const writer = stream.getWriter();
  // A body that is given up leaves it unfinished.
  stream.digest.catch(() => {});
  return {
    update: (chunk) => writer.write(chunk),
    async digest() {
      await writer.close();
      const bytes = new Uint8Array(await stream.digest);
      return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    },
  };
};
