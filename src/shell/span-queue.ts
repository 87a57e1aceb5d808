/** Spans that wait at most. */
export const MAX_SPANS = 2048;

/** Bytes of them, about: characters, of which nearly all are one byte. */
export const MAX_SPAN_BYTES = 4 * 1024 * 1024;

/** Spans of one export, as OpenTelemetry's own exporters send. */
export const BATCH_SPANS = 512;

/** Bytes of one; the Collector takes 20 MiB by default. */
export const BATCH_BYTES = 1024 * 1024;

/** Spans as texts until they are exported. There is room for so many: a collector that is slow or gone costs spans, and no memory. */
export class SpanQueue {
  #spans: string[] = [];
  #bytes = 0;
  #dropped = 0;

  get size(): number {
    return this.#spans.length;
  }

  /** Spans for which there was no room, or that nobody took. */
  get dropped(): number {
    return this.#dropped;
  }

  add(span: string): void {
    if (this.#spans.length >= MAX_SPANS || this.#bytes + span.length > MAX_SPAN_BYTES) {
      this.drop(1);
      return;
    }
    this.#spans.push(span);
    this.#bytes += span.length;
  }

  /** The oldest ones, as many as an export has; empty where there are none. */
  take(): readonly string[] {
    let bytes = 0;
    let count = 0;
    for (const { length } of this.#spans) {
      bytes += length;
      if (count === BATCH_SPANS || (count > 0 && bytes > BATCH_BYTES)) break;
      count += 1;
    }
    const taken = this.#spans.splice(0, count);
    this.#bytes -= sizeOf(taken);
    return taken;
  }

  /** What could not be exported comes first again, as far as there is room. */
  restore(spans: readonly string[]): void {
    const later = this.#spans;
    this.#spans = [];
    this.#bytes = 0;
    for (const span of [...spans, ...later]) this.add(span);
  }

  drop(count: number): void {
    this.#dropped += count;
  }

  /** Nothing waits any more. */
  clear(): void {
    this.drop(this.#spans.length);
    this.#spans = [];
    this.#bytes = 0;
  }
}

function sizeOf(spans: readonly string[]): number {
  return spans.reduce((sum, { length }) => sum + length, 0);
}
