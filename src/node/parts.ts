import type { Lanes } from './lanes';
import type { Part } from './part';

/** Bytes that are read ahead of who reads, over the connection whose turn it is. */
export const READ_AHEAD = 1024 * 1024;

export interface PartsOptions {
  /** The body so far: all of it. */
  readonly first: Part;
  /** Makes a part that has not begun. */
  readonly make: (first: number, end: number, limit: number) => Part;
  readonly lanes: Lanes;
}

/**
 * The parts of a body in their order. The first one is being read; what lies in those behind it is held, and has been
 * reserved before it was asked for.
 */
export class Parts {
  readonly #options: PartsOptions;
  readonly #list: Part[];
  readonly #reserved = new Map<Part, number>();
  readonly #end: number;
  /** The byte behind the last one that some part has. */
  #frontier: number;

  constructor(options: PartsOptions) {
    this.#options = options;
    this.#list = [options.first];
    this.#end = options.first.end;
    this.#frontier = this.#end;
  }

  /** The one that is being read. */
  get front(): Part {
    return this.#list[0];
  }

  get others(): readonly Part[] {
    return this.#list.slice(1);
  }

  /** There is one part, and it goes to the end. */
  get isOne(): boolean {
    return this.#list.length === 1 && this.rest === 0;
  }

  /** Bytes that are in no part yet. */
  get rest(): number {
    return this.#frontier === this.#end ? 0 : this.#end - this.#frontier;
  }

  get running(): number {
    return this.#list.filter(({ state }) => state === 'running').length;
  }

  get reserved(): number {
    return [...this.#reserved.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  /** What comes next; undefined where nothing is here yet. */
  take(): Buffer | undefined {
    for (;;) {
      const { front } = this;
      const chunk = front.take();
      if (chunk) {
        this.#shrink(front);
        return chunk;
      }
      if (front.state !== 'whole' || this.#list.length === 1) return undefined;
      this.#list.shift();
      this.#lead();
    }
  }

  /** The one part ends there, and the rest is in none. */
  split(at: number): void {
    this.front.trim(at);
    this.#frontier = at;
  }

  /** Begins the next part; false where there is no memory for it. */
  add(size: number): boolean {
    const { make, lanes } = this.#options;
    if (!lanes.reserve(size)) return false;
    const part = make(this.#frontier, this.#frontier + size, Number.POSITIVE_INFINITY);
    this.#reserved.set(part, size);
    this.#list.push(part);
    this.#frontier += size;
    part.fetch(true);
    return true;
  }

  /** The last part takes the rest upon it, where its response brings it anyway. */
  extend(): void {
    if (this.#list[this.#list.length - 1].extend(this.#end)) this.#frontier = this.#end;
  }

  /** All the rest is one part. @param isBeside asked for as one of several */
  addRest(isBeside: boolean): void {
    const part = this.#options.make(this.#frontier, this.#end, READ_AHEAD);
    this.#list.push(part);
    this.#frontier = this.#end;
    part.fetch(isBeside);
  }

  /**
   * What was to come beside others and did not come is left to the part before it or, later, to one of its own.
   * @returns the parts that failed
   */
  mend(): Part[] {
    const failed = this.#list.filter(({ state, isBeside }) => state === 'failed' && isBeside);
    for (const part of failed) {
      const hole = this.#options.make(part.next, part.end, READ_AHEAD);
      part.settle();
      this.#shrink(part);
      this.#list.splice(this.#list.indexOf(part), 1, ...(part.held === 0 ? [hole] : [part, hole]));
    }
    if (failed.length > 0) this.#closeHoles();
    return failed;
  }

  close(): void {
    for (const part of this.#list) part.close();
    for (const part of [...this.#reserved.keys()]) this.#shrink(part);
  }

  #closeHoles(): void {
    for (let at = 1; at < this.#list.length; ) {
      const [before, hole] = this.#list.slice(at - 1);
      if (hole.state !== 'idle') at += 1;
      else if (before.state === 'idle') {
        this.#list.splice(at - 1, 2, this.#options.make(before.next, hole.end, READ_AHEAD));
      } else if (before.extend(hole.end)) this.#list.splice(at, 1);
      else at += 1;
    }
    const last = this.#list[this.#list.length - 1];
    if (last.state === 'idle' && last !== this.front) {
      this.#frontier = last.next;
      this.#list.pop();
    }
    if (this.front.state === 'idle') this.#lead();
  }

  #lead(): void {
    const { front } = this;
    front.narrow(READ_AHEAD);
    this.#shrink(front);
    if (front.state === 'idle') front.fetch(false);
  }

  /** Gives back what this part will not need any more: nothing that comes from now on, where it is being read. */
  #shrink(part: Part): void {
    const reserved = this.#reserved.get(part);
    if (reserved === undefined) return;
    const kept = Math.min(reserved, part.held);
    this.#options.lanes.free(reserved - kept);
    if (kept === 0) this.#reserved.delete(part);
    else this.#reserved.set(part, kept);
  }
}
