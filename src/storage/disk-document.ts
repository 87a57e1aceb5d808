import type { Stats } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { unlessMissing } from './disk-errors';
import { type Document, MAX_FRAME_BYTES, unframe } from './document-frame';
import { named } from './key';
import type { Entry } from './store';

export interface StoredDocument extends Document {
  readonly stats: Stats;
}

/** Undefined for a file that is wrong, or gone. */
export async function readDocument(path: string, stats: Stats): Promise<StoredDocument | undefined> {
  if (!stats.isFile() || stats.size > MAX_FRAME_BYTES) return undefined;
  const file = await unlessMissing(readFile(path));
  const document = file && unframe(file);
  return document && { ...document, stats };
}

export function entryOfDocument(found: StoredDocument | undefined): Entry | undefined {
  return found && { key: named(found.name), size: found.body.length, usedAt: found.stats.mtimeMs, head: found.head };
}
