import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Authorize, Forward } from '../core/verbs';
import type { Carrier } from '../shell/carrier';
import type { ErrandRecord } from '../shell/record';
import { tokenOutcome } from '../shell/token-outcome';
import { sendTraced } from '../shell/trace';
import { discard } from './discard';
import { failureOf } from './failures';
import { responseHead } from './heads';
import type { Context, Session } from './session';
import { readSmallBody } from './small-body';

/** Something to be had from upstreams, for one client or for none in particular. */
export interface Errand {
  readonly context: Context;
  /** Aborted when nobody wants it any more. */
  readonly signal: AbortSignal;
  /** Milliseconds within which a token must have come. */
  readonly within: number;
  /** What is said of it in the log. */
  readonly record: ErrandRecord;
}

/** What one client's request has to ask that is not the request itself. */
export function errandOf({ context, exchange, signal, record }: Session): Errand {
  return { context, signal, within: exchange.timeouts.response, record };
}

const reading = { headOf: responseHead, failureOf };

/** How this errand asks upstreams. @param send sends a request of it, once `prepare` has been waited for */
export function carrierOf(
  errand: Errand,
  send = (forward: Forward) => errand.context.transport.fetch(forward, errand.signal),
): Carrier<IncomingMessage> {
  const { trace } = errand.record;
  return {
    async send(forward) {
      await prepare(errand, forward);
      return trace ? sendTraced(trace, forward, reading, send) : send(forward);
    },
    ...reading,
    discard,
    fetchToken: (verb) => fetchToken(errand, verb),
  };
}

/**
 * Waits as long as the request says.
 * @throws Error where nobody wants it any more
 */
async function prepare({ signal, record }: Errand, forward: Forward): Promise<void> {
  if (forward.after !== undefined) await sleep(forward.after, undefined, { signal }).catch(() => {});
  if (signal.aborted) throw new Error('the client left');
  record.upstream = forward.url.hostname;
}

/** Many may wait for it, so nobody's leaving ends it. */
function fetchToken(
  { context, record, within }: Errand,
  { request, limit, key, spent }: Authorize,
): Promise<string | undefined> {
  let { trace } = record;
  // Kept with the token for its renewal, so it must not hold on to this request; nor is that part of its trace.
  return context.memory.tokens.obtain(key, spent, async () => {
    let response: IncomingMessage | undefined;
    try {
      const { signal } = new AbortController();
      const send = (forward: Forward) => context.transport.fetch(forward, signal);
      const traced = trace;
      trace = undefined;
      response = await (traced ? sendTraced(traced, request, reading, send) : send(request));
      const body = await readSmallBody(response, limit, within);
      const text = body.isLonger ? undefined : Buffer.concat(body.chunks).toString();
      const outcome = tokenOutcome(response.statusCode ?? 0, text, record);
      if (outcome === '') discard(response);
      if (outcome !== undefined) return outcome;
    } catch (error) {
      record.why = failureOf(error).message;
    }
    response?.destroy();
    return undefined;
  });
}
