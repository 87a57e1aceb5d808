import { createHash } from 'node:crypto';
import { type Head, MAX_DOCUMENT_BYTES, MAX_HEAD_BYTES } from './store';

/** Bytes of a framed document at most: mark, name, head and body. */
export const MAX_FRAME_BYTES = MAX_DOCUMENT_BYTES + MAX_HEAD_BYTES + 32 * 1024;

const MARK = 'document 1 sha256:';

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

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
