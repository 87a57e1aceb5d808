import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Authorize, Forward } from '../core/verbs';
import { discard } from './discard';
import { failureOf } from './failures';
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

export interface ErrandRecord {
  why?: string;
  /** Continuations of its body. */
  resumed: number;
  /** Host that was asked last. */
  upstream?: string;
  /** Upstream connections that its body came over at once, where there were several. */
  connections?: number;
}

/** What one client's request has to ask that is not the request itself. */
export function errandOf({ context, exchange, signal, record }: Session): Errand {
  return { context, signal, within: exchange.timeouts.response, record };
}

/** @throws TransportError or a node:http error; no response came then */
export async function sendErrand(errand: Errand, forward: Forward): Promise<IncomingMessage> {
  await prepare(errand, forward);
  return errand.context.transport.fetch(forward, errand.signal);
}

/**
 * Waits as long as the request says.
 * @throws Error where nobody wants it any more
 */
export async function prepare({ signal, record }: Errand | Session, forward: Forward): Promise<void> {
  if (forward.after !== undefined) await sleep(forward.after, undefined, { signal }).catch(() => {});
  if (signal.aborted) throw new Error('the client left');
  record.upstream = forward.url.hostname;
}

/** The token document, empty where it was refused, undefined where none was to be had. Many may wait for it, so nobody's leaving ends it. */
export function fetchToken(
  { context, record, within }: Errand,
  { request, limit, key, spent }: Authorize,
): Promise<string | undefined> {
  // Kept with the token for its renewal, so it must not hold on to this request.
  return context.memory.tokens.obtain(key, spent, async () => {
    let response: IncomingMessage | undefined;
    try {
      const { signal } = new AbortController();
      response = await context.transport.fetch(request, signal);
      const body = await readSmallBody(response, limit, within);
      if (response.statusCode === 200 && !body.isLonger) return Buffer.concat(body.chunks).toString();
      record.why = `the token server answers ${response.statusCode}`;
      if (response.statusCode === 401 || response.statusCode === 403) {
        discard(response);
        return '';
      }
    } catch (error) {
      record.why = failureOf(error).message;
    }
    response?.destroy();
    return undefined;
  });
}
