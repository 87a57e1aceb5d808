import type { BlobKey, DocumentKey, Key } from './store';
import { StoreError } from './store-error';

/** Longest name of a document, in UTF-16 units: a repository, a tag and a registry fit in several times. */
export const MAX_DOCUMENT_NAME = 2048;

/** Hex digits of the algorithms that blobs are stored by (OCI image spec, "Registered Algorithms"). */
const HEX_LENGTH = { sha256: 64, sha512: 128 } as const;

export type Algorithm = keyof typeof HEX_LENGTH;

export interface Digest {
  readonly algorithm: Algorithm;
  /** Lower case, of the algorithm's length: nothing else ever becomes part of a path. */
  readonly hex: string;
}

export const blob = (digest: string): BlobKey => ({ kind: 'blob', digest });

export const named = (name: string): DocumentKey => ({ kind: 'document', name });

/** Undefined for what blobs are not stored by: such content is passed on without a store. */
export function parseDigest(text: string): Digest | undefined {
  const [, algorithm, hex] = /^(sha256|sha512):([0-9a-f]+)$/.exec(text) ?? [];
  if (algorithm !== 'sha256' && algorithm !== 'sha512') return undefined;
  return hex.length === HEX_LENGTH[algorithm] ? { algorithm, hex } : undefined;
}

/** @throws StoreError `key` */
export function digestOf(key: BlobKey): Digest {
  const digest = parseDigest(key.digest);
  if (!digest) throw new StoreError('key', 'blobs are stored by sha256:<64 hex digits> or sha512:<128 hex digits>');
  return digest;
}

/** @throws StoreError `key` for what no driver may be asked for */
export function checkKey(key: Key): void {
  if (key.kind === 'blob') digestOf(key);
  else if (key.name === '' || key.name.length > MAX_DOCUMENT_NAME)
    throw new StoreError('key', `names of documents have 1 to ${MAX_DOCUMENT_NAME} characters`);
  else if (/\p{Surrogate}/u.test(key.name)) throw new StoreError('key', 'names of documents are well-formed Unicode');
}

/** Fit for a Map. */
export function idOf(key: Key): string {
  return key.kind === 'blob' ? `b${key.digest}` : `d${key.name}`;
}

/** For messages; names of documents come from requests, and are cut. */
export function label(key: Key): string {
  return key.kind === 'blob' ? key.digest : JSON.stringify(key.name.slice(0, 120));
}
