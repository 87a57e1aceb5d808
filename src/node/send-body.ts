import type { ServerResponse } from 'node:http';

export interface SendResult {
  readonly bytes: number;
  /** Why it is not whole. */
  readonly why?: string;
  readonly isLeft?: boolean;
}

/** Bytes waiting for the client's connection, above which the source is not asked for more. */
const HIGH_WATER = 256 * 1024;

/**
 * Sends a body at the client's pace and ends the response; one that does not come whole is cut instead, never ended (invariant 2).
 * @param expected bytes
 * @param client milliseconds in which the client takes no byte; 0 for no limit
 */
export async function sendBody(
  res: ServerResponse,
  source: AsyncIterable<Uint8Array | readonly Uint8Array[]>,
  expected: number,
  client: number,
): Promise<SendResult> {
  let bytes = 0;
  let why: string | undefined;
  try {
    for await (const piece of source) {
      if (res.destroyed) break;
      bytes += write(res, piece);
      // The end of it leaves together with the last piece.
      if (bytes >= expected || res.writableLength < HIGH_WATER) continue;
      if (!(await drained(res, client))) {
        if (!res.destroyed) why = `the client took no byte for ${client / 1000} s`;
        break;
      }
    }
    if (bytes < expected && !res.destroyed) why ??= 'the body ended early';
  } catch (error) {
    why = error instanceof Error ? error.message : String(error);
  }
  if (res.destroyed) return { bytes, isLeft: true };
  if (why === undefined && bytes === expected) res.end();
  else res.destroy();
  return { bytes, why };
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
