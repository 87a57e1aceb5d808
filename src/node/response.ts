import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Timeouts } from '../core/config';
import type { Forward } from '../core/verbs';
import { TransportError } from '../shell/transport-error';

/**
 * The response to a request that has just been made, within the deadlines of `forward`.
 * @throws TransportError `timeout`, or the request's own error; the request is destroyed then
 */
export function awaitResponse(
  request: ClientRequest,
  forward: Forward,
  defaults: Timeouts,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    const deadline = (limit: number, what: string) => {
      clearTimeout(timer);
      timer = setTimeout(() => fail(new TransportError('timeout', `${what} (${limit / 1000} s)`)), limit);
    };
    const settle = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', leave);
    };
    const fail = (error: Error) => {
      settle();
      request.destroy();
      reject(error);
    };
    const leave = () => fail(new TransportError('reset', 'the client left'));

    request.on('error', fail);
    request.once('upgrade', (_response, socket) => {
      socket.destroy();
      fail(new TransportError('reset', 'the upstream switched protocols'));
    });
    request.once('response', (response) => {
      settle();
      resolve(response);
    });
    if (signal.aborted) return leave();
    signal.addEventListener('abort', leave, { once: true });

    const timeouts = forward.connection?.timeouts ?? defaults;
    const within = forward.within ?? timeouts.response;
    deadline(Math.min(timeouts.connect, within), 'no connection in time');
    const awaitHead = () => {
      if (forward.body !== 'client' || request.writableFinished) return deadline(within, 'no response in time');
      clearTimeout(timer);
      request.once('finish', () => deadline(within, 'no response in time'));
    };
    if (request.socket) onConnected(request.socket, request, awaitHead);
    else request.once('socket', (socket) => onConnected(socket, request, awaitHead));
  });
}

function onConnected(socket: Socket, request: ClientRequest, then: () => void): void {
  if (request.reusedSocket) then();
  else socket.once('encrypted' in (socket as TLSSocket) ? 'secureConnect' : 'connect', then);
}
