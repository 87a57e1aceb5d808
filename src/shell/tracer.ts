import type { Tracing } from '../core/sight';
import { printSpan, type Span } from '../core/span';
import { type HopEnd, hopFields, type Served, servedFields } from '../core/span-fields';
import { isKept, isSampled, RANDOM, readTraceContext, SAMPLED, type TraceContext } from '../core/trace-context';
import type { Forward, RequestHead } from '../core/verbs';
import type { HopNote, Trace, TraceNotes } from './trace';

/** What platforms and monitors ask for every few seconds. */
const WATCHED = /^\/-\/(?:healthz|readyz|metrics)(?:\?|$)/;

/** Gets each span as text when it is over; `isLast` with that of the client's request. */
export type SpanSink = (span: string, isLast: boolean) => void;

/**
 * Begins the trace of a request. Its caller's decision holds, whether it is kept or not; without one, that of the ratio
 * (OpenTelemetry, "ParentBased", "TraceIdRatioBased").
 */
export function beginTrace({ headers, target }: RequestHead, { ratio }: Tracing, sink: SpanSink): Trace | undefined {
  const caller = readTraceContext(headers);
  if (WATCHED.test(target) || (caller && !isSampled(caller))) return caller && { context: caller };
  if (caller) {
    const context = { ...caller, spanId: randomHex(8) };
    return { context, notes: new Notes(context, { spanId: caller.spanId, isRemote: true }, sink) };
  }
  const traceId = randomHex(16);
  const isOurs = isKept(traceId, ratio);
  const context = { traceId, spanId: randomHex(8), flags: RANDOM | (isOurs ? SAMPLED : 0), state: '' };
  return isOurs ? { context, notes: new Notes(context, undefined, sink) } : { context };
}

/** The spans of one request. What goes on after its end, for others, still has its place in the trace. */
class Notes implements TraceNotes {
  readonly #context: TraceContext;
  readonly #parent: Span['parent'];
  readonly #sink: SpanSink;
  readonly #begun = performance.now();
  /** Between the clock that goes on evenly and the one that others have. */
  readonly #epoch = Date.now() - this.#begun;
  /** How often each part was asked for: with another range it is another request. */
  readonly #sent = new Map<string, number>();

  constructor(context: TraceContext, parent: Span['parent'], sink: SpanSink) {
    this.#context = context;
    this.#parent = parent;
    this.#sink = sink;
  }

  begin(sent: Forward): HopNote {
    const begun = performance.now();
    const context = { ...this.#context, spanId: randomHex(8) };
    const resent = this.#countOf(sent);
    const parent = { spanId: this.#context.spanId, isRemote: false };
    return {
      context,
      end: (how: HopEnd) => this.#add({ kind: 'client', context, parent, begun, ...hopFields(sent, how, resent) }),
    };
  }

  end(served: Served): void {
    const { record } = served;
    const begun = record.startedAt;
    this.#add({ kind: 'server', context: this.#context, parent: this.#parent, begun, ...servedFields(served) });
  }

  #add(span: Omit<Span, 'ended'>): void {
    const begun = span.begun + this.#epoch;
    this.#sink(printSpan({ ...span, begun, ended: performance.now() + this.#epoch }), span.kind === 'server');
  }

  #countOf({ purpose, headers }: Forward): number {
    if (purpose === 'realm' || purpose === 'ping') return 0;
    const range = headers.find(([name]) => name === 'range')?.[1] ?? '';
    const count = this.#sent.get(range) ?? 0;
    this.#sent.set(range, count + 1);
    return count;
  }
}

/** Not all zeros, which are no id. */
function randomHex(bytes: number): string {
  const hex = [...crypto.getRandomValues(new Uint8Array(bytes))].map((byte) => byte.toString(16).padStart(2, '0'));
  return /[^0]/.test(hex.join('')) ? hex.join('') : randomHex(bytes);
}
