import type { ServerResponse } from 'node:http';
import { handedOver, type Sending } from './send-body';

/** Bytes waiting for the client's connection, above which the source is not asked for more. */
const HIGH_WATER = 256 * 1024;

/**
 * Sends pieces as they are.
 * @returns false where the client takes nothing
 */
export async function sendPieces(
  sending: Sending,
  source: AsyncIterable<Uint8Array | readonly Uint8Array[]>,
): Promise<boolean> {
  const { res, client } = sending;
  for await (const piece of source) {
    if (res.destroyed || handedOver(sending, write(res, piece))) break;
    if (res.writableLength >= HIGH_WATER && !(await drained(res, client))) return res.destroyed;
  }
  return true;
}

function write(res: ServerResponse, piece: Uint8Array | readonly Uint8Array[]): number {
  if (piece instanceof Uint8Array) {
    res.write(piece);
    return piece.length;
  }
  let bytes = 0;
  res.cork();
  for (const chunk of piece) {
    res.write(chunk);
    bytes += chunk.length;
  }
  res.uncork();
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
