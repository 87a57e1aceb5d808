// A registry over plain HTTP whose images are noise. How fast it sends can be limited, and what it sent is counted.
//   IMAGES='{"name":[<bytes of each layer>]}' node image-registry.js
//   CONNECTION_RATE, LINK_RATE: bytes a second, of each connection and of all together
//   LATENCY: milliseconds before each answer
// GET /-/count says what was sent since it was last asked.
import http, { type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { type Content, imageOf, type NoiseImage } from '../noise';
import { Pace } from '../pace';

const PIECE = 64 * 1024;
const number = (name: string, fallback: number) => Number(process.env[name] ?? fallback);
const connectionRate = number('CONNECTION_RATE', Number.POSITIVE_INFINITY);
const latency = number('LATENCY', 0);
const link = new Pace(number('LINK_RATE', Number.POSITIVE_INFINITY));
const connections = new WeakMap<object, Pace>();
const images = new Map<string, NoiseImage>();
const count = { requests: 0, blobs: 0, bytes: 0, connections: 0 };

async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const [path = ''] = (req.url ?? '').split('?');
  if (path === '/-/count') {
    send(req, res, 200, { ...count });
    return void Object.assign(count, { requests: 0, blobs: 0, bytes: 0, connections: 0 });
  }
  count.requests += 1;
  if (latency > 0) await setTimeout(latency);
  if (path === '/v2/') return send(req, res, 200, {});
  const [, name = '', kind, reference] = /^\/v2\/bench\/([\w-]+)\/(manifests|blobs)\/([\w:.-]+)$/.exec(path) ?? [];
  const image = images.get(name);
  const content =
    kind === 'manifests'
      ? image?.manifest
      : [image?.config, ...(image?.layers ?? [])].find((each) => each?.digest === reference);
  const isKnown = kind === 'blobs' || reference === 'latest' || reference === content?.digest;
  if (!content || !isKnown) return send(req, res, 404, { errors: [{ code: 'NAME_UNKNOWN' }] });
  if (kind === 'blobs') count.blobs += 1;
  await sendContent(req, res, content);
}

async function sendContent(req: IncomingMessage, res: ServerResponse, content: Content): Promise<void> {
  const { type, digest, size } = content;
  const [, from = '0', to = ''] = /^bytes=(\d+)-(\d*)$/.exec(req.headers.range ?? '') ?? [];
  const first = Number(from);
  const last = to === '' ? size - 1 : Math.min(Number(to), size - 1);
  const isPart = req.headers.range !== undefined;
  if (first >= size) return send(req, res, 416, {}, { 'content-range': `bytes */${size}` });
  res.writeHead(isPart ? 206 : 200, {
    'content-type': type,
    'content-length': last - first + 1,
    'accept-ranges': 'bytes',
    'docker-content-digest': digest,
    'docker-distribution-api-version': 'registry/2.0',
    etag: `"${digest}"`,
    ...(isPart ? { 'content-range': `bytes ${first}-${last}/${size}` } : {}),
  });
  if (req.method === 'HEAD') return void res.end();
  res.flushHeaders();
  const pace = connections.get(req.socket) ?? new Pace(connectionRate);
  connections.set(req.socket, pace);
  for (let at = first; at <= last && !res.destroyed; at += PIECE) {
    const piece = content.read(at, Math.min(PIECE, last + 1 - at));
    await Promise.all([pace.wait(piece.length), link.wait(piece.length)]);
    if (res.destroyed) return;
    count.bytes += piece.length;
    if (!res.write(piece)) await drained(res);
  }
  res.end();
}

function drained(res: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      res.off('drain', done).off('close', done);
      resolve();
    };
    res.on('drain', done).on('close', done);
  });
}

function send(
  req: IncomingMessage,
  res: ServerResponse,
  status: number,
  body: object,
  headers: OutgoingHttpHeaders = {},
): void {
  const text = JSON.stringify(body);
  res.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'docker-distribution-api-version': 'registry/2.0',
    ...headers,
  });
  res.end(req.method === 'HEAD' ? undefined : text);
}

const server = http.createServer((req, res) => {
  req.socket.setNoDelay();
  answer(req, res).catch(() => res.destroy());
});
server.keepAliveTimeout = 600_000;
server.on('connection', () => {
  count.connections += 1;
});

for (const [name, sizes] of Object.entries(JSON.parse(process.env.IMAGES ?? '{}') as Record<string, number[]>)) {
  images.set(name, imageOf(name, sizes));
}
server.listen(0, '127.0.0.1', () => {
  const known = [...images].map(([name, { manifest, config, layers }]) => ({
    name,
    manifest: manifest.digest,
    blobs: [config, ...layers].map(({ digest, size }) => ({ digest, size })),
  }));
  const line = { msg: 'listening', port: (server.address() as AddressInfo).port, images: known };
  process.stdout.write(`${JSON.stringify(line)}\n`);
});
