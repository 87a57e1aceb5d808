import type { Timeouts } from '../core/config';
import { headerOf } from '../core/headers';
import { contentLength } from '../core/range';
import { TransportError } from '../shell/transport-error';
import { headerList } from './heads';
import { Patience } from './patience';
import { type BodyInit, FixedLengthStream, IdentityTransformStream } from './platform';

/** A client's body on its way to an upstream. */
export interface Upload {
  readonly body: BodyInit;
  /** Resolves when all of it has been handed over. */
  readonly sent: Promise<void>;
  /** The upstream has answered: what the client still sends is of no use. */
  readonly end: () => void;
}

const READ_SIZE = 128 * 1024;

/** Milliseconds in which the answer is read of an upstream that takes no more of a body. */
const ANSWER_TIME = 1000;

/**
 * Streams the client's body into a request, at the pace of the slower one. Whoever stands still for too long ends it:
 * the client after `CLIENT_TIMEOUT`, the upstream after `RESPONSE_TIMEOUT`.
 * @param abort ends the request
 * @returns undefined where there is no body
 */
export function uploadOf(client: Request, timeouts: Timeouts, abort: (why: Error) => void): Upload | undefined {
  const headers = headerList(client.headers);
  const length = contentLength(headers);
  if (!client.body || (length === undefined && headerOf(headers, 'transfer-encoding') === undefined)) return undefined;
  const { readable, writable } = length === undefined ? new IdentityTransformStream() : new FixedLengthStream(length);
  const reader = client.body.getReader({ mode: 'byob' });
  const writer = writable.getWriter();
  const stop = (why: TransportError) => {
    abort(why);
    reader.cancel(why).catch(() => {});
    writer.abort(why).catch(() => {});
  };
  const onClient = () => stop(new TransportError('client', 'the client stopped sending'));
  const onUpstream = () => stop(new TransportError('timeout', 'the upstream stopped reading'));
  const [awaitClient, awaitUpstream] = [
    new Patience(timeouts.client, onClient),
    new Patience(timeouts.response, onUpstream),
  ];
  let isClients = false;
  let isAnswered = false;
  let ending: ReturnType<typeof setTimeout> | undefined;
  const pump = async () => {
    for (;;) {
      awaitClient.begin();
      isClients = true;
      const { value, done } = await reader.read(new Uint8Array(READ_SIZE));
      isClients = false;
      awaitClient.end();
      if (done) break;
      awaitUpstream.begin();
      await writer.write(value);
      awaitUpstream.end();
    }
    awaitUpstream.begin();
    await writer.close();
  };
  const rest = () => {
    awaitClient.close();
    awaitUpstream.close();
  };
  const end = () => {
    isAnswered = true;
    rest();
    clearTimeout(ending);
  };
  const sent = pump().finally(rest);
  sent.catch(() => {
    if (isAnswered) return;
    if (isClients) abort(new TransportError('reset', 'the client left'));
    // It may have answered before it hung up, and that says more.
    else ending = setTimeout(() => abort(new TransportError('reset', 'the upstream hung up')), ANSWER_TIME);
  });
  return { body: readable as unknown as BodyInit, sent, end };
}
