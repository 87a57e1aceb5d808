import type { IncomingMessage } from 'node:http';

/** Counts bytes of a body as they are read. */
export interface Tally {
  value: number;
}

const tallies = new WeakMap<IncomingMessage, Tally>();

/** What is read of a body from now on is counted there: a listener of its own would begin to read it. */
export function tallyBody(body: IncomingMessage, tally: Tally): void {
  tallies.set(body, tally);
}

/** Where whoever reads a body counts its bytes; undefined where nobody wants to know. */
export function tallyOf(body: IncomingMessage): Tally | undefined {
  return tallies.get(body);
}
