// A registry and the object store behind it, both over TLS, and the registry once more over plain HTTP.
// How a blob is served stands in the name of its repository; stdout tells in JSON lines what happened to it.
//   node upstream.js <key file> <certificate file>
import { createCipheriv, createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http, { type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';

const [key, cert] = process.argv.slice(2).map((file) => readFileSync(file as string));
const MEGABYTE = 1_000_000;

/** Bytes that are different at every offset, and the same in every run. */
function noise(seed: number, size: number): Buffer {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16));
  return cipher.update(Buffer.alloc(size));
}

const block = noise(0, 1024 * 1024);
const blobs = new Map<string, Buffer>();
for (let seed = 1; seed <= 16; seed += 1) {
  const bytes = noise(seed, Math.round((3 + (5 * seed) / 16) * MEGABYTE) + seed);
  blobs.set(`sha256:${createHash('sha256').update(bytes).digest('hex')}`, bytes);
}

function tell(msg: string, fields: object = {}): void {
  process.stdout.write(`${JSON.stringify({ msg, at: Number(process.hrtime.bigint()) / 1e6, ...fields })}\n`);
}

/** A response that is not over closes when its connection does. */
function tellOfLeaving(res: ServerResponse): void {
  res.once('close', () => {
    if (!res.writableFinished) tell('closed');
  });
}

function sendBlocks(res: ServerResponse, size: number): void {
  res.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': size });
  let left = size;
  const more = () => {
    while (left > 0) {
      const piece = block.subarray(0, Math.min(left, block.length));
      left -= piece.length;
      if (!res.write(piece) && left > 0) return void res.once('drain', more);
    }
    res.end();
  };
  more();
}

const registry: RequestListener = (req, res) => {
  req.socket.setNoDelay();
  const [, how, what, digest] = /^\/v2\/bench\/([a-z]+)-([\w-]+)\/blobs\/(sha256:\w+)$/.exec(req.url ?? '') ?? [];
  switch (how) {
    case 'direct':
      return sendBlocks(res, Number(what));
    case 'moved':
      return send(res, 307, { location: `${storeUrl}/blocks/${what}?signature=0123456789abcdef` });
    case 'pull':
      return send(res, 307, { location: `${storeUrl}/blob/${digest}?pull=${what}` });
    case 'silent':
      tellOfLeaving(res);
      return tell('asked');
    default:
      return send(res, 200, { 'content-type': 'application/json' }, '{}');
  }
};

const store: RequestListener = (req, res) => {
  const { pathname, searchParams } = new URL(req.url ?? '', storeUrl);
  const [, kind, name = ''] = pathname.split('/');
  if (kind === 'blocks') {
    tellOfLeaving(res);
    return sendBlocks(res, Number(name));
  }
  const bytes = blobs.get(name);
  if (!bytes) return send(res, 404);
  serve(req, res, bytes, searchParams.get('pull') ?? '');
};

const met = new Set<string>();

/** TCP connections by the port of their other end: only these can be reset. */
const underTls = new Map<number | undefined, Socket>();

/** The first time that a pull asks for a blob, the body is cut at a random point, in one of the three ways there are. */
function serve(req: IncomingMessage, res: ServerResponse, bytes: Buffer, pull: string): void {
  const first = Number(/^bytes=(\d+)-/.exec(req.headers.range ?? '')?.[1] ?? 0);
  const rest = bytes.subarray(first);
  res.writeHead(first === 0 ? 200 : 206, {
    'content-length': rest.length,
    ...(first === 0 ? {} : { 'content-range': `bytes ${first}-${bytes.length - 1}/${bytes.length}` }),
  });
  if (met.has(pull)) return void res.end(rest);
  met.add(pull);
  const round = Number(/\d+$/.exec(pull)?.[0]);
  const chance = createHash('sha256').update(`cut ${round}`).digest().readUInt32BE() / 2 ** 32;
  const { socket } = req;
  const cut = [() => socket.destroy(), () => underTls.get(socket.remotePort)?.resetAndDestroy(), () => socket.end()];
  res.flushHeaders();
  res.write(rest.subarray(0, Math.floor(chance * rest.length)), () => {
    tell('cut', { pull });
    cut[round % 3]?.();
  });
}

function send(res: ServerResponse, status: number, headers: http.OutgoingHttpHeaders = {}, body = ''): void {
  res.writeHead(status, { 'content-length': Buffer.byteLength(body), ...headers });
  res.end(body);
}

async function listen(server: http.Server, host: string): Promise<number> {
  server.keepAliveTimeout = 600_000;
  server.on('connection', (socket: Socket) => underTls.set(socket.remotePort, socket));
  server.on('clientError', (_error, socket: Socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return (server.address() as AddressInfo).port;
}

let storeUrl = '';

async function main(): Promise<void> {
  storeUrl = `https://127.0.0.2:${await listen(https.createServer({ key, cert }, store), '127.0.0.2')}`;
  const secure = await listen(https.createServer({ key, cert }, registry), '127.0.0.1');
  const plain = await listen(http.createServer(registry), '127.0.0.1');
  tell('listening', { port: secure, plain, digests: [...blobs.keys()] });
}

main();
