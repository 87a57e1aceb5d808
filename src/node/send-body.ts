import type { ServerResponse } from 'node:http';
import type { Reading } from '../storage/store';
import { cut } from './cut';
import { sendFilled } from './send-filled';
import { sendPieces } from './send-pieces';

/** What can be sent: pieces, one by one or several together, or what fills a buffer (storage/store.ts). */
export interface BodySource extends AsyncIterable<Uint8Array | readonly Uint8Array[]> {
  readonly fill?: Reading['fill'];
  close?(): void | Promise<void>;
}

/** How far a response has got. */
export interface Sending {
  readonly res: ServerResponse;
  /** Bytes that the body has, those included that `record` has counted before. */
  readonly expected: number;
  /** Milliseconds in which the client takes no byte; 0 for no limit. */
  readonly client: number;
  /** Counts what has been handed over, and says why it is not all. */
  readonly record: { bytes: number; why?: string; isCut?: boolean };
}

/**
 * Sends a body at the client's pace. The response is ended with its last byte: clients leave when they have it. One that does not
 * come whole is cut instead, never ended (invariant 2).
 */
export async function sendBody(sending: Sending, source: BodySource): Promise<void> {
  const { res, expected, client, record } = sending;
  try {
    const isTaken = await (source.fill
      ? sendFilled(sending, source as Required<Pick<Reading, 'fill' | 'close'>>)
      : sendPieces(sending, source));
    if (!isTaken) record.why = `the client took no byte for ${client / 1000} s`;
    else if (record.bytes < expected && !res.destroyed) record.why = 'the body ended early';
  } catch (error) {
    if (!res.destroyed) record.why = error instanceof Error ? error.message : String(error);
  }
  if (expected === 0 && record.why === undefined) res.end();
  if (!res.writableEnded) cut(res, record);
}

/**
 * Takes note of bytes that have just been handed over.
 * @returns whether these were the last
 * @throws Error where there are more of them than were said
 */
export function handedOver({ res, expected, record }: Sending, bytes: number): boolean {
  record.bytes += bytes;
  if (record.bytes > expected) throw new Error('the body is longer than it should be');
  if (record.bytes === expected) res.end();
  return record.bytes === expected;
}
