import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface Wire {
  port: number;
  authority: string;
  /** Ends every connection, as an upstream or a NAT on the way does with idle ones. */
  cut(): void;
  close(): Promise<void>;
}

/** A stretch of network in front of a port. */
export async function startWire(to: number): Promise<Wire> {
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
  };
  const server = createServer((near) => {
    const far = connect(to, '127.0.0.1');
    keep(near);
    keep(far);
    near.pipe(far).pipe(near);
    near.once('close', () => far.destroy());
    far.once('close', () => near.destroy());
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const cut = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    port,
    authority: `127.0.0.1:${port}`,
    cut,
    close() {
      cut();
      return new Promise((done) => server.close(() => done()));
    },
  };
}
