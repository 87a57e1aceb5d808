// A registry over TLS that answers only to a Bearer token, and its token server on the same host, which wants a login.
// Counts the tokens that it was asked for, and says so over plain HTTP.
//   TOKEN_TIME=<ms> node bearer-registry.js <key file> <certificate file>
import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http, { type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';

const [key, cert] = process.argv.slice(2).map((file) => readFileSync(file as string));
const login = { username: 'bench', password: randomUUID() };
const basic = `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`;
const token = randomUUID();
const bearer = `Bearer ${token}`;
const REPOSITORY = '/v2/bench/image';
const MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';

interface Content {
  readonly type: string;
  readonly bytes: Buffer;
  readonly digest: string;
}

function contentOf(type: string, bytes: Buffer): Content {
  return { type, bytes, digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}` };
}

function descriptor({ type, bytes, digest }: Content): object {
  return { mediaType: type, size: bytes.length, digest };
}

const config = contentOf('application/vnd.docker.container.image.v1+json', Buffer.from('{}'));
const layer = contentOf('application/vnd.docker.image.rootfs.diff.tar.gzip', Buffer.alloc(100_000, 1));
const manifest = contentOf(
  MANIFEST,
  Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, config: descriptor(config), layers: [descriptor(layer)] }),
  ),
);
const contents = new Map<string, Content>([
  [`${REPOSITORY}/manifests/latest`, manifest],
  [`${REPOSITORY}/manifests/${manifest.digest}`, manifest],
  ...[config, layer].map((blob) => [`${REPOSITORY}/blobs/${blob.digest}`, blob] as const),
]);

let tokens = 0;

const server = https.createServer({ key, cert }, (req, res) => {
  const [path = ''] = (req.url ?? '').split('?');
  if (path === '/token') return sendToken(req, res);
  if (req.headers.authorization !== bearer) {
    const scope = path === '/v2/' ? '' : ',scope="repository:bench/image:pull"';
    return send(req, res, 401, { 'www-authenticate': `Bearer realm="${url()}/token",service="bench"${scope}` }, '{}');
  }
  if (path === '/v2/') return send(req, res, 200, {}, '{}');
  const content = contents.get(path);
  if (!content) return send(req, res, 404, {}, '{}');
  const { type, digest, bytes } = content;
  send(req, res, 200, { 'content-type': type, 'docker-content-digest': digest, etag: `"${digest}"` }, bytes);
});

function sendToken(req: IncomingMessage, res: ServerResponse): void {
  tokens += 1;
  const isKnown = req.headers.authorization === basic;
  const body = isKnown ? JSON.stringify({ token, expires_in: 3600 }) : '{}';
  const answer = () => send(req, res, isKnown ? 200 : 401, {}, body);
  const time = Number(process.env.TOKEN_TIME ?? 0);
  if (time > 0) setTimeout(answer, time);
  else answer();
}

function send(
  req: IncomingMessage,
  res: ServerResponse,
  status: number,
  headers: OutgoingHttpHeaders,
  body: string | Buffer,
): void {
  res.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'docker-distribution-api-version': 'registry/2.0',
    ...headers,
  });
  res.end(req.method === 'HEAD' ? undefined : body);
}

function url(): string {
  return `https://127.0.0.1:${portOf(server)}`;
}

function portOf(listener: http.Server): number {
  return (listener.address() as AddressInfo).port;
}

async function main(): Promise<void> {
  const counter = http.createServer((req, res) => send(req, res, 200, {}, JSON.stringify({ tokens })));
  server.keepAliveTimeout = 600_000;
  for (const each of [server, counter]) await new Promise<void>((done) => each.listen(0, '127.0.0.1', done));
  const paths = [...contents.keys()].slice(1);
  const line = { msg: 'listening', port: portOf(server), counter: portOf(counter), login, token, paths };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

main();
