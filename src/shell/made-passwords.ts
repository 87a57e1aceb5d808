import { isMadeHash } from '../core/htpasswd';
import { fromBase64Url, toBase64Url } from './base64url';
import { isSame, sha256Of } from './digests';

/** Lower-case letters, and digits that are like none of them (RFC 4648 section 6): each character has 5 bits of chance. */
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

/** Which is 160 bits: nobody tries as many, however fast the hash. */
const LENGTH = 32;

const SALT_BYTES = 16;

/** A password that nobody can guess, for somebody who need not remember it. */
export function makePassword(): string {
  return [...random(LENGTH)].map((byte) => ALPHABET[byte % ALPHABET.length]).join('');
}

/**
 * The hash of a password of `makePassword`, as a file of users has it: `$rp1$<salt>$<SHA-256 of salt and password>`.
 * @throws Error for any other password: one that somebody chose would be found out from a hash that is so fast
 */
export function hashPassword(password: string): string {
  if (password.length !== LENGTH || ![...password].every((character) => ALPHABET.includes(character)))
    throw new Error('the password was not made by makePassword');
  const salt = random(SALT_BYTES);
  return `$rp1$${toBase64Url(salt)}$${toBase64Url(digestOf(salt, password))}`;
}

/** Whether it is the password that a hash of `hashPassword` was made of. */
export function isPasswordOf(hash: string, password: string): boolean {
  const [, , salt, digest] = hash.split('$').map(fromBase64Url);
  return isMadeHash(hash) && isSame(digest as Uint8Array, digestOf(salt as Uint8Array, password));
}

function digestOf(salt: Uint8Array, password: string): Uint8Array {
  return sha256Of(Uint8Array.from([...salt, ...new TextEncoder().encode(password)]));
}

function random(bytes: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(bytes));
}
