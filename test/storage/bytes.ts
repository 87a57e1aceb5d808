import { createHash, randomBytes } from 'node:crypto';
import { blob } from '../../src/storage/key';
import type { About, BlobKey, DocumentKey, Entry, Key, Store } from '../../src/storage/store';
import { StoreError } from '../../src/storage/store-error';

export interface Content {
  readonly key: BlobKey;
  readonly bytes: Buffer;
}

/** Bytes that no other test has, under their digest. */
export function content(size: number, algorithm: 'sha256' | 'sha512' = 'sha256'): Content {
  return contentOf(randomBytes(size), algorithm);
}

export function contentOf(bytes: Buffer, algorithm: 'sha256' | 'sha512' = 'sha256'): Content {
  return { key: blob(`${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`), bytes };
}

export async function putBlob(store: Store, { key, bytes }: Content, about: About = { size: bytes.length }) {
  await putBytes(store, key, bytes, about);
}

export async function putDocument(store: Store, key: DocumentKey, body: string, head?: Record<string, unknown>) {
  await putBytes(store, key, Buffer.from(body), { head });
}

async function putBytes(store: Store, key: Key, bytes: Buffer, about: About): Promise<void> {
  const sink = await store.put(key, about);
  for (let at = 0; at < bytes.length; at += 50_000) await sink.write(bytes.subarray(at, at + 50_000));
  await sink.commit();
}

export async function bytesFrom(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export async function read(store: Store, key: Key, range?: { first: number; last?: number }) {
  const reading = await store.get(key, range);
  return reading && (await bytesFrom(reading));
}

/** Whether this blob is there with exactly its bytes. (`toEqual` takes seconds for a megabyte.) */
export async function has(store: Store, { key, bytes }: Content): Promise<boolean> {
  return (await read(store, key))?.equals(bytes) === true;
}

export async function listed(store: Store, kind?: Key['kind']): Promise<Entry[]> {
  const entries: Entry[] = [];
  for await (const entry of store.list(kind)) entries.push(entry);
  return entries;
}

/** The fault that a call ends with; `none` where it does not fail, and anything but a StoreError is a fault of the test. */
export async function faultOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'none';
  } catch (error) {
    if (error instanceof StoreError) return error.fault;
    throw error;
  }
}
