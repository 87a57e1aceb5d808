import type { Extent } from './range';
import type { Entry, Reading } from './store';

/** A reading of what is in memory already. */
export class PiecesReading implements Reading {
  readonly entry: Entry;
  readonly first: number;
  readonly last: number;
  readonly #pieces: AsyncGenerator<Uint8Array>;

  constructor(entry: Entry, extent: Extent, pieces: Iterable<Uint8Array>) {
    this.entry = entry;
    this.first = extent.first;
    this.last = extent.last;
    this.#pieces = eachOf(pieces);
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this.#pieces;
  }

  async close(): Promise<void> {
    await this.#pieces.return(undefined);
  }
}

export async function* eachOf(pieces: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* pieces;
}
