import http, { type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Config } from '../core/config';
import { answerError, RegistryError } from '../core/errors';
import type { Gate } from '../core/gate';
import { originOf } from '../core/url';
import { createApp } from './app';
import type { Log } from './log';
import { createSecuredServer } from './tls';
import { createMemory } from './token-store';
import { Transport } from './transport';
import type { Users } from './users';

export interface RunningServer {
  readonly port: number;
  readonly url: string;
  /** Stops listening, waits for transfers under way (`SHUTDOWN_TIMEOUT` at most), then ends. */
  close(): Promise<void>;
}

/** Milliseconds for the whole head of a request; a head takes one round trip, so this only meets attackers. */
const HEAD_TIMEOUT = 20_000;

/** Milliseconds that an idle client connection is kept: longer than any load balancer's (AWS 60 s, nginx 60–75 s). */
const KEEP_ALIVE_TIMEOUT = 95_000;

/** Starts serving; the upstream is not asked for anything. */
export async function startServer(config: Config, log: Log): Promise<RunningServer> {
  const transport = new Transport(config.timeouts);
  const users = config.gate && (await createUsers(config.gate));
  const app = createApp({ config, memory: createMemory(), users, transport, log });
  const secured = config.tls && (await createSecuredServer(config.tls, app, log));
  const server = secured?.server ?? http.createServer(app);
  const connections = trackConnections(server);
  setLimits(server, config);
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => refuseHead(error, socket, log));
  server.on('connect', (req, socket) => refuseConnect(req.socket.remoteAddress, socket, log));
  await listen(server, config);
  const { port } = server.address() as AddressInfo;
  const url = `${secured ? 'https' : 'http'}://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`;
  const [{ url: backend }] = config.upstreams;
  log.info('listening', {
    url,
    port,
    backend: originOf(backend) + backend.path,
    registries: config.upstreams.map(({ name }) => name).join(' '),
    platform: config.platform,
    node: process.version,
  });
  secured?.watch();
  return { port, url, close: () => close(server, connections, transport, config, log) };
}

/** Loaded only where there are any: they bring cryptography with them. */
async function createUsers({ users, secret }: Gate): Promise<Users> {
  const { Users } = await import('./users');
  const { tokenKey } = await import('./login-tokens');
  return new Users(users, tokenKey([secret ?? '', ...[...users].flat()]));
}

/** No limit on the time of a request: a layer may take an hour, and sendBody ends a client that stands still. */
function setLimits(server: Server, config: Config): void {
  const isHeldOpen = config.capabilities.gatewayKeepsConnections;
  server.requestTimeout = 0;
  server.timeout = 0;
  server.headersTimeout = isHeldOpen ? 0 : HEAD_TIMEOUT;
  server.keepAliveTimeout = isHeldOpen ? 0 : KEEP_ALIVE_TIMEOUT;
}

function listen(server: Server, config: Config): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(config.port, config.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

interface Connection {
  /** The encrypted one, as soon as there is one. */
  socket: Socket;
  /** Under way on it. Node's own count takes a silent new connection for busy. */
  requests: number;
}

/** Every connection, by its addresses: Node tells nothing of what a TLS socket came from. */
function trackConnections(server: Server): Map<string, Connection> {
  const connections = new Map<string, Connection>();
  server.on('connection', (socket: Socket) => {
    const key = addressesOf(socket);
    const connection = { socket, requests: 0 };
    connections.set(key, connection);
    socket.once('close', () => connections.get(key) === connection && connections.delete(key));
  });
  server.on('secureConnection', (socket: Socket) => {
    const connection = connections.get(addressesOf(socket));
    if (connection) connection.socket = socket;
  });
  server.prependListener('request', ({ socket }, res) => {
    const connection = connections.get(addressesOf(socket));
    if (!connection) return;
    connection.requests += 1;
    res.once('close', () => {
      connection.requests -= 1;
    });
  });
  return connections;
}

function addressesOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`;
}

type Connections = ReadonlyMap<string, Connection>;

function close(server: Server, connections: Connections, transport: Transport, config: Config, log: Log) {
  return new Promise<void>((resolve) => {
    const endIdle = () => {
      for (const { socket, requests } of connections.values()) if (requests === 0) socket.destroySoon();
    };
    const idle = setInterval(endIdle, 50);
    const timer = setTimeout(() => {
      log.warn('transfers cut by shutdown');
      for (const { socket } of connections.values()) socket.destroy();
    }, config.timeouts.shutdown);
    server.close(() => {
      clearTimeout(timer);
      clearInterval(idle);
      transport.close();
      resolve();
    });
    // Connections in use are closed as soon as their response is over, not kept for a next request.
    server.prependListener('request', (_req, res) => res.setHeader('connection', 'close'));
    endIdle();
  });
}

const HEAD_ERRORS: Readonly<Record<string, readonly [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'the request head is larger than 16 KiB'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'the request head did not come in time'],
};

/** A head that Node's parser refuses never becomes a request; it is answered on the raw connection. */
function refuseHead(error: NodeJS.ErrnoException, socket: Duplex, log: Log): void {
  const [status, message] = HEAD_ERRORS[error.code ?? ''] ?? [400, 'malformed HTTP request'];
  if (error.code === 'ECONNRESET' || !socket.writable || (socket as Socket).bytesWritten > 0) {
    socket.destroy();
    return;
  }
  log.warn('request', {
    route: 'none',
    status,
    bytes: 0,
    client: (socket as Socket).remoteAddress,
    why: `${message} (${error.code})`,
  });
  refuseRaw(socket, new RegistryError(status, 'UNSUPPORTED', message));
}

function refuseConnect(client: string | undefined, socket: Duplex, log: Log): void {
  const error = new RegistryError(
    405,
    'UNSUPPORTED',
    'CONNECT is not supported: this is a registry, not a forward proxy',
  );
  log.warn('request', { method: 'CONNECT', route: 'none', status: 405, bytes: 0, client, why: error.message });
  socket.on('error', () => {});
  refuseRaw(socket, error);
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
