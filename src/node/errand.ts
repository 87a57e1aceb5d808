import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Authorize, Forward } from '../core/verbs';
import type { Meter } from '../shell/budget-keeper';
import type { Carrier } from '../shell/carrier';
import type { ErrandRecord } from '../shell/record';
import { tokenOutcome } from '../shell/token-outcome';
import { sendTraced } from '../shell/trace';
import { discard } from './discard';
import { failureOf } from './failures';
import { responseHead } from './heads';
import { metered } from './metered';
import type { Context, Session } from './session';
import { readSmallBody } from './small-body';
import type { UpstreamWatch } from './upstream-watch';

/** Something to be had from upstreams, for one client or for none in particular. */
export interface Errand {
  readonly context: Context;
  /** Aborted when nobody wants it any more. */
  readonly signal: AbortSignal;
  /** Milliseconds within which a token must have come. */
  readonly within: number;
  /** What is said of it in the log. */
  readonly record: ErrandRecord;
  /** Present where the day has budgets. */
  readonly meter?: Meter;
  /** Who counts what is asked; missing where nobody does. */
  readonly watch?: () => UpstreamWatch;
}

/** What one client's request has to ask that is not the request itself. */
export function errandOf(session: Session): Errand {
  const { context, exchange, signal, record } = session;
  return {
    context,
    signal,
    within: exchange.timeouts.response,
    record,
    watch: watchOf(session),
    // Whose request it is may not be known yet.
    get meter() {
      return meterOf(session);
    },
  };
}

/** What counts the requests that are sent for this one, and their answers. */
export function meterOf({ exchange, spending }: Session): Meter | undefined {
  return exchange.route && spending?.meter(exchange.route.upstream);
}

/** Who counts what is asked of the registry of a request; asked for once there is something to count. */
export function watchOf({ context, exchange }: Session): Errand['watch'] {
  const { meter, config } = context;
  return meter && (() => meter.upstreamOf(exchange.route, config));
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
      const { meter, watch, signal } = errand;
      const isCosting = forward.purpose !== 'realm';
      const carry = (each: Forward) => (watch ? watch().follow(each, signal, () => send(each)) : send(each));
      if (isCosting) meter?.request();
      const response = await (trace ? sendTraced(trace, forward, reading, carry) : carry(forward));
      return meter && isCosting ? metered(response, meter) : response;
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
  { context, record, within, watch: watchOf }: Errand,
  { request, limit, key, spent }: Authorize,
): Promise<string | undefined> {
  const watch = watchOf?.();
  let { trace } = record;
  // Kept with the token for its renewal, so it must not hold on to this request; nor is that part of its trace.
  return context.memory.tokens.obtain(key, spent, async () => {
    let response: IncomingMessage | undefined;
    try {
      const { signal } = new AbortController();
      const fetch = (forward: Forward) => context.transport.fetch(forward, signal);
      const send = (forward: Forward) =>
        watch ? watch.follow(forward, undefined, () => fetch(forward)) : fetch(forward);
      const traced = trace;
      trace = undefined;
      response = await (traced ? sendTraced(traced, request, reading, send) : send(request));
      const body = await readSmallBody(response, limit, within);
      const text = body.isLonger ? undefined : Buffer.concat(body.chunks).toString();
      const outcome = tokenOutcome(response.statusCode ?? 0, text, record);
      if (outcome === '') discard(response);
      if (outcome !== undefined) {
        watch?.noteToken(outcome === '' ? 'refused' : 'fetched');
        return outcome;
      }
    } catch (error) {
      record.why = failureOf(error).message;
    }
    watch?.noteToken('failed');
    response?.destroy();
    return undefined;
  });
}
