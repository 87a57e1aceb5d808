import type { IncomingMessage } from 'node:http';
import { Exchange } from '../core/exchange';
import { withoutConditions, withoutHeaders } from '../core/headers';
import type { Forward, Relay } from '../core/verbs';
import { openRecord } from '../shell/request-log';
import { carryOut, type Hands, type Over } from '../shell/verb-loop';
import { type BlobSource, blobSource } from './blob-source';
import type { Body } from './body';
import { carrierOf } from './errand';
import { handsOf } from './proxy';
import type { Session } from './session';

/**
 * Where a blob is to be had that is being sent to a client out of another process's fetch, if that ends: the upstream is asked as if the
 * client had just asked for the rest of it, and by nobody's leaving is that ended.
 */
export function renewedSource(session: Session, size: number): BlobSource {
  return {
    open: (first) => laterBody(() => obtain(session, size, first), first),
    discard: () => {},
  };
}

function laterBody(obtain: () => Promise<BlobSource | undefined>, first: number): Body {
  let body: Body | undefined;
  let isClosed = false;
  return {
    get received() {
      return body?.received ?? 0;
    },
    close() {
      isClosed = true;
      body?.close();
    },
    async *[Symbol.asyncIterator]() {
      const source = await obtain();
      if (!source) throw new Error('the upstream does not give what another process was fetching');
      if (isClosed) return source.discard();
      body = source.open(first);
      yield* body;
    },
  };
}

/** Undefined where it is not to be had, or is something else by now. */
async function obtain(session: Session, size: number, first: number): Promise<BlobSource | undefined> {
  const { context } = session;
  const fields = withoutHeaders(withoutConditions(session.head.headers), 'range', 'if-range');
  const head = { ...session.head, headers: first === 0 ? fields : [...fields, ['range', `bytes=${first}-`] as const] };
  const exchange = new Exchange(context.config, context.memory, head);
  const record = openRecord(head, session.record.trace);
  const { signal } = new AbortController();
  const asking: Session = { ...session, exchange, head, record, signal };
  const over = (reply?: BlobSource): Over<BlobSource | undefined> => ({ verb: 'over', reply });
  const carrier = carrierOf({ context, signal, within: exchange.timeouts.response, record });
  const relay = (sent: Forward, response: IncomingMessage, verb: Relay) => {
    const { last, total } = verb.span ?? {};
    if (total === size && last === size - 1)
      return over(blobSource({ session: asking, sent, response, verb, headers: verb.headers }));
    carrier.discard(response);
    return over();
  };
  const hands: Hands<BlobSource | undefined, IncomingMessage> = {
    ...handsOf(asking),
    carrier,
    isGone: () => false,
    answer: () => undefined,
    // It is to be fetched, whatever is kept.
    find: async () => ({ now: Date.now(), documents: {} }),
    place: async () => undefined,
    serve: async () => over(),
    relay: async (sent, response, verb) => relay(sent, response, verb),
  };
  return carryOut<BlobSource | undefined, IncomingMessage>(undefined, exchange, record, hands);
}
