/** The last bytes that came of a body, as they came: what readers at its end take without a detour over a disk. */
export class Window {
  /** Bytes held; at least the last chunk. */
  limit: number;
  #chunks: Uint8Array[] = [];
  #start = 0;
  #end = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** The first byte that is held. */
  get start(): number {
    return this.#start;
  }

  /** One behind the last. */
  get end(): number {
    return this.#end;
  }

  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#end += chunk.length;
    let dropped = 0;
    while (this.#end - this.#start > this.limit && dropped < this.#chunks.length - 1) {
      this.#start += this.#chunks[dropped].length;
      dropped += 1;
    }
    if (dropped > 0) this.#chunks = this.#chunks.slice(dropped);
  }

  /** What is held from `first` on, up to and without `end`. */
  from(first: number, end: number): Uint8Array[] {
    const found: Uint8Array[] = [];
    let position = this.#end;
    for (let index = this.#chunks.length - 1; index >= 0 && position > first; index -= 1) {
      const chunk = this.#chunks[index];
      const begin = position - chunk.length;
      if (begin < end) found.push(chunk.subarray(Math.max(0, first - begin), Math.min(chunk.length, end - begin)));
      position = begin;
    }
    return found.reverse();
  }
}
