import type { IncomingMessage } from 'node:http';
import type { Resumption } from '../core/resume';
import type { Span } from '../core/verbs';
import { type Continuation, continueBody } from './continuation';
import { type Errand, sendErrand } from './errand';
import { Intake } from './intake';

export interface PartOptions {
  readonly errand: Errand;
  readonly span: Span;
  /** Makes what continues a span after a cut. */
  readonly resumption?: (span: Span) => Resumption | undefined;
  /** Milliseconds without a byte. */
  readonly stall: number;
  /** Bytes held at most, and a chunk more. */
  readonly limit: number;
  /** Called when something can be taken, or the part has ended. */
  readonly onChange: () => void;
}

/** A span of a body on its way: its bytes in order, held until they are taken, over one connection after the other. */
export class Part {
  readonly #options: PartOptions;
  readonly #chunks: Buffer[] = [];
  #held = 0;
  /** Of the whole representation: the next byte, and the one behind the last. */
  #next: number;
  readonly #end: number;
  #intake: Intake | undefined;
  #isClosed = false;
  #isWhole = false;
  #failure: Error | undefined;

  constructor(options: PartOptions) {
    this.#options = options;
    const { first, last } = options.span;
    this.#next = first;
    this.#end = last === undefined ? Number.POSITIVE_INFINITY : last + 1;
  }

  /** All of it has come; something may still be held. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** Why it does not go on. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Begins with a response that carries the span from its first byte on. */
  begin(response: IncomingMessage): void {
    this.#run({ response, skip: 0 }).catch((error: Error) => this.#fail(error.message));
  }

  /** What comes next; undefined where nothing is here yet. */
  take(): Buffer | undefined {
    const chunk = this.#chunks.shift();
    this.#held -= chunk?.length ?? 0;
    if (this.#held <= this.#options.limit / 2) this.#intake?.release();
    return chunk;
  }

  close(): void {
    this.#isClosed = true;
    this.#chunks.length = 0;
    this.#held = 0;
    this.#intake?.stop();
  }

  async #run(first: Continuation): Promise<void> {
    const { errand, span } = this.#options;
    let source: Continuation | undefined = first;
    let resumption: Resumption | undefined;
    while (source && !this.#isClosed) {
      if (await this.#read(source, source === first)) return this.#settle();
      if (this.#isClosed || this.#failure) return;
      resumption ??= this.#options.resumption?.(span);
      const received = this.#next - span.first;
      source =
        resumption && (await continueBody(errand, resumption, received, (forward) => sendErrand(errand, forward)));
    }
    if (this.#isClosed) source?.response.on('error', () => {}).destroy();
    else this.#fail(errand.record.why ?? 'the upstream ended early');
  }

  /** @returns whether the span is whole now */
  async #read({ response, skip }: Continuation, isExact: boolean): Promise<boolean> {
    // Where no length is stated, only the end of the framing tells that there is nothing behind the last byte.
    const awaitsEnd = isExact && response.headers['content-length'] === undefined;
    const take = (bytes: Buffer) => {
      const room = this.#end - this.#next;
      if (bytes.length > room && isExact) {
        this.#fail('the upstream sent more than it said');
        return false;
      }
      this.#hold(bytes.length > room ? bytes.subarray(0, room) : bytes);
      return this.#next < this.#end || awaitsEnd;
    };
    this.#intake = new Intake(response, { skip, stall: this.#options.stall, take });
    const { end, why } = await this.#intake.ended;
    this.#intake = undefined;
    if (this.#failure || this.#isClosed) return false;
    if (this.#next === this.#end || (end === 'whole' && this.#end === Number.POSITIVE_INFINITY)) return true;
    this.#options.errand.record.why = why ?? 'the upstream ended early';
    return false;
  }

  #hold(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#chunks.push(bytes);
    this.#held += bytes.length;
    this.#next += bytes.length;
    if (this.#held >= this.#options.limit && this.#next < this.#end) this.#intake?.hold();
    this.#options.onChange();
  }

  #settle(): void {
    this.#isWhole = true;
    this.#options.onChange();
  }

  #fail(why: string): void {
    this.#failure ??= new Error(why);
    this.#options.onChange();
  }
}
