import type { Reading } from '../storage/store';
import { handedOver, type Sending } from './send-body';

/** Bytes of a buffer: fewer cost a system call each, more leave the processor's cache. */
const BUFFER_BYTES = 256 * 1024;

/** While one is sent, the next is filled. */
const BUFFERS = 2;

/**
 * Sends a body through buffers that are used again and again: new ones for each piece cost half as much as all the rest, measured.
 * @returns false where the client takes nothing
 */
export async function sendFilled(
  sending: Sending,
  reading: Required<Pick<Reading, 'fill' | 'close'>>,
): Promise<boolean> {
  const { res, client, expected } = sending;
  const size = Math.min(BUFFER_BYTES, expected);
  const free = Array.from({ length: BUFFERS }, () => Buffer.allocUnsafeSlow(size));
  let wake = () => {};
  const onClose = () => wake();
  res.on('close', onClose);
  try {
    while (!res.destroyed) {
      if (free.length === 0 && !(await woken(client, (resolve) => (wake = resolve)))) return res.destroyed;
      const buffer = free.pop();
      // The client has left.
      if (!buffer) break;
      const bytes = await reading.fill(buffer);
      if (bytes === 0) break;
      res.write(buffer.subarray(0, bytes), () => {
        free.push(buffer);
        wake();
      });
      if (handedOver(sending, bytes)) break;
    }
    return true;
  } finally {
    res.off('close', onClose);
    await reading.close();
  }
}

/** False where nobody wakes it in time. */
function woken(limit: number, wait: (resolve: () => void) => void): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = limit > 0 ? setTimeout(() => resolve(false), limit) : undefined;
    wait(() => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}
