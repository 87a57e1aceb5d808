import {
  isFaster,
  isStraggler,
  isWorthSpreading,
  MAX_BUSY_WAITING,
  MIN_WAITING,
  type Pace,
  type Sight,
  segmentSize,
  TRIAL_TIME,
} from '../core/parallel';
import type { Lanes } from './lanes';
import type { Parts } from './parts';

/** Looks at the front part before it may be called slow. */
const MIN_LOOKS = 6;

export interface SpreadOptions {
  readonly parts: Parts;
  /** Upstream connections at most. */
  readonly connections: number;
  readonly lanes: Lanes;
  /** Where the body comes from. */
  readonly host: string;
  /** What was seen of the body so far. */
  readonly pace: Pace;
}

/** Decides when a body comes over several connections, and when over one again. */
export class Spread {
  readonly #options: SpreadOptions;
  readonly #pace: Pace;
  #state: 'one' | 'many' | 'ending' = 'one';
  /** It counts among the bodies that share the memory. */
  #isIn = false;
  /** A part did not come: there will be no further one. */
  #isBroken = false;
  /** Bytes a millisecond over one connection. */
  #alone = 0;
  /** Since the first byte over a further connection. */
  #trial: { elapsed: number; bytes: number } | undefined;
  #isJudged = false;
  #peak = 1;
  #front: { part: unknown; looks: number } | undefined;

  constructor(options: SpreadOptions) {
    this.#options = options;
    this.#pace = options.pace;
  }

  /** Connections at once, at most, so far. */
  get peak(): number {
    return this.#peak;
  }

  look(sight: Sight): void {
    const { parts } = this.#options;
    this.#pace.look(sight);
    for (const part of [parts.front, ...parts.others]) part.look(sight.elapsed);
    if (this.#state === 'one') this.#begin();
    else if (this.#state === 'many') this.#judge(sight);
    this.advance();
  }

  /** Does what is to be done after a part has ended, or another one is being read. */
  advance(): void {
    const { parts } = this.#options;
    for (const { isMisfit } of parts.mend()) {
      if (isMisfit) this.#noteFutile();
      this.#isBroken = true;
      this.#state = 'ending';
    }
    if (this.#state === 'many') this.#fill();
    if (this.#state === 'ending') {
      parts.extend();
      if (parts.rest > 0 && parts.others.length === 0) parts.addRest(!this.#isBroken);
    }
    this.#peak = Math.max(this.#peak, parts.running);
    if (!parts.isOne) return;
    this.#state = 'one';
    this.#leave();
  }

  close(): void {
    this.#state = 'one';
    this.#isBroken = true;
    this.#leave();
  }

  #leave(): void {
    if (this.#isIn) this.#options.lanes.leave();
    this.#isIn = false;
  }

  #begin(): void {
    const { parts, connections, lanes, host } = this.#options;
    const { front } = parts;
    if (this.#isBroken || !parts.isOne || front.state !== 'running' || lanes.futile.has(host, performance.now()))
      return;
    const rest = front.end - front.next;
    if (!isWorthSpreading(this.#pace, rest)) return;
    lanes.enter();
    this.#isIn = true;
    const size = segmentSize({ rest, connections, rate: this.#pace.rate, share: lanes.share });
    if (size === 0 || size >= rest || !lanes.hasRoom(size)) {
      this.#leave();
      return;
    }
    this.#state = 'many';
    this.#alone = this.#pace.rate;
    this.#trial = undefined;
    this.#isJudged = false;
    parts.split(front.next + size);
  }

  #fill(): void {
    const { parts, connections, lanes } = this.#options;
    while (parts.rest > 0 && parts.running < connections) {
      const rate = this.#pace.rate / Math.max(1, parts.running);
      const size = segmentSize({ rest: parts.rest, connections, rate, share: lanes.share });
      if (size === 0 || parts.reserved + size > lanes.share || !parts.add(size)) break;
    }
    // Others have all the memory: one connection needs none.
    if (parts.rest > 0 && parts.others.length === 0) this.#state = 'ending';
  }

  #judge(sight: Sight): void {
    const { parts } = this.#options;
    if (this.#pace.waiting < MAX_BUSY_WAITING) {
      this.#state = 'ending';
      return;
    }
    this.#hurry();
    if (this.#isJudged) return;
    if (!this.#trial) {
      if (parts.others.some(({ held }) => held > 0)) this.#trial = { elapsed: 0, bytes: 0 };
      return;
    }
    this.#trial.elapsed += sight.elapsed;
    this.#trial.bytes += sight.bytes;
    if (this.#trial.elapsed < TRIAL_TIME) return;
    this.#isJudged = true;
    if (isFaster(this.#alone, this.#trial.bytes / this.#trial.elapsed)) return;
    this.#noteFutile();
    this.#state = 'ending';
  }

  /** Where everything waits for one slow connection, its part is asked for again. */
  #hurry(): void {
    const { parts } = this.#options;
    const { front } = parts;
    if (this.#front?.part !== front) this.#front = { part: front, looks: 0 };
    this.#front.looks += 1;
    if (this.#front.looks < MIN_LOOKS || this.#pace.waiting < MIN_WAITING || front.state !== 'running') return;
    const rates = parts.others.map(({ pace }) => pace.rate).filter((rate) => rate > 0);
    const usual = rates.sort((a, b) => a - b)[rates.length >> 1] ?? 0;
    if (!isStraggler(front.pace.rate, usual, front.end - front.next)) return;
    front.repeat();
    this.#front = undefined;
  }

  #noteFutile(): void {
    const { lanes, host } = this.#options;
    lanes.futile.note(host, performance.now());
  }
}
