import http2, { type Http2Server, type IncomingHttpHeaders, type ServerHttp2Session } from 'node:http2';
import type { Server } from 'node:https';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Log } from '../shell/log';
import { type Addresses, duplexPair } from './duplex-pair';
import { BROKEN_OFF, carryStream } from './h2-stream';
import { refuseStream } from './refusals';

/** Streams of one connection under way at once, as nginx has it. */
const MAX_STREAMS = 128;

/** Bytes of a request head, each field counted with 32 more (RFC 9113 section 6.5.2). From 16 KiB on HTTP/1.1 refuses it in words. */
const MAX_HEADER_LIST = 32 * 1024;

/** Streams that a client may reset before the end of their answer, less those that it lets end (CVE-2023-44487). */
const MAX_RESETS = 200;

/** Bytes of one upload that a client may send ahead of us. */
const STREAM_WINDOW = 1024 * 1024;

/** Bytes of all uploads of one connection on their way: what comes is taken from it at once. */
const CONNECTION_WINDOW = 16 * 1024 * 1024;

/** Megabytes that a session may hold, heads and what waits for the client's windows; then it takes no further stream. */
const MAX_SESSION_MEMORY = 32;

/** Milliseconds for the client to close its side. Until then its frames are read: a reset would take back what was sent last. */
const CLOSING_TIME = 2_000;

/** HTTP/2 beside a server of HTTP/1.1, which serves each stream as a connection of its own. */
export interface H2 {
  /** Speaks HTTP/2 on a connection that has agreed on it. */
  accept(socket: TLSSocket): void;
  /** Takes no new stream, and ends each session after its last one. */
  close(): void;
}

/**
 * @param server whose limits on time hold here as well
 * @param serve serves a connection of HTTP/1.1
 * @param patience milliseconds for a client to take the last bytes of an answer; 0 for no limit
 */
export function createH2(server: Server, serve: (socket: Duplex) => void, patience: () => number, log: Log): H2 {
  // Loaded at the first connection that asks for it: most starts are over by then.
  let sessions: Http2Server | undefined;
  const endings = new Set<() => void>();

  const begin = (session: ServerHttp2Session, socket: TLSSocket) => {
    const addresses = addressesOf(socket);
    const end = tend(session, socket, server);
    endings.add(end);
    session.once('close', () => endings.delete(end));
    session.setLocalWindowSize(CONNECTION_WINDOW);
    session.on('error', (error: NodeJS.ErrnoException) => logError(error, addresses.remoteAddress, log));
    session.on('stream', (stream, head: IncomingHttpHeaders, _flags: number, fields?: string[]) => {
      // Whatever ends it is seen by its closing; unheard, an error would end the process.
      stream.on('error', () => {});
      if (stream.destroyed) return;
      const connect = () => {
        const { near, far } = duplexPair(addresses);
        serve(far);
        return near;
      };
      const refuse = (status: 400 | 405) => refuseStream(stream, status, addresses.remoteAddress, log);
      if (head[':method'] === 'CONNECT') return refuse(405);
      try {
        carryStream(stream, fields ?? [], connect, patience);
      } catch {
        refuse(400);
      }
    });
  };

  return {
    accept(socket) {
      sessions ??= createSessions();
      sessions.once('session', (session) => begin(session, socket));
      sessions.emit('connection', socket);
    },
    close() {
      for (const end of endings) end();
    },
  };
}

/** A server that does not listen: connections are handed to it. */
function createSessions(): Http2Server {
  const server = http2.createServer({
    maxSessionMemory: MAX_SESSION_MEMORY,
    settings: {
      maxConcurrentStreams: MAX_STREAMS,
      initialWindowSize: STREAM_WINDOW,
      maxHeaderListSize: MAX_HEADER_LIST,
    },
  });
  return server.on('sessionError', () => {});
}

/** Ends an idle session as an idle connection of HTTP/1.1 is ended. Returns what ends it after its last stream. */
function tend(session: ServerHttp2Session, socket: TLSSocket, limits: Server): () => void {
  let streams = 0;
  let resets = 0;
  let timer: NodeJS.Timeout | undefined;
  const within = (limit: number, then: () => void) => {
    clearTimeout(timer);
    if (limit > 0) timer = setTimeout(then, limit);
  };
  const end = () => {
    session.close();
    if (streams === 0) within(CLOSING_TIME, () => socket.destroy());
  };
  const count = (isReset: boolean) => {
    resets = Math.max(0, resets + (isReset ? 1 : -1));
    if (resets > MAX_RESETS) session.destroy(tooManyResets(), http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
  };
  session.on('stream', (stream) => {
    // One that was reset before it is told of may not be heard closing.
    if (stream.destroyed) return count(true);
    streams += 1;
    clearTimeout(timer);
    stream.once('close', () => {
      streams -= 1;
      count(stream.aborted && stream.errored !== BROKEN_OFF);
      if (session.closed || session.destroyed) end();
      else if (streams === 0) within(limits.keepAliveTimeout, end);
    });
  });
  session.once('goaway', end).once('error', end);
  session.once('close', () => clearTimeout(timer));
  within(limits.headersTimeout, end);
  return end;
}

function tooManyResets(): Error {
  return Object.assign(new Error('the client opens streams only to reset them'), { code: 'ENHANCE_YOUR_CALM' });
}

/** Taken at once: a closed socket has forgotten them. */
function addressesOf({ remoteAddress, remotePort, remoteFamily, localAddress, localPort }: TLSSocket): Addresses {
  return { remoteAddress, remotePort, remoteFamily, localAddress, localPort, encrypted: true };
}

function logError({ code, message }: NodeJS.ErrnoException, client: string | undefined, log: Log): void {
  // Whoever leaves without a word has done no harm.
  if (code === 'ECONNRESET' || code === 'EPIPE') return;
  log.warn('connection ended', { client, why: `HTTP/2: ${message} (${code})` });
}
