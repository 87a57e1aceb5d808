import { hmac } from '@noble/hashes/hmac';
import { sha256 } from '@noble/hashes/sha2';

// Of small things, at once and everywhere the same; the bodies of blobs are hashed by what each runtime brings along.

/** SHA-256 of bytes, or of a text in UTF-8. */
export function sha256Of(data: Uint8Array | string): Uint8Array {
  return sha256(data);
}

/** HMAC-SHA256 (RFC 2104), of texts in UTF-8. */
export function hmacOf(key: Uint8Array | string, text: string): Uint8Array {
  return hmac(sha256, key, text);
}

/** Takes as long wherever the two differ: how long a comparison took must not say how much of a guess was right. */
export function isSame(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  return one.reduce((difference, byte, index) => difference | (byte ^ other[index]), 0) === 0;
}
