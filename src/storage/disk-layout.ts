import { createHash } from 'node:crypto';
import { mkdir, opendir, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { codeOf, unlessMissing } from './disk-errors';
import { type Algorithm, digestOf, parseDigest } from './key';
import type { Key } from './store';

/** Only the owner may look in: what is cached may be private. Inside, the usual rights hold, for who makes the folder otherwise. */
const ROOT_MODE = 0o700;

const ALGORITHMS: readonly Algorithm[] = ['sha256', 'sha512'];

/** Bytes that file systems give out at once; what a small file takes. */
const BLOCK_BYTES = 4096;

/** One file of the store. */
export interface Stored {
  readonly path: string;
  readonly kind: Key['kind'];
  /** The blob's digest; nothing for a document, whose name stands in it. */
  readonly digest?: string;
}

/**
 * `oci-layout`, `index.json` and `blobs/<algorithm>/<hex>` of an OCI image layout (OCI image spec, "Image Layout"); beside them
 * `documents/<hh>/<hash of the name>`, and `incoming`, where files grow. No part of a path is made of anything but hex digits.
 */
export function pathOf(folder: string, key: Key): string {
  if (key.kind === 'blob') {
    const { algorithm, hex } = digestOf(key);
    return join(folder, 'blobs', algorithm, hex);
  }
  const hash = createHash('sha256').update(key.name).digest('hex');
  return join(folder, 'documents', hash.slice(0, 2), hash);
}

/** Bytes that a file takes from the disk, nearly. */
export function costOf(size: number): number {
  return Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
}

/** Every file of the store, without asking for more than a few names at a time; what other programs put there is passed over. */
export async function* storedFiles(folder: string, kind?: Key['kind']): AsyncGenerator<Stored> {
  if (kind !== 'document') {
    for (const algorithm of ALGORITHMS) {
      for await (const name of namesIn(join(folder, 'blobs', algorithm))) {
        const digest = `${algorithm}:${name}`;
        if (parseDigest(digest)) yield { path: join(folder, 'blobs', algorithm, name), kind: 'blob', digest };
      }
    }
  }
  if (kind === 'blob') return;
  for await (const part of namesIn(join(folder, 'documents'))) {
    if (!/^[0-9a-f]{2}$/.test(part)) continue;
    for await (const name of namesIn(join(folder, 'documents', part))) {
      if (/^[0-9a-f]{64}$/.test(name)) yield { path: join(folder, 'documents', part, name), kind: 'document' };
    }
  }
}

/** Names in a folder, as they come; none where there is no such folder. */
export async function* namesIn(folder: string): AsyncGenerator<string> {
  const entries = await unlessMissing(opendir(folder));
  if (!entries) return;
  for await (const entry of entries) yield entry.name;
}

/** Does the work again when the folder it needs has been made; somebody may remove folders at any time. */
export async function withFolder<T>(root: string, folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    await makeFolder(root, folder);
    return await work();
  }
}

/**
 * Not by `recursive`, which hides why a folder cannot be made (it says ENOENT on a read-only file system), and never ends where one
 * cannot be made in a folder that is there, as in /proc.
 */
export async function makeFolder(root: string, folder: string): Promise<void> {
  const make = () => mkdir(folder, root.startsWith(folder) ? ROOT_MODE : undefined);
  try {
    await make();
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return;
    if (codeOf(error) !== 'ENOENT' || dirname(folder) === folder) throw error;
    await makeFolder(root, dirname(folder));
    await make().catch((again) => {
      if (codeOf(again) !== 'EEXIST') throw again;
    });
  }
}

/**
 * The two files by which other tools know an OCI image layout. Nothing that is there is changed: an `index.json` may have been
 * written by whoever wants to read the blobs.
 * @param scratch a folder of this process in the same file system
 */
export async function writeLayout(folder: string, scratch: string): Promise<void> {
  const files = {
    'oci-layout': { imageLayoutVersion: '1.0.0' },
    'index.json': { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [] },
  };
  for (const [name, content] of Object.entries(files)) {
    if (await unlessMissing(stat(join(folder, name)))) continue;
    const path = join(scratch, name);
    await writeFile(path, `${JSON.stringify(content)}\n`);
    await rename(path, join(folder, name));
  }
}
