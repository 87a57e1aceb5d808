import { type AddressInfo, createServer, type Socket } from 'node:net';

export interface RawServer {
  url: string;
  /** One entry per connection: everything that came over it. */
  received: string[];
  connections: number;
  stop(): Promise<void>;
}

/** A server that speaks no HTTP of its own: `respond` is called with the first bytes of each connection. */
export async function startRaw(respond: (socket: Socket, first: string) => void): Promise<RawServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const index = raw.received.push('') - 1;
    raw.connections += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => {});
    socket.once('data', (chunk) => respond(socket, chunk.toString('latin1')));
    socket.on('data', (chunk) => {
      raw.received[index] += chunk.toString('latin1');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const raw: RawServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received: [],
    connections: 0,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
  return raw;
}
