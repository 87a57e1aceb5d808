import { sha256 } from '@noble/hashes/sha2';
import { bytesToHex } from '@noble/hashes/utils';
import { type Head, MAX_DOCUMENT_BYTES, MAX_HEAD_BYTES } from './store';

/** Bytes of a framed document at most: mark, name, head and body. */
export const MAX_FRAME_BYTES = MAX_DOCUMENT_BYTES + MAX_HEAD_BYTES + 32 * 1024;

const MARK = 'document 1 sha256:';

const LINE_FEED = 10;

export interface Document {
  readonly name: string;
  readonly head: Head | undefined;
  readonly body: Uint8Array;
}

/**
 * One line with a hash of everything after it, one of JSON, and the body. The hash stands for what a blob's name is to a blob: a file
 * that was cut or changed is known for one, so that documents need no fsync.
 */
export function frame({ name, head, body }: Document): Uint8Array {
  const line = new TextEncoder().encode(`${JSON.stringify({ name, head })}\n`);
  const mark = markOf(line, body);
  const file = new Uint8Array(mark.length + line.length + body.length);
  file.set(mark);
  file.set(line, mark.length);
  file.set(body, mark.length + line.length);
  return file;
}

/** Undefined where it is not what `frame` made. */
export function unframe(file: Uint8Array): Document | undefined {
  const begin = file.indexOf(LINE_FEED) + 1;
  const rest = file.subarray(begin);
  if (begin === 0 || !isSame(file.subarray(0, begin), markOf(rest))) return undefined;
  const end = rest.indexOf(LINE_FEED);
  const { name, head } = JSON.parse(new TextDecoder().decode(rest.subarray(0, end)));
  return { name, head, body: rest.subarray(end + 1) };
}

function markOf(...parts: Uint8Array[]): Uint8Array {
  const hash = sha256.create();
  for (const part of parts) hash.update(part);
  return new TextEncoder().encode(`${MARK}${bytesToHex(hash.digest())}\n`);
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}
