import type { HopEnd, Served } from '../core/span-fields';
import { readTraceContext, type TraceContext, traceHeaders } from '../core/trace-context';
import type { Forward, RequestHead } from '../core/verbs';
import type { Carrier } from './carrier';

/** The trace that a request is part of. */
export interface Trace {
  /** What its requests to upstreams are children of, where they have no spans of their own. */
  readonly context: TraceContext;
  /** Present where what is done for it is noted. */
  readonly notes?: TraceNotes;
}

export interface TraceNotes {
  /** A request to an upstream begins. */
  begin(sent: Forward): HopNote;
  /** The client's request is over. */
  end(served: Served): void;
}

export interface HopNote {
  readonly context: TraceContext;
  end(how: HopEnd): void;
}

/** Where traces are kept: it begins one for each request, or goes on with that of the caller. */
export interface Traces {
  begin(head: RequestHead): Trace | undefined;
}

/** The trace of a request: with nobody who keeps any, that of its caller is handed on as it is. */
export function traceOf(head: RequestHead, traces?: Traces): Trace | undefined {
  if (traces) return traces.begin(head);
  const context = readTraceContext(head.headers);
  return context && { context };
}

/**
 * Sends a request to an upstream as part of a trace.
 * @throws what `send` does
 */
export async function sendTraced<Response>(
  { context, notes }: Trace,
  sent: Forward,
  { headOf, failureOf }: Pick<Carrier<Response>, 'headOf' | 'failureOf'>,
  send: (forward: Forward) => Promise<Response>,
): Promise<Response> {
  const note = notes?.begin(sent);
  const headers = [...sent.headers, ...traceHeaders(note?.context ?? context, sent.purpose)];
  try {
    const response = await send({ ...sent, headers });
    note?.end({ status: headOf(response).status });
    return response;
  } catch (error) {
    note?.end({ failure: failureOf(error) });
    throw error;
  }
}
