import http, { type RequestListener } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Addresses, duplexPair } from './duplex-pair';

/**
 * A way to this process's own requests that nobody else can take: a server that listens nowhere, and connections to it that
 * are made of memory.
 * @param addresses what the connections say of their client, and rules go by
 * @param refuse answers a head that the parser refuses, in place of a bare status line and a reset
 * @returns makes a connection for a client of HTTP/1.1
 */
export function openInside(
  serve: RequestListener,
  addresses: Addresses,
  refuse?: (error: NodeJS.ErrnoException, socket: Duplex) => void,
): () => Duplex {
  const server = http.createServer(serve);
  if (refuse) server.on('clientError', refuse);
  return () => {
    const { near, far } = duplexPair(addresses);
    server.emit('connection', far);
    return near;
  };
}
