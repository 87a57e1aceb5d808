import type { IncomingMessage } from 'node:http';
import { LOOK_INTERVAL, MIN_REST, Pace } from '../core/parallel';
import { strongValidator } from '../core/range';
import type { Resumption } from '../core/resume';
import type { Span } from '../core/verbs';
import type { Errand } from './errand';
import { responseHead } from './heads';
import { type Lanes, lanes as ownLanes } from './lanes';
import { loopActivity } from './loop-activity';
import { Part } from './part';
import { Parts, READ_AHEAD } from './parts';
import { Spread } from './spread';

export interface BodyOptions {
  readonly errand: Errand;
  /** Paused, its head checked: it carries the span from its first byte on. Where it is missing, the span is asked for. */
  readonly response?: IncomingMessage;
  readonly span: Span;
  /** Makes what continues a span, or a part of one, a fresh one at each call. */
  readonly resumption?: (span: Span) => Resumption | undefined;
  /** Milliseconds without a byte from upstream, while they are taken. */
  readonly stall: number;
  /** Upstream connections at most. */
  readonly connections: number;
  /** What bodies share; by default, those of this process. */
  readonly lanes?: Lanes;
  /** What was seen of this body before it was opened: several connections are begun at once where that says so. */
  readonly pace?: Pace;
}

/**
 * The bytes of a span, in order. The loop over them throws an `Error` where they cannot all be had; its message may be
 * logged. Leaving the loop closes the body.
 */
export interface Body extends AsyncIterable<Buffer> {
  /** Bytes given out. */
  readonly received: number;
  /** Ends every connection; a loop under way ends with an error. */
  close(): void;
}

/** Reads a body to its end, over as many connections as that takes and as it is worth. */
export function openBody(options: BodyOptions): Body {
  return new OrderedBody(options);
}

class OrderedBody implements Body {
  readonly #errand: Errand;
  readonly #leaving = new AbortController();
  readonly #parts: Parts;
  readonly #spread: Spread | undefined;
  readonly #timer: NodeJS.Timeout | undefined;
  #received = 0;
  /** Since the last look. */
  #arrived = 0;
  #waited = 0;
  #lookedAt = performance.now();
  #active = loopActivity();
  #waitsSince: number | undefined;
  #wake: () => void = () => {};

  constructor(options: BodyOptions) {
    const { errand, response, span, resumption, connections, pace, lanes = ownLanes } = options;
    this.#errand = errand;
    const inner = { ...errand, signal: this.#leaving.signal };
    const etag = response && strongValidator(responseHead(response).headers);
    const onChange = (bytes: number) => this.#onChange(bytes);
    const make = (part: Span, limit: number) =>
      new Part({ ...options, errand: inner, etag, span: part, limit, onChange });
    const first = make(span, READ_AHEAD);
    this.#parts = new Parts({
      first,
      make: (from, end, limit) => make({ ...span, first: from, last: end - 1 }, limit),
      lanes,
    });
    if (response) first.begin(response, pace === undefined);
    else first.fetch(false);
    errand.signal.addEventListener('abort', this.close, { once: true });
    const mayBeSpread =
      connections > 1 && resumption && Number.isFinite(first.end) && first.end - first.next >= MIN_REST;
    if (errand.signal.aborted) this.close();
    else if (mayBeSpread) {
      const host = errand.record.upstream ?? '';
      this.#spread = new Spread({ parts: this.#parts, connections, lanes, host, pace: pace ?? new Pace() });
      this.#timer = setInterval(() => this.#look(), LOOK_INTERVAL);
      if (pace) this.#look();
    }
  }

  get received(): number {
    return this.#received;
  }

  readonly close = (): void => {
    this.#errand.signal.removeEventListener('abort', this.close);
    clearInterval(this.#timer);
    this.#notePeak();
    this.#leaving.abort();
    this.#spread?.close();
    this.#parts.close();
    this.#wake();
  };

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    try {
      for (;;) {
        const chunk = this.#take();
        if (this.#leaving.signal.aborted) throw new Error('nobody waits for the body any more');
        if (chunk) {
          this.#received += chunk.length;
          yield chunk;
          continue;
        }
        const { front, isOne } = this.#parts;
        if (front.state === 'whole' && isOne) return;
        if (front.state === 'failed' && !front.isBeside) throw front.failure;
        await this.#change();
      }
    } finally {
      this.close();
    }
  }

  #take(): Buffer | undefined {
    const { front } = this.#parts;
    const chunk = this.#parts.take();
    if (this.#parts.front !== front) this.#spread?.advance();
    return chunk;
  }

  #onChange(bytes: number): void {
    this.#arrived += bytes;
    if (bytes === 0) this.#spread?.advance();
    this.#wake();
  }

  async #change(): Promise<void> {
    this.#waitsSince = performance.now();
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#waited += performance.now() - this.#waitsSince;
    this.#waitsSince = undefined;
  }

  #look(): void {
    const now = performance.now();
    const waited = this.#waited + (this.#waitsSince === undefined ? 0 : now - this.#waitsSince);
    const active = loopActivity();
    const busy = active - this.#active;
    this.#spread?.look({ elapsed: now - this.#lookedAt, waited, busy, bytes: this.#arrived });
    this.#active = active;
    if (this.#waitsSince !== undefined) this.#waitsSince = now;
    this.#lookedAt = now;
    this.#waited = 0;
    this.#arrived = 0;
    this.#notePeak();
  }

  #notePeak(): void {
    const { record } = this.#errand;
    const { peak = 1 } = this.#spread ?? {};
    if (peak > 1) record.connections = peak;
  }
}
