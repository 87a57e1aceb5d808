import type { ServerResponse } from 'node:http';
import type { Reading } from '../storage/store';

/** Bytes of a buffer: fewer cost a system call each, more leave the processor's cache. */
const BUFFER_BYTES = 256 * 1024;

/** While one is sent, the next is filled. */
const BUFFERS = 2;

/**
 * Sends a body through buffers that are used again and again: new ones for each piece cost half as much as all the rest, measured.
 * What `sent` counts is right also where this throws.
 * @param client milliseconds in which the client takes no byte; 0 for no limit
 * @returns false where the client takes nothing
 */
export async function sendFilled(
  res: ServerResponse,
  reading: Pick<Reading, 'fill' | 'close'>,
  sent: { bytes: number },
  client: number,
): Promise<boolean> {
  const fill = reading.fill as NonNullable<Reading['fill']>;
  const free = Array.from({ length: BUFFERS }, () => Buffer.allocUnsafeSlow(BUFFER_BYTES));
  let wake = () => {};
  const onClose = () => wake();
  res.on('close', onClose);
  try {
    while (!res.destroyed) {
      if (free.length === 0 && !(await given(client, (resolve) => (wake = resolve)))) return res.destroyed;
      const buffer = free.pop();
      // The client has left.
      if (!buffer) break;
      const bytes = await fill(buffer);
      if (bytes === 0) break;
      sent.bytes += bytes;
      res.write(buffer.subarray(0, bytes), () => {
        free.push(buffer);
        wake();
      });
    }
    return true;
  } finally {
    res.off('close', onClose);
    await reading.close();
  }
}

/** False where nobody wakes it in time. */
function given(limit: number, wait: (resolve: () => void) => void): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = limit > 0 ? setTimeout(() => resolve(false), limit) : undefined;
    wait(() => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}
