import type { Tracing } from '../core/sight';
import type { RequestHead } from '../core/verbs';
import type { CloudFetch } from '../shell/cloud-request';
import { inTime } from '../shell/deadline';
import type { Log } from '../shell/log';
import { EXPORT_TIMEOUT, SpanExporter } from '../shell/span-exporter';
import { BATCH_SPANS } from '../shell/span-queue';
import type { Trace, Traces } from '../shell/trace';
import { beginTrace } from '../shell/tracer';
import { cloudFetch } from './cloud-fetch';
import type { Transport } from './transport';

/** Milliseconds that a span waits for others, as OTEL_BSP_SCHEDULE_DELAY is by default. */
const EXPORT_INTERVAL = 5_000;

/** Milliseconds after a failure until it is tried again, twice as long after each further one, up to the second number. */
const FIRST_PAUSE = 5_000;
const LAST_PAUSE = 60_000;

export interface TracesOptions {
  readonly tracing: Tracing;
  readonly transport: Transport;
  readonly log: Log;
  /** The process may stand still as soon as no request is under way: what is known is exported at the end of each. */
  readonly isFrozenSoon: boolean;
  /** Milliseconds that a span waits for others; by default `EXPORT_INTERVAL`. */
  readonly interval?: number;
}

/** The traces of a process: begun with each request, exported in the background. */
export class ProcessTraces implements Traces {
  readonly #tracing: Tracing;
  readonly #isFrozenSoon: boolean;
  readonly #interval: number;
  readonly #exporter: SpanExporter;
  readonly #fetch: CloudFetch;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<boolean> | undefined;
  #pause = 0;
  #isClosed = false;

  constructor({ tracing, transport, log, isFrozenSoon, interval = EXPORT_INTERVAL }: TracesOptions) {
    this.#tracing = tracing;
    this.#isFrozenSoon = isFrozenSoon;
    this.#interval = interval;
    this.#exporter = new SpanExporter(tracing, log);
    this.#fetch = cloudFetch(transport);
  }

  begin(head: RequestHead): Trace | undefined {
    return beginTrace(head, this.#tracing, (span, isLast) => this.#add(span, isLast));
  }

  /**
   * Exports what waits, as far as that goes; nobody's request waits for it.
   * @param within milliseconds for all of it
   */
  async flush(within: number): Promise<void> {
    // A collector that is gone costs that time once, and not with each request.
    if (this.#pause === 0) await this.#drain(within);
  }

  /** The same once more, and nothing after it. */
  async close(within: number): Promise<void> {
    // The request whose end is the reason for it has its own span in this very turn.
    await Promise.resolve();
    if (within > 0) await this.#drain(within);
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#exporter.close();
  }

  async #drain(within: number): Promise<void> {
    const until = performance.now() + within;
    while (this.#exporter.size > 0 || this.#running) {
      const left = until - performance.now();
      if (left <= 0 || !(await inTime(this.#export(left), left, 'no answer').catch(() => false))) return;
    }
  }

  #add(span: string, isLast: boolean): void {
    if (this.#isClosed) return;
    this.#exporter.add(span);
    this.#schedule(isLast && this.#isFrozenSoon);
  }

  #schedule(isUrgent: boolean): void {
    if (this.#isClosed || this.#running || this.#exporter.size === 0) return;
    if (this.#pause === 0 && (isUrgent || this.#exporter.size >= BATCH_SPANS)) this.#run();
    else this.#timer ??= setTimeout(() => this.#run(), this.#pause || this.#interval);
  }

  #run(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#export(EXPORT_TIMEOUT);
  }

  /** One at a time. Never rejects. */
  #export(within: number): Promise<boolean> {
    this.#running ??= this.#exporter.exportSome(this.#fetch, within).then((isTaken) => {
      this.#running = undefined;
      this.#pause = isTaken ? 0 : Math.min(Math.max(this.#pause * 2, FIRST_PAUSE), LAST_PAUSE);
      this.#schedule(this.#isFrozenSoon);
      return isTaken;
    });
    return this.#running;
  }
}
