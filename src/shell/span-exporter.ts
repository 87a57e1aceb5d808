import { AGENT } from '../core/headers';
import type { Tracing } from '../core/sight';
import { printExport } from '../core/span';
import type { CloudFetch, CloudResponse } from './cloud-request';
import type { Log } from './log';
import { SpanQueue } from './span-queue';

/** Milliseconds for the collector to answer, as OTEL_EXPORTER_OTLP_TIMEOUT is by default. */
export const EXPORT_TIMEOUT = 10_000;

/** Bytes of its answer that are read at most; more is no answer. */
const MAX_EXPORT_ANSWER = 64 * 1024;

/** Statuses after which the same may be sent again (OTLP specification, "Retryable Response Codes"); with any other it was refused. */
const RETRYABLE = [429, 502, 503, 504];

/** Sends spans to the collector, by OTLP over HTTP as JSON, and says so once where it cannot. */
export class SpanExporter {
  readonly #tracing: Tracing;
  readonly #log: Log;
  readonly #queue = new SpanQueue();
  /** One for each process. */
  readonly #instance = crypto.randomUUID();
  #isFailing = false;
  #failures = 0;
  /** Spans on their way. */
  #sending = 0;
  #said = 0;

  constructor(tracing: Tracing, log: Log) {
    this.#tracing = tracing;
    this.#log = log;
  }

  get size(): number {
    return this.#queue.size;
  }

  /** The last export failed. */
  get isFailing(): boolean {
    return this.#isFailing;
  }

  add(span: string): void {
    this.#queue.add(span);
  }

  /**
   * Exports some of the spans that wait; never fails.
   * @param within milliseconds
   * @returns whether they have got there
   */
  async exportSome(fetch: CloudFetch, within = EXPORT_TIMEOUT): Promise<boolean> {
    const spans = this.#queue.take();
    if (spans.length === 0) return true;
    this.#sending += spans.length;
    try {
      const { status, body } = await this.#send(fetch, spans, within);
      if (status >= 200 && status <= 299) return this.#onTaken(body);
      if (RETRYABLE.includes(status)) this.#queue.restore(spans);
      else this.#queue.drop(spans.length);
      return this.#onFailure(`the collector answers ${status}`);
    } catch (error) {
      this.#queue.restore(spans);
      return this.#onFailure((error as Error).message);
    } finally {
      this.#sending -= spans.length;
    }
  }

  /** Nothing is exported any more: what still waits is lost. */
  close(): void {
    this.#queue.clear();
    const lost = this.#queue.dropped + this.#sending - this.#said;
    if (lost > 0) this.#log.warn('spans dropped', { spans: lost, failures: this.#failures });
  }

  #send(fetch: CloudFetch, spans: readonly string[], within: number): Promise<CloudResponse> {
    const { url, headers, service } = this.#tracing;
    const resource = { 'service.name': service, 'service.instance.id': this.#instance };
    return fetch({
      method: 'POST',
      url: { ...url, path: `${url.path}/v1/traces` },
      headers: [['content-type', 'application/json'], ['user-agent', AGENT], ...headers],
      body: printExport(resource, AGENT, spans),
      // The operator's own, wherever that is.
      reach: 'any',
      within,
      limit: MAX_EXPORT_ANSWER,
    });
  }

  #onTaken(body: string): true {
    const rejected = rejectedOf(body);
    if (rejected > 0) this.#queue.drop(rejected);
    if (this.#isFailing) this.#say('traces are exported again');
    this.#isFailing = false;
    return true;
  }

  #onFailure(why: string): false {
    this.#failures += 1;
    if (!this.#isFailing) this.#say('traces cannot be exported', why);
    this.#isFailing = true;
    return false;
  }

  #say(message: string, why?: string): void {
    const dropped = this.#queue.dropped - this.#said;
    this.#said = this.#queue.dropped;
    this.#log.warn(message, { why, ...(dropped > 0 && { dropped }) });
  }
}

/** Spans that the collector took none of, though it took the request (OTLP specification, "Partial Success"). */
function rejectedOf(body: string): number {
  try {
    const count = Number(JSON.parse(body)?.partialSuccess?.rejectedSpans ?? 0);
    return Number.isSafeInteger(count) && count > 0 ? count : 0;
  } catch {
    return 0;
  }
}
