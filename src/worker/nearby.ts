import type { Cache, CacheStorage } from '@cloudflare/workers-types';
import { inTime } from '../shell/deadline';
import { parseDigest } from '../storage/key';

/** Bytes of a body that lies in the Cache API at most: manifests, and configurations of images. */
export const MAX_NEARBY = 64 * 1024;

/** A cache of our own: neither `fetch` nor Cloudflare's network serves anybody from it, whatever is asked for. */
const NAME = 'registry-proxy';

/** No host that anybody can have (RFC 6761, section 6.4). */
const PLACE = 'https://content.invalid/';

/** Seconds. Content under its digest never changes; Cloudflare drops what is not asked for anyway. */
const LIFETIME = 30 * 24 * 3600;

/** Milliseconds: it is a shortcut, and R2 is the way round. */
const PATIENCE = 1_000;

/**
 * What lies in the Cache API of the place where the Worker runs (Cloudflare Workers, "Cache"); on workers.dev there is none, and
 * nothing is found. What is found is proven, since other Workers of the account may write there. Never fails.
 */
export async function findNearby(digest: string): Promise<Uint8Array | undefined> {
  try {
    return await inTime(find(digest), PATIENCE, 'the Cache API does not answer');
  } catch {
    return undefined;
  }
}

/** Never fails. */
export async function keepNearby(digest: string, body: Uint8Array): Promise<void> {
  if (body.length > MAX_NEARBY) return;
  const headers = {
    'content-type': 'application/octet-stream',
    'content-length': String(body.length),
    'cache-control': `public, max-age=${LIFETIME}, immutable`,
  };
  const response = new Response(body as Uint8Array<ArrayBuffer>, { headers });
  try {
    const cache = await open();
    await inTime(cache.put(PLACE + digest, response as never), PATIENCE, 'the Cache API takes nothing');
  } catch {
    // It is in R2.
  }
}

async function find(digest: string): Promise<Uint8Array | undefined> {
  const cache = await open();
  const response = await cache.match(PLACE + digest);
  if (!response) return undefined;
  if (!(Number(response.headers.get('content-length')) <= MAX_NEARBY)) {
    await response.body?.cancel();
    return undefined;
  }
  const body = new Uint8Array(await response.arrayBuffer());
  return (await isProven(digest, body)) ? body : undefined;
}

function open(): Promise<Cache> {
  return (globalThis as unknown as { caches: CacheStorage }).caches.open(NAME);
}

async function isProven(digest: string, body: Uint8Array): Promise<boolean> {
  const { algorithm, hex } = parseDigest(digest) ?? {};
  const name = algorithm === 'sha512' ? 'SHA-512' : 'SHA-256';
  const hash = new Uint8Array(await crypto.subtle.digest(name, body as Uint8Array<ArrayBuffer>));
  return hex === [...hash].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
