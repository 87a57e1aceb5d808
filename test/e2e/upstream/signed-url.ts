import { createHmac } from 'node:crypto';

const KEY = 'known to the registry and its CDN only';
let last = 0;

/** A URL for one blob, good for GET and a few seconds, as registries hand them out. */
export function signedPath(blobPath: string, lifetime = 20_000): string {
  const expires = Date.now() + lifetime;
  last += 1;
  const query = new URLSearchParams({
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Date': String(expires),
    'X-Amz-Id': String(last),
    'X-Amz-Signature': signature(blobPath, expires, last),
  });
  return `${blobPath}?${query}`;
}

/** Why a URL is not good; its id where it is. */
export function checkSigned(url: URL): { id: string } | { fault: string } {
  const expires = Number(url.searchParams.get('X-Amz-Date'));
  const id = url.searchParams.get('X-Amz-Id') ?? '';
  if (url.searchParams.get('X-Amz-Signature') !== signature(url.pathname, expires, Number(id))) {
    return { fault: 'SignatureDoesNotMatch' };
  }
  if (expires < Date.now()) return { fault: 'Request has expired' };
  return { id };
}

function signature(path: string, expires: number, id: number): string {
  return createHmac('sha256', KEY).update(`GET ${path} ${expires} ${id}`).digest('hex');
}
