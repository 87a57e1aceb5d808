import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isCacheHit } from '../core/cache-hit';
import type { ImageName } from '../core/image-name';
import { type Descriptor, MANIFEST_ACCEPT, MAX_MANIFEST_BYTES, PrefetchFault } from '../core/prefetch';
import { isDigest } from '../core/reference';
import { responseHead } from './heads';
import type { ProxyClient } from './proxy-client';
import { readSmallBody } from './small-body';

/** A manifest that is still to be read; the index above it says more of it than the name of an image does. */
export interface ManifestNode extends Partial<Descriptor> {
  /** Tag or digest. */
  readonly reference: string;
  /** Indexes above it. */
  readonly depth: number;
}

export interface FetchedManifest {
  readonly bytes: Buffer;
  readonly digest: string;
  /** Whether the cache had it; undefined where no cache says anything. */
  readonly isHit: boolean | undefined;
}

/** Milliseconds for the body of a manifest. */
const MANIFEST_TIMEOUT = 60_000;

const KNOWN_ALGORITHM = /^sha(256|384|512):/;

/** @throws PrefetchFault for one that is too large or has another digest, or Error of the connection */
export async function fetchManifest(
  client: ProxyClient,
  image: ImageName,
  node: ManifestNode,
): Promise<FetchedManifest> {
  const { reference, mediaType = '', size = 0 } = node;
  if (size > MAX_MANIFEST_BYTES) throw tooLarge();
  const accept = /^[\w.+/-]+$/.test(mediaType) ? `${mediaType}, */*` : MANIFEST_ACCEPT;
  const path = `manifests/${reference}`;
  // A tag is had as it is now, however long the cache would take it to be what it was.
  const fresh = isDigest(reference) ? [] : [['cache-control', 'no-cache'] as const];
  const response = await client.ask({ method: 'GET', image, path, headers: [['accept', accept], ...fresh] });
  try {
    const { chunks, isLonger } = await readSmallBody(response, MAX_MANIFEST_BYTES, MANIFEST_TIMEOUT);
    if (isLonger) throw tooLarge();
    const bytes = Buffer.concat(chunks);
    return {
      bytes,
      digest: proveDigest(bytes, reference, response),
      isHit: isCacheHit(responseHead(response).headers),
    };
  } finally {
    response.destroy();
  }
}

function tooLarge(): PrefetchFault {
  return new PrefetchFault(`is no manifest: it is larger than ${MAX_MANIFEST_BYTES / 1024 / 1024} MiB`);
}

/** The digest, which is the one that was asked for, or else the one that the answer names. */
function proveDigest(bytes: Buffer, reference: string, { headers }: IncomingMessage): string {
  const said = String(headers['docker-content-digest'] ?? '');
  const expected = [reference, said].find((each) => isDigest(each) && KNOWN_ALGORITHM.test(each));
  const algorithm = expected?.split(':')[0] ?? 'sha256';
  const digest = `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
  if (expected === undefined || digest === expected) return digest;
  throw new PrefetchFault(`the bytes that came have another digest than ${expected}`);
}
