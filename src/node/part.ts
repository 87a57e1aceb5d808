import type { IncomingMessage } from 'node:http';
import { Pace } from '../core/parallel';
import type { Continuation } from '../shell/continuation';
import { Intake, type IntakeResult } from './intake';
import { Supply, type SupplyOptions } from './supply';

export interface PartOptions extends SupplyOptions {
  /** Milliseconds without a byte. */
  readonly stall: number;
  /** Bytes held at most, and a chunk more. */
  readonly limit: number;
  /** Called with the bytes that have come; with 0 when the part has ended. */
  readonly onChange: (bytes: number) => void;
}

export type PartState = 'idle' | 'running' | 'whole' | 'failed' | 'closed';

/** Times that a part is asked for again because others come faster. */
const MAX_REPEATS = 2;

/** A span of a body on its way: its bytes in order, held until they are taken, over one connection after the other. */
export class Part {
  /** At what pace it came lately. */
  readonly pace = new Pace();
  readonly #options: PartOptions;
  readonly #supply: Supply;
  readonly #chunks: Buffer[] = [];
  #held = 0;
  #limit: number;
  /** Of the whole representation: the next byte, the one behind the last, and the one behind all that the response brings. */
  #next: number;
  #end: number;
  #reach: number;
  /** Where `#next` was at the last look. */
  #seen: number;
  #intake: Intake | undefined;
  #repeats = 0;
  #state: PartState = 'idle';
  #failure: Error | undefined;
  #isMisfit = false;

  constructor(options: PartOptions) {
    const { first, last } = options.span;
    this.#options = options;
    this.#supply = new Supply(options);
    this.#limit = options.limit;
    this.#next = first;
    this.#seen = first;
    this.#end = last === undefined ? Number.POSITIVE_INFINITY : last + 1;
    this.#reach = this.#end;
  }

  get next(): number {
    return this.#next;
  }

  /** The byte behind its last one. */
  get end(): number {
    return this.#end;
  }

  /** Bytes that wait to be taken. */
  get held(): number {
    return this.#held;
  }

  get state(): PartState {
    return this.#state;
  }

  /** Why it does not go on. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** It was asked for as one of several. */
  get isBeside(): boolean {
    return this.#supply.isBeside;
  }

  /** What was sent for it could not stand beside the others. */
  get isMisfit(): boolean {
    return this.#isMisfit;
  }

  /** Begins with a response that carries the span from its first byte on. @param isExact and nothing more */
  begin(response: IncomingMessage, isExact: boolean): void {
    this.#start({ verb: 'continue', response, skip: 0 }, isExact);
  }

  /** Begins by asking for it. @param isBeside as one of several */
  fetch(isBeside: boolean): void {
    this.#supply.renew(isBeside);
    this.#start(undefined, false);
  }

  /** Ends earlier: what comes behind that is somebody else's. */
  trim(end: number): void {
    this.#end = end;
  }

  /** Ends later, where the present response brings what is missing. */
  extend(end: number): boolean {
    if (!this.#intake || this.#state !== 'running' || this.#next >= this.#end || end > this.#reach) return false;
    this.#end = end;
    return true;
  }

  /** After a failure it ends with what has come. */
  settle(): void {
    this.trim(this.#next);
    this.#state = 'whole';
  }

  /** Asks for the rest again, over another connection, unless that was done often enough. */
  repeat(): void {
    if (this.#repeats >= MAX_REPEATS || !this.#intake) return;
    this.#repeats += 1;
    this.#supply.renew(true);
    this.#intake.stop();
  }

  /** @param elapsed milliseconds since the last look */
  look(elapsed: number): void {
    if (this.#state === 'running')
      this.pace.look({ elapsed, waited: elapsed, busy: 0, bytes: this.#next - this.#seen });
    this.#seen = this.#next;
  }

  /** No more than so many bytes are held from now on. */
  narrow(limit: number): void {
    this.#limit = limit;
    this.#control();
  }

  /** What comes next; undefined where nothing is here yet. */
  take(): Buffer | undefined {
    const chunk = this.#chunks.shift();
    this.#held -= chunk?.length ?? 0;
    this.#control();
    return chunk;
  }

  close(): void {
    this.#state = 'closed';
    this.#chunks.length = 0;
    this.#held = 0;
    this.#intake?.stop();
  }

  #start(source: Continuation<IncomingMessage> | undefined, isExact: boolean): void {
    this.#state = 'running';
    this.#run(source, isExact).catch((error: Error) => this.#fail(error.message));
  }

  async #run(first: Continuation<IncomingMessage> | undefined, isExact: boolean): Promise<void> {
    let source = first ?? (await this.#ask());
    while (source && this.#state === 'running') {
      const { end, why } = await this.#read(source, isExact && source === first);
      if (this.#state !== 'running') return;
      if (this.#next === this.#end || (end === 'whole' && this.#end === Number.POSITIVE_INFINITY)) {
        this.#state = 'whole';
        return this.#options.onChange(0);
      }
      if (end !== 'stopped') this.#supply.onCut(why ?? 'the upstream ended early');
      source = await this.#ask();
    }
    source?.response.on('error', () => {}).destroy();
  }

  /** What brings the next bytes; undefined where there is nothing to be had. */
  async #ask(): Promise<Continuation<IncomingMessage> | undefined> {
    this.#reach = this.#end;
    const found = await this.#supply.next(this.#next, this.#end);
    if (found.verb === 'continue') return found;
    this.#isMisfit = found.isMisfit ?? false;
    return this.#fail(found.why);
  }

  async #read({ response, skip }: Continuation<IncomingMessage>, isExact: boolean): Promise<IntakeResult> {
    const take = (bytes: Buffer) => {
      const isAll = isExact && this.#end === this.#reach;
      const room = this.#end - this.#next;
      if (bytes.length > room && isAll) this.#fail('the upstream sent more than it said');
      else this.#hold(bytes.length > room ? bytes.subarray(0, room) : bytes);
      // Where no length is stated, only the end of the framing tells that there is nothing behind the last byte.
      return this.#next < this.#end || (isAll && response.headers['content-length'] === undefined);
    };
    this.#intake = new Intake(response, { skip, stall: this.#options.stall, take });
    const result = await this.#intake.ended;
    this.#intake = undefined;
    return result;
  }

  #hold(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#chunks.push(bytes);
    this.#held += bytes.length;
    this.#next += bytes.length;
    this.#control();
    this.#options.onChange(bytes.length);
  }

  #control(): void {
    if (this.#held >= this.#limit && this.#next < this.#end) this.#intake?.hold();
    else if (this.#held <= this.#limit / 2) this.#intake?.release();
  }

  #fail(why: string): undefined {
    if (this.#state !== 'running') return;
    this.#state = 'failed';
    this.#failure = new Error(why);
    this.#intake?.stop();
    this.#options.onChange(0);
  }
}
