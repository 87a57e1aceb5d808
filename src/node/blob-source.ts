import type { Span } from '../core/verbs';
import { type Body, openBody } from './body';
import { meterOf, watchOf } from './errand';
import type { Arrival } from './keeping';

/** Where a blob is to be had from its upstream, whose answer is there already. */
export interface BlobSource {
  /** What comes before `first` is here already, and not asked for. */
  open(first: number): Body;
  /** The answer is not needed, or not any more. */
  discard(): void;
}

/** That of an answer which carries a blob, or the end of one. It may outlive the request, and has a record of its own then. */
export function blobSource({ session, sent, response, verb }: Arrival): BlobSource {
  const { record, exchange, context } = session;
  const { stall, response: within } = exchange.timeouts;
  const { signal } = new AbortController();
  const whole = verb.span as Span;
  const options = {
    errand: { context, signal, within, record, meter: meterOf(session), watch: watchOf(session) },
    resumption: exchange.resumptions(verb, sent),
    stall,
    connections: context.config.downloadConnections,
  };
  // It may be cut while nobody reads it yet, and unheard that would end the process.
  response.on('error', () => {});
  let isUnread = true;
  const discard = () => {
    if (isUnread) response.destroy();
    isUnread = false;
  };
  return {
    open(first) {
      const isUsable = isUnread && first === whole.first;
      if (!isUsable) discard();
      isUnread = false;
      return openBody(isUsable ? { ...options, response, span: whole } : { ...options, span: { ...whole, first } });
    },
    discard,
  };
}
