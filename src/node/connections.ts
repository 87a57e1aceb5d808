import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

interface Connection {
  /** The encrypted one, as soon as there is one. */
  socket: Socket;
  /** Under way on it. Node's own count takes a silent new connection for busy. */
  requests: number;
}

/** Every connection of clients, by its addresses: Node tells nothing of what a TLS socket came from. */
export class Connections {
  readonly #held = new Map<string, Connection>();

  constructor(server: Server) {
    server.on('connection', (socket: Socket) => this.#hold(socket));
    server.on('secureConnection', (socket: TLSSocket) => {
      const connection = this.#held.get(addressesOf(socket));
      if (connection) connection.socket = socket;
    });
    server.prependListener('request', ({ socket }, res) => {
      const connection = this.#held.get(addressesOf(socket));
      if (!connection) return;
      connection.requests += 1;
      res.once('close', () => {
        connection.requests -= 1;
      });
    });
  }

  get isBusy(): boolean {
    return [...this.#held.values()].some(({ requests }) => requests > 0);
  }

  /** Ends those on which nothing is under way; a session of HTTP/2 has to say so first, and does it itself. */
  endIdle(): void {
    for (const { socket, requests } of this.#held.values()) {
      if (requests === 0 && (socket as TLSSocket).alpnProtocol !== 'h2') socket.destroySoon();
    }
  }

  destroy(): void {
    for (const { socket } of this.#held.values()) socket.destroy();
  }

  #hold(socket: Socket): void {
    const key = addressesOf(socket);
    const connection = { socket, requests: 0 };
    this.#held.set(key, connection);
    socket.once('close', () => this.#held.get(key) === connection && this.#held.delete(key));
  }
}

function addressesOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`;
}
