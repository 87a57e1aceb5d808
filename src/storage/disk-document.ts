import { createHash } from 'node:crypto';
import type { Stats } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { unlessMissing } from './disk-errors';
import { named } from './key';
import { type Entry, type Head, MAX_DOCUMENT_BYTES, MAX_HEAD_BYTES } from './store';

/** Bytes of a document's file at most: mark, name, head and body. */
const MAX_DOCUMENT_FILE = MAX_DOCUMENT_BYTES + MAX_HEAD_BYTES + 32 * 1024;

const MARK = 'document 1 sha256:';

export interface Document {
  readonly name: string;
  readonly head: Head | undefined;
  readonly body: Uint8Array;
}

export interface StoredDocument extends Document {
  readonly stats: Stats;
}

/**
 * One line with a hash of everything after it, one of JSON, and the body. The hash stands for what a blob's name is to a blob: a file
 * that was cut or changed is known for one, so that documents need no fsync.
 */
export function frame({ name, head, body }: Document): Uint8Array {
  const rest = Buffer.concat([Buffer.from(`${JSON.stringify({ name, head })}\n`), body]);
  return Buffer.concat([Buffer.from(`${MARK}${hashOf(rest)}\n`), rest]);
}

/** Undefined where it is not what `frame` made. */
export function unframe(file: Uint8Array): Document | undefined {
  const whole = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const begin = whole.indexOf('\n') + 1;
  const rest = whole.subarray(begin);
  if (begin === 0 || whole.toString('latin1', 0, begin) !== `${MARK}${hashOf(rest)}\n`) return undefined;
  const end = rest.indexOf('\n');
  const { name, head } = JSON.parse(rest.toString('utf8', 0, end));
  return { name, head, body: rest.subarray(end + 1) };
}

/** Undefined for a file that is wrong, or gone. */
export async function readDocument(path: string, stats: Stats): Promise<StoredDocument | undefined> {
  if (!stats.isFile() || stats.size > MAX_DOCUMENT_FILE) return undefined;
  const file = await unlessMissing(readFile(path));
  const document = file && unframe(file);
  return document && { ...document, stats };
}

export function entryOfDocument(found: StoredDocument | undefined): Entry | undefined {
  return found && { key: named(found.name), size: found.body.length, usedAt: found.stats.mtimeMs, head: found.head };
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
