import type { IncomingMessage } from 'node:http';
import type { Forward } from '../core/verbs';
import { failureOf } from './failures';
import { Counter, Histogram, type Sample } from './metric-series';
import { METRICS } from './metric-table';
import { tallyBody } from './received';

/** What became of a request for a token. */
export type TokenResult = 'fetched' | 'refused' | 'failed';

/** Counts what is asked of upstreams, whoever asks: clients' requests, downloads, continuations, tokens. */
export class UpstreamCounts {
  readonly responses = new Counter(METRICS.responses);
  readonly failures = new Counter(METRICS.failures);
  readonly latency = new Histogram(METRICS.latency);
  readonly received = new Counter(METRICS.received);
  readonly resumed = new Counter(METRICS.resumed);
  readonly tokens = new Counter(METRICS.tokens);

  samples(): Partial<Record<keyof typeof METRICS, readonly Sample[]>> {
    const { responses, failures, latency, received, resumed, tokens } = this;
    return {
      responses: responses.samples(),
      failures: failures.samples(),
      latency: latency.samples(),
      received: received.samples(),
      resumed: resumed.samples(),
      tokens: tokens.samples(),
    };
  }
}

/** Counts for one registry. It holds on to no request: tokens are renewed long after the one that asked first. */
export class UpstreamWatch {
  readonly #counts: UpstreamCounts;
  readonly #registry: string;

  /** @param registry its name in the configuration */
  constructor(counts: UpstreamCounts, registry: string) {
    this.#counts = counts;
    this.#registry = registry;
  }

  /**
   * Sends a request and counts what comes of it. What a client ends by leaving is no failure of the upstream's.
   * @throws what `send` does
   */
  async follow(
    { purpose }: Forward,
    signal: AbortSignal | undefined,
    send: () => Promise<IncomingMessage>,
  ): Promise<IncomingMessage> {
    const { responses, failures, latency } = this.#counts;
    const begun = performance.now();
    let response: IncomingMessage;
    try {
      response = await send();
    } catch (error) {
      if (!signal?.aborted) failures.add(1, this.#registry, purpose, failureOf(error).kind);
      throw error;
    }
    latency.observe(performance.now() - begun, this.#registry, purpose);
    responses.add(1, this.#registry, purpose, String(response.statusCode ?? 0));
    tallyBody(response, this.#counts.received.cell(this.#registry, purpose));
    return response;
  }

  /** A body goes on that was cut. */
  noteResumed(): void {
    this.#counts.resumed.add(1, this.#registry);
  }

  noteToken(result: TokenResult): void {
    this.#counts.tokens.add(1, this.#registry, result);
  }
}
