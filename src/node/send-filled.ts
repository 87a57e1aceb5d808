import type { Reading } from '../storage/store';
import { handedOver, type Sending } from './send-body';
import { takeBuffers } from './send-buffers';

/**
 * Sends a body through buffers that are used again and again: new ones for each piece cost half as much as all the rest, measured.
 * @returns false where the client takes nothing
 */
export async function sendFilled(
  sending: Sending,
  reading: Required<Pick<Reading, 'fill' | 'close'>>,
): Promise<boolean> {
  const { res, client, expected } = sending;
  const { free, giveBack } = takeBuffers(expected);
  const all = free.length;
  let wake = () => {};
  let isOver = false;
  const onClose = () => wake();
  res.on('close', onClose);
  try {
    while (!res.destroyed) {
      if (free.length === 0 && !(await woken(client, (resolve) => (wake = resolve)))) return res.destroyed;
      const buffer = free.pop();
      // The client has left.
      if (!buffer) break;
      const bytes = await reading.fill(buffer).catch((error) => {
        free.push(buffer);
        throw error;
      });
      if (bytes === 0) {
        free.push(buffer);
        break;
      }
      res.write(buffer.subarray(0, bytes), () => {
        free.push(buffer);
        if (isOver && free.length === all) giveBack();
        wake();
      });
      if (handedOver(sending, bytes)) break;
    }
    return true;
  } finally {
    isOver = true;
    res.off('close', onClose);
    if (free.length === all) giveBack();
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
