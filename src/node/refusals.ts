import http from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { answerError, RegistryError } from '../core/errors';
import type { Log } from '../shell/log';
import { refuseRest } from './h2-stream';

const HEAD_ERRORS: Readonly<Record<string, readonly [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'the request head is larger than 16 KiB'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'the request head did not come in time'],
};

const MALFORMED = 'malformed HTTP request';
const NO_TUNNEL = 'CONNECT is not supported: this is a registry, not a forward proxy';

/** A head that Node's parser refuses never becomes a request; it is answered on the raw connection. */
export function refuseHead(error: NodeJS.ErrnoException, socket: Duplex, log: Log): void {
  const [status, message] = HEAD_ERRORS[error.code ?? ''] ?? [400, MALFORMED];
  if (error.code === 'ECONNRESET' || !socket.writable || (socket as Socket).bytesWritten > 0) {
    socket.destroy();
    return;
  }
  logRefusal(log, status, (socket as Socket).remoteAddress, `${message} (${error.code})`);
  refuseRaw(socket, new RegistryError(status, 'UNSUPPORTED', message));
}

export function refuseConnect(client: string | undefined, socket: Duplex, log: Log): void {
  logRefusal(log, 405, client, NO_TUNNEL, 'CONNECT');
  socket.on('error', () => {});
  refuseRaw(socket, new RegistryError(405, 'UNSUPPORTED', NO_TUNNEL));
}

/** What cannot become a request of HTTP/1.1: CONNECT, and a head that it has no form for. */
export function refuseStream(stream: ServerHttp2Stream, status: 400 | 405, client: string | undefined, log: Log): void {
  const message = status === 405 ? NO_TUNNEL : MALFORMED;
  logRefusal(log, status, client, message, status === 405 ? 'CONNECT' : undefined);
  if (stream.destroyed || stream.closed) return;
  const { headers, body } = answerError(new RegistryError(status, 'UNSUPPORTED', message));
  stream.respond({ ':status': status, ...Object.fromEntries(headers) });
  stream.end(body);
  refuseRest(stream);
}

function logRefusal(log: Log, status: number, client: string | undefined, why: string, method?: string): void {
  log.warn('request', { method, route: 'none', status, bytes: 0, client, why });
}

function refuseRaw(socket: Duplex, error: RegistryError): void {
  const { status, headers, body } = answerError(error);
  const fields = [...headers, ['connection', 'close'], ['content-length', String(Buffer.byteLength(body ?? ''))]];
  const head = [
    `HTTP/1.1 ${status} ${http.STATUS_CODES[status]}`,
    ...fields.map(([name, value]) => `${name}: ${value}`),
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
