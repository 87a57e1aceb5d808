import type { Timeouts } from '../core/config';
import type { Tracing } from '../core/sight';
import type { RequestHead } from '../core/verbs';
import type { CloudFetch } from '../shell/cloud-request';
import type { Log } from '../shell/log';
import { SpanExporter } from '../shell/span-exporter';
import type { Trace, Traces } from '../shell/trace';
import { beginTrace } from '../shell/tracer';
import { cloudFetch } from './cloud-fetch';

/** Milliseconds after a failure in which nothing is exported: each export is one of the few requests that a request may make. */
const PAUSE = 10_000;

/**
 * The traces of an isolate. No request can wait for what another one has begun, and nothing goes on between them: each exports what
 * waits when it is over, and its own among that.
 */
export class IsolateTraces implements Traces {
  readonly #tracing: Tracing;
  readonly #exporter: SpanExporter;
  readonly #fetch: CloudFetch;
  #pausedUntil = 0;

  constructor(tracing: Tracing, timeouts: Timeouts, log: Log) {
    this.#tracing = tracing;
    this.#exporter = new SpanExporter(tracing, log);
    this.#fetch = cloudFetch(timeouts);
  }

  begin(head: RequestHead): Trace | undefined {
    return beginTrace(head, this.#tracing, (span) => this.#exporter.add(span));
  }

  /** Exports some of what waits. Never rejects. */
  async flush(): Promise<void> {
    if (this.#exporter.size === 0 || performance.now() < this.#pausedUntil) return;
    const isTaken = await this.#exporter.exportSome(this.#fetch);
    if (!isTaken) this.#pausedUntil = performance.now() + PAUSE;
  }
}
