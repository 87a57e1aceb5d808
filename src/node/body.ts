import type { IncomingMessage } from 'node:http';
import type { Resumption } from '../core/resume';
import type { Span } from '../core/verbs';
import type { Errand } from './errand';
import { Part } from './part';

export interface BodyOptions {
  readonly errand: Errand;
  /** Paused, its head checked: it carries the span from its first byte on. */
  readonly response: IncomingMessage;
  readonly span: Span;
  /** Makes what continues a span after a cut, a fresh one at each call. */
  readonly resumption?: (span: Span) => Resumption | undefined;
  /** Milliseconds without a byte from upstream, while they are taken. */
  readonly stall: number;
  /** Upstream connections at most. */
  readonly connections: number;
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

/** Bytes that are read ahead of who reads, over the connection whose turn it is. */
export const READ_AHEAD = 1024 * 1024;

/** Reads a body to its end, over as many connections as that takes. */
export function openBody(options: BodyOptions): Body {
  return new SingleBody(options);
}

class SingleBody implements Body {
  readonly #signal: AbortSignal;
  readonly #leaving = new AbortController();
  readonly #part: Part;
  #received = 0;
  #wake: () => void = () => {};

  constructor({ errand, response, span, resumption, stall }: BodyOptions) {
    this.#signal = errand.signal;
    this.#part = new Part({
      errand: { ...errand, signal: this.#leaving.signal },
      span,
      resumption,
      stall,
      limit: READ_AHEAD,
      onChange: () => this.#wake(),
    });
    this.#part.begin(response);
    this.#signal.addEventListener('abort', this.close, { once: true });
    if (this.#signal.aborted) this.close();
  }

  get received(): number {
    return this.#received;
  }

  readonly close = (): void => {
    this.#signal.removeEventListener('abort', this.close);
    this.#leaving.abort();
    this.#part.close();
    this.#wake();
  };

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    try {
      for (;;) {
        const chunk = this.#part.take();
        if (this.#leaving.signal.aborted) throw new Error('nobody waits for the body any more');
        if (chunk) {
          this.#received += chunk.length;
          yield chunk;
        } else if (this.#part.isWhole) return;
        else if (this.#part.failure) throw this.#part.failure;
        else await this.#change();
      }
    } finally {
      this.close();
    }
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
