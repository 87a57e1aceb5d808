import { type HeaderList, headersOf } from './headers';
import type { Purpose } from './verbs';

/** Where a request stands in a trace (W3C Trace Context, Level 2). */
export interface TraceContext {
  /** 32 hexadecimal digits, not all of them 0. */
  readonly traceId: string;
  /** 16 of them: whose child the next request is. */
  readonly spanId: string;
  /** `SAMPLED`, `RANDOM`: the two that the specification knows. */
  readonly flags: number;
  /** What tracing systems have to say to each other (`tracestate`); empty where they say nothing. */
  readonly state: string;
}

/** Whoever called has kept its part of the trace. */
export const SAMPLED = 1;

/** The last 14 digits of the trace's id are random (Level 2, section 3.2.2.5.2). */
export const RANDOM = 2;

/** Characters of `tracestate`: as many as everybody has to pass on (section 3.3.1.5); longer ones are shortened. */
export const MAX_TRACE_STATE = 512;

/** Entries of `tracestate` at most (section 3.3.1.1). */
const MAX_ENTRIES = 32;

/** An entry that is longer is left out before shorter ones are (section 3.3.1.5). */
const LONG_ENTRY = 128;

/** What a version above 00 may have behind what we know begins with a dash (section 3.2.4). */
const TRACE_PARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** Section 3.3.1.3: a key, and a value that does not end with a space. */
const ENTRY = /^([a-z0-9][a-z0-9_*/@-]{0,255})=([\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e])$/;

/** The trace that a request says it belongs to; undefined where it says none, says it twice, or wrongly (section 3.2.4). */
export function readTraceContext(headers: HeaderList): TraceContext | undefined {
  const lines = headersOf(headers, 'traceparent');
  const [, version, traceId, spanId, flags, more] = (lines.length === 1 && TRACE_PARENT.exec(lines[0].trim())) || [];
  if (traceId === undefined || (version === '00' && more !== undefined)) return undefined;
  const known = Number.parseInt(flags, 16) & (SAMPLED | RANDOM);
  return { traceId, spanId, flags: known, state: readState(headersOf(headers, 'tracestate')) };
}

export function isSampled({ flags }: TraceContext): boolean {
  return (flags & SAMPLED) !== 0;
}

/** `traceparent` as the version that we know writes it. */
export function printTraceParent({ traceId, spanId, flags }: TraceContext): string {
  return `00-${traceId}-${spanId}-${flags.toString(16).padStart(2, '0')}`;
}

/**
 * What a request to an upstream says of its trace. The ids say nothing of anybody, and go with each; what tracing systems wrote
 * into `tracestate` goes to the registry that the operator has named, and not to hosts that it names itself.
 */
export function traceHeaders(context: TraceContext, purpose: Purpose): HeaderList {
  const parent = ['traceparent', printTraceParent(context)] as const;
  const isNamed = purpose === 'registry' || purpose === 'ping' || purpose === 'backend';
  return isNamed && context.state !== '' ? [parent, ['tracestate', context.state]] : [parent];
}

/**
 * Whether a trace that begins here is kept: the same for one id in every instance, since it is read from what is random of it.
 * @param ratio from 0 to 1
 */
export function isKept(traceId: string, ratio: number): boolean {
  return Number.parseInt(traceId.slice(-13), 16) < ratio * 2 ** 52;
}

/** Empty for what is none: it does not make the trace's ids worthless (section 3.3.1.1). */
function readState(lines: readonly string[]): string {
  const entries = lines
    .join(',')
    .split(',')
    .map((entry) => entry.trim())
    .filter(Boolean);
  const keys = entries.map((entry) => ENTRY.exec(entry)?.[1]);
  const isValid = !keys.includes(undefined) && new Set(keys).size === keys.length && keys.length <= MAX_ENTRIES;
  return isValid ? shorten(entries) : '';
}

/** Whole entries are left out, the long ones first and then from the end (section 3.3.1.5). */
function shorten(entries: readonly string[]): string {
  let kept = [...entries];
  const isTooLong = () => kept.join(',').length > MAX_TRACE_STATE;
  if (isTooLong()) kept = kept.filter((entry) => entry.length <= LONG_ENTRY);
  while (isTooLong()) kept.pop();
  return kept.join(',');
}
