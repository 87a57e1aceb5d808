import type { Outcome } from '../core/cache-verbs';
import type { UpstreamHop } from '../core/doctor/evidence';
import type { Trace } from './trace';

/** What is said of an errand in the log. */
export interface ErrandRecord {
  why?: string;
  /** Continuations of its body. */
  resumed: number;
  /** Host that was asked last. */
  upstream?: string;
  /** Upstream connections that its body came over at once, where there were several. */
  connections?: number;
  /** What its requests to upstreams are part of. */
  readonly trace?: Trace;
}

/** What is known of a request for its line in the log. */
export interface RequestRecord extends ErrandRecord {
  readonly id: string;
  /** Of performance.now(). */
  readonly startedAt: number;
  /** Body bytes handed to the client's connection. */
  bytes: number;
  /** Milliseconds in which it waited for a place among its client's transfers. */
  waited: number;
  /** Set where the core is not asked. */
  route?: string;
  /** What the cache did. */
  cache?: Outcome;
  /** Present where somebody wants to know what is asked of upstreams for it. */
  hops?: UpstreamHop[];
}
