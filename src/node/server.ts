import http, { type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Config } from '../core/config';
import { redactPlace } from '../core/redact';
import { Counts } from '../shell/counts';
import { Guard } from '../shell/guard';
import type { Log } from '../shell/log';
import { createApp } from './app';
import { Connections } from './connections';
import { Contexts, createContext, LAST_EXPORT_TIME } from './contexts';
import { refuseConnect, refuseHead } from './refusals';
import type { Administration } from './registries-route';
import { Stores } from './stores';
import { createSecuredServer, type SecuredServer } from './tls';

export interface RunningServer {
  readonly port: number;
  readonly url: string;
  /** Serves requests that come from now on by this configuration, except for what was settled by listening. */
  apply(config: Config): Promise<void>;
  /** Takes note of a configuration that was read anew, or could not be. */
  noteReload(isGood: boolean): void;
  /** Stops listening, waits for transfers under way (`SHUTDOWN_TIMEOUT` at most), then ends. */
  close(): Promise<void>;
}

/** Milliseconds for the whole head of a request; a head takes one round trip, so this only meets attackers. */
const HEAD_TIMEOUT = 20_000;

/** Milliseconds that an idle client connection is kept: longer than any load balancer's (AWS 60 s, nginx 60–75 s). */
const KEEP_ALIVE_TIMEOUT = 95_000;

/** Milliseconds for the last spans where transfers have taken all of `SHUTDOWN_TIMEOUT`. */
const MIN_EXPORT_TIME = 500;

/** The proxy of a configuration that listens nowhere: what asks it lies in this process. */
export interface InnerServer {
  readonly serve: RequestListener;
  /** Tells others what is to be told, as far as that goes within so many milliseconds: the process may stand still after it. */
  flush(within: number): Promise<void>;
  close(): Promise<void>;
}

export async function openInnerServer(config: Config, log: Log): Promise<InnerServer> {
  const contexts = new Contexts(await createContext(config, new Guard(), log));
  return {
    serve: createApp(contexts),
    flush: async (within) => contexts.current.traces?.flush(within),
    close: () => contexts.close(),
  };
}

/**
 * Starts serving; the upstream is not asked for anything.
 * @param administration what the API of registries needs, where there is one
 */
export async function startServer(config: Config, log: Log, administration?: Administration): Promise<RunningServer> {
  const guard = new Guard();
  const counts = new Counts();
  const stores = new Stores(log, counts);
  const contexts = new Contexts(await createContext(config, guard, log, stores, counts));
  const timeouts = () => contexts.current.config.timeouts;
  const app = createApp(contexts, administration);
  const secured = config.tls && (await createSecuredServer(config.tls, app, () => timeouts().client, log));
  const server = secured?.server ?? http.createServer(app);
  const connections = new Connections(server);
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
    backend: redactPlace(backend),
    registries: config.upstreams.map(({ name }) => name).join(' '),
    platform: config.platform,
    node: process.version,
  });
  secured?.watch();
  return {
    port,
    url,
    apply: async (next) => contexts.replace(await createContext(next, guard, log, stores, counts)),
    noteReload: (isGood) => counts.noteReload(isGood),
    close: async () => {
      const until = performance.now() + timeouts().shutdown;
      await close(server, secured, connections, timeouts().shutdown, log);
      await contexts.close(Math.min(Math.max(until - performance.now(), MIN_EXPORT_TIME), LAST_EXPORT_TIME));
      log.info('served', counts.all);
    },
  };
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

function close(server: Server, secured: SecuredServer | undefined, connections: Connections, limit: number, log: Log) {
  return new Promise<void>((resolve) => {
    const idle = setInterval(() => connections.endIdle(), 50);
    const timer = setTimeout(() => {
      if (connections.isBusy) log.warn('transfers cut by shutdown');
      connections.destroy();
    }, limit);
    secured?.endSessions();
    server.close(() => {
      clearTimeout(timer);
      clearInterval(idle);
      resolve();
    });
    // Connections in use are closed as soon as their response is over, not kept for a next request.
    server.prependListener('request', (_req, res) => res.setHeader('connection', 'close'));
    connections.endIdle();
  });
}
