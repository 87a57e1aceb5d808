import { sha256 } from '@noble/hashes/sha2';
import { bytesToHex } from '@noble/hashes/utils';
import { type Algorithm, digestOf, parseDigest } from './key';
import type { BlobKey, Key } from './store';

const ALGORITHMS: readonly Algorithm[] = ['sha256', 'sha512'];

/**
 * `blobs/<algorithm>/<hex>` as in an OCI image layout (OCI image spec, "Image Layout"), and `documents/<hash of the name>`, each
 * after the prefix. Nothing in it is made of anything but hex digits.
 */
export function objectKeyOf(prefix: string, key: Key): string {
  if (key.kind === 'document') return `${prefix}documents/${bytesToHex(sha256(key.name))}`;
  const { algorithm, hex } = digestOf(key);
  return `${prefix}blobs/${algorithm}/${hex}`;
}

/** What begins the keys of all entries of a kind. */
export function placesOf(prefix: string, kind?: Key['kind']): string[] {
  const blobs = ALGORITHMS.map((algorithm) => `${prefix}blobs/${algorithm}/`);
  const documents = [`${prefix}documents/`];
  if (kind) return kind === 'blob' ? blobs : documents;
  return [...blobs, ...documents];
}

/** The digest of a blob, nothing for a document; undefined for what others put there. */
export function parseObjectKey(prefix: string, objectKey: string): { readonly digest?: string } | undefined {
  if (!objectKey.startsWith(prefix)) return undefined;
  const [, kind, algorithm, hex] =
    /^(?:(blobs)\/([a-z0-9]+)|documents)\/([0-9a-f]+)$/.exec(objectKey.slice(prefix.length)) ?? [];
  if (hex === undefined) return undefined;
  const digest = `${algorithm}:${hex}`;
  if (kind) return parseDigest(digest) ? { digest } : undefined;
  return hex.length === 64 ? {} : undefined;
}

/** What begins the keys of all that belongs to blobs that have not come whole. */
export function incomingOf(prefix: string): string {
  return `${prefix}incoming/`;
}

/** The same for one blob. */
export function incomingOfBlob(prefix: string, key: BlobKey): string {
  const { algorithm, hex } = digestOf(key);
  return `${incomingOf(prefix)}${algorithm}/${hex}/`;
}
