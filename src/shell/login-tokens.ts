import { hkdf } from '@noble/hashes/hkdf';
import { sha256 } from '@noble/hashes/sha2';
import { fromBase64Url, toBase64Url } from './base64url';
import { hmacOf, isSame } from './digests';

const MARK = 'rp1';

/** Payload and HMAC-SHA256 in base64url; the longest user name makes a payload of some 1100 characters. */
const TOKEN = new RegExp(`^${MARK}\\.([\\w-]{1,4000})\\.([\\w-]{43})$`);

const KEY_BYTES = 32;

/** What a token says; a subject without a name is somebody who did not log in. */
export type TokenVerdict =
  | { readonly kind: 'valid'; readonly name: string | undefined }
  | { readonly kind: 'expired' }
  | { readonly kind: 'forged' };

/**
 * The key that tokens are signed with, the same wherever the same secrets are configured: the instances of a function
 * share nothing else. Without any secret it is a random one, since what everybody knows signs nothing.
 */
export function tokenKey(parts: readonly string[]): Uint8Array {
  if (parts.every((part) => part === '')) return crypto.getRandomValues(new Uint8Array(KEY_BYTES));
  return hkdf(sha256, JSON.stringify(parts), '', 'registry-proxy token 1', KEY_BYTES);
}

/**
 * A token for a user, or for somebody without a name.
 * @param hash of the user's password: with another password the token is void
 * @param until milliseconds since the epoch, counted in whole seconds
 */
export function signToken(key: Uint8Array, name: string | undefined, hash: string | undefined, until: number): string {
  const payload = toBase64Url(new TextEncoder().encode(JSON.stringify([name ?? null, Math.floor(until / 1000)])));
  return `${MARK}.${payload}.${toBase64Url(macOf(key, payload, hash))}`;
}

/** @param hashOf the hash of a user's password, where there is such a user */
export function readSignedToken(
  key: Uint8Array,
  token: string,
  hashOf: (name: string) => string | undefined,
  now: number,
): TokenVerdict {
  const [, payload, mac] = TOKEN.exec(token) ?? [];
  const claims = payload === undefined ? undefined : readPayload(payload);
  if (!claims) return { kind: 'forged' };
  const hash = claims.name === undefined ? undefined : hashOf(claims.name);
  const encode = (text: string) => new TextEncoder().encode(text);
  // As texts: two of them stand for the same bytes where the last character has bits left over.
  const isSigned = isSame(encode(mac), encode(toBase64Url(macOf(key, payload, hash))));
  if (!isSigned || (claims.name !== undefined && hash === undefined)) return { kind: 'forged' };
  return claims.until > now ? { kind: 'valid', name: claims.name } : { kind: 'expired' };
}

function macOf(key: Uint8Array, payload: string, hash: string | undefined): Uint8Array {
  return hmacOf(key, JSON.stringify([MARK, payload, hash ?? null]));
}

function readPayload(payload: string): { name: string | undefined; until: number } | undefined {
  try {
    const [name, seconds] = JSON.parse(new TextDecoder().decode(fromBase64Url(payload))) as unknown[];
    if ((name !== null && typeof name !== 'string') || typeof seconds !== 'number') return undefined;
    return { name: name ?? undefined, until: seconds * 1000 };
  } catch {
    return undefined;
  }
}
