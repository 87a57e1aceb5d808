import type { ServerResponse } from 'node:http';
import type { Reading } from '../storage/store';
import { sendFilled } from './send-filled';
import { sendPieces } from './send-pieces';

export interface SendResult {
  readonly bytes: number;
  /** Why it is not whole. */
  readonly why?: string;
  readonly isLeft?: boolean;
}

/** What can be sent: pieces, one by one or several together, or what fills a buffer (storage/store.ts). */
export type BodySource = AsyncIterable<Uint8Array | readonly Uint8Array[]> & Pick<Partial<Reading>, 'fill' | 'close'>;

/**
 * Sends a body at the client's pace and ends the response; one that does not come whole is cut instead, never ended (invariant 2).
 * @param expected bytes
 * @param client milliseconds in which the client takes no byte; 0 for no limit
 */
export async function sendBody(
  res: ServerResponse,
  source: BodySource,
  expected: number,
  client: number,
): Promise<SendResult> {
  const sent = { bytes: 0 };
  let why: string | undefined;
  try {
    const isTaken = await (source.fill
      ? sendFilled(res, source as Pick<Reading, 'fill' | 'close'>, sent, client)
      : sendPieces(res, source, expected, sent, client));
    if (!isTaken) why = `the client took no byte for ${client / 1000} s`;
    else if (sent.bytes < expected) why = 'the body ended early';
  } catch (error) {
    why = error instanceof Error ? error.message : String(error);
  }
  if (res.destroyed) return { bytes: sent.bytes, isLeft: true };
  if (why === undefined && sent.bytes === expected) res.end();
  else res.destroy();
  return { bytes: sent.bytes, why };
}
