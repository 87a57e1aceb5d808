/** Milliseconds between two looks at a body on its way. */
export const LOOK_INTERVAL = 250;

/** Per cent of the time in which the reader waits for the upstream, from which on the upstream is what limits a body. */
export const MIN_WAITING = 60;

/** Below this one the reader is what limits it. */
export const MAX_BUSY_WAITING = 20;

/** Per cent of the time in which we ourselves are at work, above which further connections only add to it. */
export const MAX_LOAD = 80;

/** Milliseconds that the rest must take by one connection: a connection more needs a few round trips to be of use. */
export const MIN_REST_TIME = 1000;

/** Bytes of the rest below which no further connection is asked. */
export const MIN_REST = 1024 * 1024;

/** Bytes a second above which one connection is no bottleneck, and processor and memory are. */
export const FAST_ENOUGH = 100 * 1024 * 1024;

/** Bytes of a segment, at least and at most. */
export const MIN_SEGMENT = 256 * 1024;
export const MAX_SEGMENT = 4 * 1024 * 1024;

/** Milliseconds that a segment should take at least, and at most. */
const SEGMENT_TIME = [250, 2000] as const;

/** Segments that may be held for each connection: with one only, every connection would wait for the slowest. */
const HELD_SEGMENTS = 1.5;

/** Milliseconds after the first byte over a further connection when it is judged whether they help. */
export const TRIAL_TIME = 1000;

/** Per cent of the rate of one connection that they must reach together. */
export const MIN_SPEEDUP = 125;

/** How many times slower than the others a connection is that holds them up. */
const STRAGGLING = 4;

/** Milliseconds that asking again elsewhere must save. */
const MIN_SAVING = 1000;

/** What was seen of a body since the last look. */
export interface Sight {
  /** Milliseconds. */
  readonly elapsed: number;
  /** Milliseconds in which the reader waited for the upstream. */
  readonly waited: number;
  /** Milliseconds in which the program had something to do. */
  readonly busy: number;
  readonly bytes: number;
}

/** The pace of a body, where every look counts half as much as the one after it. */
export class Pace {
  #seen: Sight = { elapsed: 0, waited: 0, busy: 0, bytes: 0 };

  look({ elapsed, waited, busy, bytes }: Sight): void {
    this.#seen = {
      elapsed: this.#seen.elapsed / 2 + elapsed,
      waited: this.#seen.waited / 2 + waited,
      busy: this.#seen.busy / 2 + busy,
      bytes: this.#seen.bytes / 2 + bytes,
    };
  }

  /** Bytes a millisecond, while the reader waited for the upstream. */
  get rate(): number {
    return this.#seen.waited === 0 ? 0 : this.#seen.bytes / this.#seen.waited;
  }

  /** Per cent of the time in which the reader waited for the upstream. */
  get waiting(): number {
    return this.#seen.elapsed === 0 ? 0 : (100 * this.#seen.waited) / this.#seen.elapsed;
  }

  /** Per cent of the time in which the program had something to do. */
  get load(): number {
    return this.#seen.elapsed === 0 ? 0 : (100 * this.#seen.busy) / this.#seen.elapsed;
  }
}

/**
 * Whether to fetch the rest of a body over several connections.
 * @param rest bytes that are missing
 */
export function isWorthSpreading({ rate, waiting, load }: Pace, rest: number): boolean {
  const isLimited = waiting >= MIN_WAITING && load <= MAX_LOAD && rate > 0 && rate * 1000 <= FAST_ENOUGH;
  return isLimited && rest >= MIN_REST && rest / rate > MIN_REST_TIME;
}

export interface Room {
  /** Bytes that nobody fetches yet. */
  readonly rest: number;
  readonly connections: number;
  /** Bytes a millisecond of one connection. */
  readonly rate: number;
  /** Bytes that this body may hold. */
  readonly share: number;
}

/**
 * Bytes of the next segment; 0 where there is no room for one. Towards the end segments get smaller, so that all
 * connections end at about the same time.
 */
export function segmentSize({ rest, connections, rate, share }: Room): number {
  const [atLeast, atMost] = SEGMENT_TIME;
  const wanted = Math.min(rate * atMost, Math.max(rest / (2 * connections), rate * atLeast));
  const room = Math.min(MAX_SEGMENT, share / (HELD_SEGMENTS * connections));
  const size = Math.floor(Math.max(MIN_SEGMENT, Math.min(wanted, room)));
  if (size > share) return 0;
  return rest - size < MIN_SEGMENT && rest <= share ? rest : Math.min(size, rest);
}

/** Whether several connections are worth it. Rates in bytes a millisecond. */
export function isFaster(alone: number, together: number): boolean {
  return together * 100 >= MIN_SPEEDUP * alone;
}

/**
 * Whether the connection that everything waits for is so slow that its rest is asked for again elsewhere.
 * @param rate bytes a millisecond, of this one
 * @param usual of the others
 * @param rest bytes that it still has to bring
 */
export function isStraggler(rate: number, usual: number, rest: number): boolean {
  if (usual === 0 || rate * STRAGGLING > usual) return false;
  return rate === 0 || rest / rate - rest / usual > MIN_SAVING;
}
