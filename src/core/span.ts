import type { TraceContext } from './trace-context';

export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** One piece of work of a trace, when it is over. */
export interface Span {
  readonly kind: 'server' | 'client';
  readonly name: string;
  readonly context: TraceContext;
  /** The span whose child it is; absent where the trace begins with it. */
  readonly parent?: { readonly spanId: string; readonly isRemote: boolean };
  /** Milliseconds since 1970. */
  readonly begun: number;
  readonly ended: number;
  readonly attributes: Attributes;
  /** Present where it failed; empty where the attributes say why. */
  readonly fault?: string;
}

/** SpanKind and StatusCode of opentelemetry-proto, trace/v1/trace.proto: in JSON they are numbers (OTLP specification, "JSON Protobuf Encoding"). */
const KINDS = { server: 2, client: 3 } as const;
const ERROR = 2;

/** SpanFlags of the same: whether the parent was elsewhere is known, and that it was. */
const HAS_REMOTE = 0x100;
const IS_REMOTE = 0x200;

/** Characters of a text in a span at most. */
const MAX_TEXT = 512;

/** A span as it stands in an export. */
export function printSpan({ kind, name, context, parent, begun, ended, attributes, fault }: Span): string {
  const { traceId, spanId, state, flags } = context;
  return JSON.stringify({
    traceId,
    spanId,
    ...(state !== '' && { traceState: state }),
    ...(parent && { parentSpanId: parent.spanId }),
    flags: flags | HAS_REMOTE | (parent?.isRemote ? IS_REMOTE : 0),
    name,
    kind: KINDS[kind],
    startTimeUnixNano: nanoseconds(begun),
    endTimeUnixNano: nanoseconds(Math.max(begun, ended)),
    attributes: printAttributes(attributes),
    ...(fault !== undefined && { status: { ...(fault !== '' && { message: cut(fault) }), code: ERROR } }),
  });
}

/** The body of an export request (ExportTraceServiceRequest). @param spans as `printSpan` has made them */
export function printExport(resource: Attributes, scope: string, spans: readonly string[]): string {
  const about = JSON.stringify({ attributes: printAttributes(resource) });
  const who = JSON.stringify({ name: scope });
  return `{"resourceSpans":[{"resource":${about},"scopeSpans":[{"scope":${who},"spans":[${spans.join()}]}]}]}`;
}

function printAttributes(attributes: Attributes): object[] {
  return Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value: printValue(value) }],
  );
}

/** 64-bit integers are texts in JSON (the same chapter). */
function printValue(value: string | number | boolean): object {
  if (typeof value === 'string') return { stringValue: cut(value) };
  if (typeof value === 'boolean') return { boolValue: value };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}

function cut(text: string): string {
  return text.slice(0, MAX_TEXT);
}

/** Microseconds are exact in a number; nanoseconds are not. */
function nanoseconds(time: number): string {
  return `${Math.round(time * 1000)}000`;
}
