import type { ServerResponse } from 'node:http';

/** Bytes waiting for the client's connection, above which the source is not asked for more. */
const HIGH_WATER = 256 * 1024;

/**
 * Sends pieces as they are. What `sent` counts is right also where this throws.
 * @param client milliseconds in which the client takes no byte; 0 for no limit
 * @returns false where the client takes nothing
 */
export async function sendPieces(
  res: ServerResponse,
  source: AsyncIterable<Uint8Array | readonly Uint8Array[]>,
  expected: number,
  sent: { bytes: number },
  client: number,
): Promise<boolean> {
  for await (const piece of source) {
    if (res.destroyed) break;
    sent.bytes += write(res, piece);
    // The end of it leaves together with the last piece.
    if (sent.bytes >= expected || res.writableLength < HIGH_WATER) continue;
    if (!(await drained(res, client))) return res.destroyed;
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
