import { createServer, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { emptyJournal, type Journal, markCut, type Recorded, record } from './record';

/** What goes wrong with one request. Offsets count body bytes of that one answer. */
export type Fault =
  | { kind: 'status'; status: number; headers?: OutgoingHttpHeaders; body?: string }
  /** The connection is reset before any answer. */
  | { kind: 'refuse' }
  /** The connection ends in the middle of the body. */
  | { kind: 'cut'; after: number }
  /** The connection stays open, but no further byte comes. */
  | { kind: 'stall'; after: number }
  /** The connection ends after this time, as storage hosts end those that nobody reads from. */
  | { kind: 'hang-up'; ms: number }
  /** A fresh connection is accepted and the request read, and nothing ever answers. */
  | { kind: 'silence' }
  | { kind: 'slow-head'; ms: number }
  /** 200 with the whole body, whatever range was asked for. */
  | { kind: 'ignore-range' }
  /** 206 whose Content-Range is not the one asked for; the bytes fit the header. */
  | { kind: 'wrong-content-range'; shift: number }
  /** 206 with fewer bytes than asked for, honestly labelled. */
  | { kind: 'short-range'; bytes: number }
  /** 206 that keeps the total size to itself. */
  | { kind: 'unknown-total' }
  /** 206 that states another total size than before. */
  | { kind: 'changed-size'; by: number }
  /** 206 whose ETag is another one than before. */
  | { kind: 'changed-etag' }
  /** More bytes on the wire than Content-Length said. */
  | { kind: 'trailing-garbage'; bytes: number }
  /** The right head, then other bytes than asked for, and an honest end of the framing: no length is stated. */
  | { kind: 'clean-short'; after: number };

export interface Exchange {
  req: IncomingMessage;
  res: ServerResponse;
  seen: Recorded;
  fault?: Fault;
  accuse(harm: string): void;
  send(status: number, headers?: OutgoingHttpHeaders, body?: string | Buffer): void;
}

export interface TlsIdentity {
  key: string;
  cert: string;
}

export interface Upstream extends Journal {
  /** Origin without a slash at the end. */
  url: string;
  /** host:port as a Host header names it. */
  authority: string;
  port: number;
  /** The next `times` requests whose `METHOD target` matches meet this fault. */
  fail(pattern: RegExp, fault: Fault, times?: number): void;
  /** Nothing fails any more. */
  mend(): void;
  stop(): Promise<void>;
}

export interface ListenOptions {
  tls?: TlsIdentity;
  /** 127.0.0.1; another loopback address is another host. */
  address?: string;
}

export async function listen(
  name: string,
  handle: (exchange: Exchange) => void | Promise<void>,
  options: ListenOptions = {},
): Promise<Upstream> {
  const journal = emptyJournal();
  const rules: { pattern: RegExp; fault: Fault; left: number }[] = [];
  const sockets = new Set<Socket>();
  const accuse = (harm: string) => journal.accusations.push(`${name}: ${harm}`);

  const onRequest = (req: IncomingMessage, res: ServerResponse) => {
    const seen = record(journal, req, res);
    const line = `${seen.method} ${seen.target}`;
    const rule = rules.find((candidate) => candidate.left > 0 && candidate.pattern.test(line));
    if (rule) rule.left -= 1;
    const exchange: Exchange = {
      req,
      res,
      seen,
      fault: rule?.fault,
      accuse: (harm) => accuse(`${harm} (${line})`),
      send: (status, headers = {}, body = '') => send(exchange, status, headers, body),
    };
    res.on('error', () => {});
    req.on('error', () => {});
    withFault(exchange, handle).catch((error: NodeJS.ErrnoException) => {
      // A body that its sender breaks off is the sender's right.
      if (error.code !== 'ECONNRESET') accuse(`the fixture failed: ${error.stack} (${line})`);
    });
  };

  const server = options.tls ? createTlsServer(options.tls, onRequest) : createServer(onRequest);
  server.keepAliveTimeout = 60_000;
  server.on('checkContinue', (req, res) => {
    res.writeContinue();
    onRequest(req, res);
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // A request that cannot be parsed means that somebody let two messages run into each other.
    const isAmbiguous = error.code?.startsWith('HPE_') && error.code !== 'HPE_INVALID_EOF_STATE';
    if (isAmbiguous) accuse(`could not parse what came over the wire: ${error.code}`);
    socket.destroy();
  });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });

  const address = options.address ?? '127.0.0.1';
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const { port } = server.address() as AddressInfo;
  const authority = `${address}:${port}`;
  return {
    ...journal,
    url: `${options.tls ? 'https' : 'http'}://${authority}`,
    authority,
    port,
    fail: (pattern, fault, times = 1) => rules.push({ pattern, fault, left: times }),
    mend: () => {
      rules.length = 0;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

async function withFault(exchange: Exchange, handle: (exchange: Exchange) => void | Promise<void>): Promise<void> {
  const { fault, req, res } = exchange;
  switch (fault?.kind) {
    case 'status':
      req.resume();
      return exchange.send(fault.status, fault.headers, fault.body ?? ociError('UNKNOWN', `scripted ${fault.status}`));
    case 'refuse':
      markCut(res);
      req.socket.resetAndDestroy();
      return;
    case 'silence':
      req.resume();
      return;
    case 'hang-up':
      setTimeout(() => {
        if (!res.writableFinished) markCut(res);
        req.socket.destroy();
      }, fault.ms);
      return handle(exchange);
    case 'slow-head':
      await new Promise((resolve) => setTimeout(resolve, fault.ms));
      if (res.destroyed) return;
      return handle(exchange);
    default:
      return handle(exchange);
  }
}

function send({ res, seen }: Exchange, status: number, headers: OutgoingHttpHeaders, body: string | Buffer): void {
  if (res.destroyed) return;
  const bytes = Buffer.from(body as string);
  const bodiless = status === 204 || status === 304;
  seen.status = status;
  res.writeHead(status, bodiless ? headers : { 'content-length': bytes.length, ...headers });
  if (seen.method !== 'HEAD') seen.bytesOut += bytes.length;
  res.end(seen.method === 'HEAD' || bodiless ? undefined : bytes);
}

/** Reads a request's body and counts it. */
export async function readBody({ req, seen }: Exchange): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) {
    seen.bytesIn += (chunk as Buffer).length;
    chunks.push(chunk as Buffer);
  }
  const body = Buffer.concat(chunks);
  seen.body = body.subarray(0, 64 * 1024);
  return body;
}

export function ociError(code: string, message: string, detail: unknown = null): string {
  return JSON.stringify({ errors: [{ code, message, detail }] });
}
