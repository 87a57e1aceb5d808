import type { Reach, Seen } from '../core/doctor/evidence';
import type { HeaderList } from '../core/headers';
import type { Url } from '../core/url';

/** A request that a walk makes. */
export interface Question {
  readonly method: string;
  readonly url: Url;
  readonly headers: HeaderList;
  /** Bytes of the answer's body that are read at most; the rest is given up. */
  readonly take: number;
  /** Of those, from the first on, how many are handed back. */
  readonly keep: number;
  /** Algorithm of the digest that is wanted of a whole body: `sha256`, `sha512`. */
  readonly hash?: string;
  /** Bytes that are sent as a body, each of them 0. */
  readonly body?: number;
}

/** Why what a redirect leads to is not asked for. */
export const OVERSPENT = 'the daily budget of its registry is used up';

/** How a walk asks: over the network, or inside of a runtime. Never fails: what goes wrong is part of what was seen. */
export interface Door {
  ask(question: Question): Promise<Seen>;
  /** Where names, connections and certificates can be looked at. */
  reach?(url: Url): Promise<Reach>;
}
