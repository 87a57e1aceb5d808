import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Timeouts } from '../core/config';
import { TransportError } from '../shell/transport-error';

/**
 * Streams the client's body into a request, at the pace of the slower one. Whoever stands still for too long ends it:
 * the client after `CLIENT_TIMEOUT`, the upstream after `RESPONSE_TIMEOUT`.
 */
export function sendBody(req: IncomingMessage, request: ClientRequest, timeouts: Timeouts): void {
  let timer: NodeJS.Timeout | undefined;
  const expect = (limit: number, kind: 'client' | 'timeout', what: string) => {
    clearTimeout(timer);
    if (limit > 0) timer = setTimeout(() => request.destroy(new TransportError(kind, what)), limit);
  };
  const awaitClient = () => expect(timeouts.client, 'client', 'the client stopped sending');

  const onData = (chunk: Buffer) => {
    if (request.write(chunk)) return awaitClient();
    req.pause();
    expect(timeouts.response, 'timeout', 'the upstream stopped reading');
  };
  const onDrain = () => {
    awaitClient();
    req.resume();
  };
  const onEnd = () => {
    stop();
    request.end();
  };
  const onClientGone = () => {
    stop();
    if (!req.complete) request.destroy(new TransportError('reset', 'the client left'));
  };
  const stop = () => {
    clearTimeout(timer);
    req.off('data', onData).off('end', onEnd).off('close', onClientGone);
    request.off('drain', onDrain);
  };

  // An early answer (401, 413) ends the sending; what the client still sends is read away, or it would never read the answer.
  const abandon = () => {
    stop();
    req.resume();
  };
  const onResponse = (response: IncomingMessage) => {
    abandon();
    // The upstream waits for the rest of a body that will not come: the connection is of no use any more.
    if (!request.writableEnded) response.once('end', () => request.destroy());
  };
  request.once('response', onResponse).once('close', abandon).on('drain', onDrain);
  req.on('end', onEnd).on('close', onClientGone).on('data', onData);
  awaitClient();
  if (req.readableEnded) onEnd();
}
