import type { IncomingMessage } from 'node:http';
import type { Resumption } from '../core/resume';
import type { GiveUp, Span } from '../core/verbs';
import { type Continuation, continueBody } from '../shell/continuation';
import type { ErrandRecord } from '../shell/record';
import { carrierOf, type Errand } from './errand';

export interface SupplyOptions {
  readonly errand: Errand;
  readonly span: Span;
  /** Makes what continues a span after a cut. */
  readonly resumption?: (span: Span) => Resumption | undefined;
  /** Strong entity tag of the body, where it has one. */
  readonly etag?: string;
}

/** Asks upstreams for the next bytes of a span, as often as they break off. */
export class Supply {
  readonly #options: SupplyOptions;
  /** Of its own, since the reasons of several parts are not each other's. */
  readonly #record: ErrandRecord;
  #resumption: Resumption | undefined;
  /** The end that it was made for. */
  #end: number | undefined;
  #asks: 'rest' | 'part' | 'again' = 'again';
  #isBeside = false;

  constructor(options: SupplyOptions) {
    this.#options = options;
    this.#record = { resumed: 0, trace: options.errand.record.trace };
  }

  /** What was asked for last stands beside other parts. */
  get isBeside(): boolean {
    return this.#isBeside;
  }

  /** The next request is none after a cut. @param isBeside it is for one of several parts */
  renew(isBeside: boolean): void {
    this.#isBeside = isBeside;
    this.#asks = isBeside ? 'part' : 'rest';
  }

  /**
   * @param next the byte to begin with
   * @param end the one behind the last
   */
  async next(next: number, end: number): Promise<Continuation<IncomingMessage> | GiveUp> {
    const { span, etag } = this.#options;
    const resumption = this.#obtain(end);
    if (!resumption) return { verb: 'give-up', why: this.#record.why ?? 'the upstream ended early', final: true };
    const asks = this.#asks;
    this.#asks = 'again';
    const errand = { ...this.#options.errand, record: this.#record };
    const received = next - span.first;
    const found = await continueBody({
      carrier: carrierOf(errand),
      record: this.#record,
      signal: errand.signal,
      resumption,
      received,
      first: asks === 'part' ? resumption.onPart(received, etag) : undefined,
    });
    this.#note(found.verb === 'continue' && asks === 'again');
    return found;
  }

  /** The body broke off. */
  onCut(why: string): void {
    this.#record.why = why;
    this.#note(false);
  }

  #obtain(end: number): Resumption | undefined {
    if (this.#end === end) return this.#resumption;
    const { span, resumption } = this.#options;
    this.#end = end;
    this.#resumption = resumption?.({ ...span, last: end === Number.POSITIVE_INFINITY ? undefined : end - 1 });
    return this.#resumption;
  }

  #note(isResumed: boolean): void {
    const { record } = this.#options.errand;
    record.why = this.#record.why ?? record.why;
    record.upstream = this.#record.upstream ?? record.upstream;
    if (isResumed) record.resumed += 1;
  }
}
