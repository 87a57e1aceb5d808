import type { Extent } from './range';

/** Bytes of a block: many small chunks do not become many small objects. */
const BLOCK_BYTES = 64 * 1024;

/** Bytes in memory that only grow, kept in pieces, since nobody has one piece of a whole body's size to spare. */
export class Blocks {
  readonly #blocks: Uint8Array[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Copies: the chunk is the caller's again. */
  append(chunk: Uint8Array): void {
    for (let taken = 0; taken < chunk.length; ) {
      const used = this.#size % BLOCK_BYTES;
      if (used === 0) this.#blocks.push(new Uint8Array(BLOCK_BYTES));
      const piece = chunk.subarray(taken, taken + BLOCK_BYTES - used);
      (this.#blocks.at(-1) as Uint8Array).set(piece, used);
      taken += piece.length;
      this.#size += piece.length;
    }
  }

  /** Gives back what the last block has too much: a small entry costs what it holds. */
  trim(): void {
    const used = this.#size % BLOCK_BYTES;
    const last = this.#blocks.at(-1);
    if (last && used > 0) this.#blocks[this.#blocks.length - 1] = last.slice(0, used);
  }

  *read({ first, last }: Extent): Generator<Uint8Array> {
    for (let position = first; position <= last; ) {
      const start = position % BLOCK_BYTES;
      const block = this.#blocks[Math.floor(position / BLOCK_BYTES)] as Uint8Array;
      const piece = block.subarray(start, Math.min(BLOCK_BYTES, start + last - position + 1));
      position += piece.length;
      yield piece;
    }
  }
}
