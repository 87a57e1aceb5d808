import type { ServerResponse } from 'node:http';
import { MAX_TOGETHER } from './pump';
import { type BodySource, handedOver, type Sending } from './send-body';

/**
 * Sends pieces as they are, those of one turn of the loop together.
 * @returns false where the client takes nothing
 */
export async function sendPieces(sending: Sending, source: BodySource): Promise<boolean> {
  const { res, client, expected, record } = sending;
  let isCorked = false;
  const uncork = () => {
    if (isCorked) res.uncork();
    isCorked = false;
  };
  // A loop that waits for the next piece does not see the client leave.
  const onClose = () => void source.close?.();
  res.on('close', onClose);
  try {
    for await (const piece of source) {
      if (res.destroyed) break;
      if (!isCorked) {
        isCorked = true;
        res.cork();
        setImmediate(uncork);
      }
      const bytes = write(res, piece);
      if (record.bytes + bytes >= expected) uncork();
      if (handedOver(sending, bytes)) break;
      if (res.writableLength < MAX_TOGETHER) continue;
      uncork();
      if (!(await drained(res, client))) return res.destroyed;
    }
    return true;
  } finally {
    uncork();
    res.off('close', onClose);
  }
}

function write(res: ServerResponse, piece: Uint8Array | readonly Uint8Array[]): number {
  if (piece instanceof Uint8Array) {
    res.write(piece);
    return piece.length;
  }
  let bytes = 0;
  for (const chunk of piece) {
    res.write(chunk);
    bytes += chunk.length;
  }
  return bytes;
}

/** False where the client has left, or takes nothing. */
function drained(res: ServerResponse, client: number): Promise<boolean> {
  return new Promise((resolve) => {
    if (res.destroyed) return resolve(false);
    if (!res.writableNeedDrain) return resolve(true);
    const finish = (isDrained: boolean) => {
      clearTimeout(timer);
      res.off('drain', onDrain).off('close', onClose);
      resolve(isDrained);
    };
    const onDrain = () => finish(true);
    const onClose = () => finish(false);
    const timer = client > 0 ? setTimeout(() => finish(false), client) : undefined;
    res.on('drain', onDrain).on('close', onClose);
    return undefined;
  });
}
