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
  const pump = async () => {
    for (;;) {
      awaitClient.begin();
      const { value, done } = await reader.read(new Uint8Array(READ_SIZE));
      awaitClient.end();
      if (done) break;
      awaitUpstream.begin();
      await writer.write(value);
      awaitUpstream.end();
    }
    await writer.close();
  };
  const end = () => {
    awaitClient.close();
    awaitUpstream.close();
  };
  const sent = pump().catch((error) => {
    abort(new TransportError('reset', 'the client left'));
    throw error;
  });
  sent.catch(() => {}).finally(end);
  return { body: readable as unknown as BodyInit, sent, end };
}
