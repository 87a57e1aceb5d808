import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import type { ClientHttp2Session, ClientHttp2Stream, SecureClientSessionOptions } from 'node:http2';
import https, { type Server } from 'node:https';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { readConfig } from '../../src/core/config';
import { RELOAD_INTERVAL } from '../../src/node/poll';
import { type RunningServer, startServer } from '../../src/node/server';
import { createLog } from '../../src/shell/log';
import { layerNode } from '../edges/function';
import { type Authority, createAuthority } from '../upstream/certificates';
import { ask } from '../upstream/client';
import { connectH2, type H2Client, readReply } from '../upstream/h2-client';
import { type Exchange, listen, readBody, type TlsIdentity, type Upstream } from '../upstream/listen';
import { until } from '../upstream/scene';
import { processFrom } from './process';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const BLOB = `/v2/team/app/blobs/${DIGEST}`;
const MANIFEST = '/v2/team/app/manifests/v1';
const UPLOAD = '/v2/team/app/blobs/uploads/1234';
const MB = 1024 * 1024;
const ALL_BUT_INTERVALS = [
  'Date',
  'hrtime',
  'nextTick',
  'performance',
  'queueMicrotask',
  'setImmediate',
  'setTimeout',
  'clearTimeout',
  'clearImmediate',
];

let authority: Authority;
let first: TlsIdentity;
let second: TlsIdentity;
let folder: string;
let upstream: Upstream;
let lines: Record<string, unknown>[];
let running: RunningServer;
let server: Server;
let clients: H2Client[];

beforeAll(async () => {
  authority = await createAuthority();
  [first, second] = await Promise.all(
    ['first.example.com', 'second.example.com'].map((name) => authority.issue([name, '127.0.0.1'])),
  );
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'h2-'));
  put(first);
  lines = [];
  clients = [];
});

afterEach(async () => {
  jest.useRealTimers();
  for (const client of clients) client.close();
  await Promise.all([running?.close(), upstream?.stop()]);
  rmSync(folder, { recursive: true });
});

function put({ cert, key }: TlsIdentity) {
  writeFileSync(join(folder, 'tls.crt'), cert);
  writeFileSync(join(folder, 'tls.key'), key);
}

const environment = () => ({
  HOST: '127.0.0.1',
  PORT: '0',
  REGISTRY_BACKEND: upstream.url,
  RETRY_TIMEOUT: '0',
  STALL_TIMEOUT: '2s',
  SHUTDOWN_TIMEOUT: '5s',
  TLS_CERT: join(folder, 'tls.crt'),
  TLS_KEY: join(folder, 'tls.key'),
});

/** A registry of one handler, the proxy in front of it, and one session of a client. */
async function begun(
  handle: (exchange: Exchange) => void | Promise<void>,
  env: Record<string, string> = {},
): Promise<H2Client> {
  upstream = await listen('registry', handle);
  const own: typeof lines = [];
  lines = own;
  const log = createLog({ level: 'debug', format: 'json', write: (line) => own.push(JSON.parse(line)) });
  const create = jest.spyOn(https, 'createServer');
  running = await startServer(readConfig({ ...environment(), ...env }), log);
  server = create.mock.results[0].value as Server;
  create.mockRestore();
  return client();
}

async function client(options: SecureClientSessionOptions = {}, url = running.url): Promise<H2Client> {
  const connected = await connectH2(url, { ca: authority.cert, ...options });
  clients.push(connected);
  return connected;
}

const said = (message: string) => lines.filter(({ msg }) => msg === message);
const answers =
  (body: string | Buffer) =>
  ({ send }: Exchange) =>
    send(200, {}, body);
const sha = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** A registry whose blob has begun, and goes on when it is told. */
function halves() {
  const held: ServerResponse[] = [];
  const handle = ({ res }: Exchange) => {
    res.writeHead(200, { 'content-length': 6 }).write('abc');
    held.push(res);
  };
  return { handle, held, finish: () => held[0].end('def') };
}

/** What has come of a body so far. */
function reading(stream: ClientHttp2Stream): { text: string } {
  const read = { text: '' };
  stream.on('data', (chunk) => {
    read.text += chunk;
  });
  return read;
}

/** Opens streams and resets them at once, far more than are allowed. */
async function flood({ session, open }: H2Client): Promise<void> {
  for (let opened = 0; opened < 2_000 && !session.destroyed && !session.closed; opened += 1) {
    open(BLOB).close(8);
    if (opened % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

const closing = (session: ClientHttp2Session) => new Promise<void>((resolve) => session.once('close', () => resolve()));

describe('a session', () => {
  test('is not offered where it is switched off', async () => {
    await expect(begun(() => {}, { HTTP2: 'false' })).rejects.toThrow();
    const socket = connectTls({
      port: running.port,
      host: '127.0.0.1',
      ca: authority.cert,
      ALPNProtocols: ['h2', 'http/1.1'],
    });
    await once(socket, 'secureConnect');
    expect(socket.alpnProtocol).toBe('http/1.1');
    socket.destroy();
  });

  test('is what a client gets that offers it, and HTTP/1.1 any other, on the same port', async () => {
    const { session, ask: askH2 } = await begun(answers('{}'));
    expect([session.alpnProtocol, (await askH2('/-/healthz')).text]).toEqual(['h2', 'ok\n']);
    expect((await ask(`${running.url}/-/healthz`, { ca: authority.cert })).text).toBe('ok\n');
    const socket = connectTls({ port: running.port, host: '127.0.0.1', ca: authority.cert, ALPNProtocols: ['spdy/3'] });
    const [error] = await once(socket, 'error');
    expect(error.code).toMatch(/ALERT_NO_APPLICATION_PROTOCOL/);
    expect(await until(() => said('connection refused').length === 1)).toBe(true);
  });

  test('states its limits', async () => {
    const { session } = await begun(answers('{}'));
    await until(() => session.remoteSettings.maxConcurrentStreams === 128);
    expect(session.remoteSettings).toMatchObject({
      maxConcurrentStreams: 128,
      initialWindowSize: MB,
      maxHeaderListSize: 32 * 1024,
    });
  });

  test('is logged by each of its requests, with the client’s own address', async () => {
    const { ask } = await begun(answers('{}'), { TRUST_PROXY: '127.0.0.1' });
    await ask('/-/healthz');
    await ask(MANIFEST, { headers: { 'x-forwarded-for': '192.0.2.7' } });
    expect(await until(() => said('request').length === 2)).toBe(true);
    expect(said('request')).toMatchObject([
      { level: 'info', method: 'GET', path: '/-/healthz', route: 'own', status: 200, bytes: 3, client: '127.0.0.1' },
      { level: 'info', path: MANIFEST, route: 'manifest', status: 200, bytes: 2, client: '192.0.2.7' },
    ]);
  });

  test('ends when nothing has been asked for a while, and not before', async () => {
    const { handle, finish } = halves();
    const { session, open } = await begun(handle);
    server.keepAliveTimeout = 100;
    const stream = open(BLOB);
    const read = reading(stream);
    await until(() => read.text === 'abc');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect([session.closed, session.destroyed]).toEqual([false, false]);
    finish();
    await closing(session);
    expect([read.text, stream.rstCode, said('request')[0].status]).toEqual(['abcdef', 0, 200]);
  });

  test('in which nothing is ever asked ends like a connection that sends no head', async () => {
    await begun(answers('{}'));
    server.headersTimeout = 100;
    const { session } = await client();
    await closing(session);
    expect(session.destroyed).toBe(true);
  });

  test('leaves no connection inside the process behind, however its streams end', async () => {
    const { ask, open, session } = await begun(async (exchange) => {
      const { seen, send, res } = exchange;
      if (seen.target === '/cut') return void res.writeHead(200).write('abc', () => res.destroy());
      if (seen.method === 'PATCH') return send(401);
      if (seen.method === 'PUT') await readBody(exchange);
      send(200, {}, Buffer.alloc(300_000));
    });
    const sockets: Socket[] = [];
    server.on('request', ({ socket }) => sockets.push(socket));
    const body = Buffer.alloc(300_000);
    const asked = [
      ask(BLOB),
      ask(BLOB, { method: 'HEAD' }),
      ask('/-/healthz'),
      ask('/v2/', { method: 'OPTIONS' }),
      ask('/cut'),
      ask(UPLOAD, { method: 'PUT', body }),
      ask(UPLOAD, { method: 'PUT', body, headers: { 'content-length': body.length } }),
      ask(UPLOAD, { method: 'PATCH', body: [body, body, body, body, body, body, body] }),
    ];
    const leaving = [open(BLOB), open(UPLOAD, { method: 'PUT', isOpen: true })];
    await Promise.all(asked);
    for (const stream of leaving) stream.destroy(new Error('left'));
    expect(await until(() => sockets.length === 10 && sockets.every(({ destroyed }) => destroyed))).toBe(true);
    expect([session.closed, session.destroyed]).toEqual([false, false]);
  });

  test('that breaks the protocol ends, is logged, and harms no other', async () => {
    const { ask } = await begun(answers('{}'));
    const socket = connectTls({ port: running.port, host: '127.0.0.1', ca: authority.cert, ALPNProtocols: ['h2'] });
    socket.on('error', () => {}).resume();
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'close');
    expect(said('connection ended')).toMatchObject([
      { level: 'warn', client: '127.0.0.1', why: expect.stringMatching(/^HTTP\/2: /) },
    ]);
    expect((await ask('/-/healthz')).status).toBe(200);
  });

  test('of a client that opens streams only to reset them is closed (CVE-2023-44487)', async () => {
    const flooding = await begun(({ req }) => void req.resume());
    await flood(flooding);
    expect(await until(() => said('connection ended').length === 1, 5000)).toBe(true);
    expect(said('connection ended')).toMatchObject([{ client: '127.0.0.1', why: expect.stringContaining('reset') }]);
    expect(said('request').length).toBeLessThan(1000);
    const count = promisify(server.getConnections).call(server) as Promise<number>;
    expect(await count).toBe(0);
    expect((await (await client()).ask('/-/healthz')).status).toBe(200);
  });

  test('of a client that gets many broken answers goes on', async () => {
    const { ask, session } = await begun(({ res }) => void res.writeHead(200).write('abc', () => res.destroy()));
    const endings = new Set<string>();
    for (let i = 0; i < 25; i += 1) {
      const replies = await Promise.all(Array.from({ length: 10 }, () => ask('/cut')));
      for (const { ending } of replies) endings.add(ending);
    }
    expect([[...endings], session.closed, session.destroyed]).toEqual([['reset'], false, false]);
  });

  test('of a client that now and then leaves goes on', async () => {
    const { ask, open, session } = await begun(({ seen, send }) => {
      if (seen.target === MANIFEST) send(200, {}, '{}');
    });
    for (let i = 0; i < 250; i += 1) {
      const stream = open(BLOB);
      await ask(MANIFEST);
      stream.close(8);
    }
    expect([session.closed, session.destroyed]).toEqual([false, false]);
  });
});

describe('a pull', () => {
  test('gets manifest and blob byte for byte, without the fields of an HTTP/1.1 connection', async () => {
    const blob = randomBytes(7 * MB + 13);
    const { ask } = await begun(({ seen, send }) =>
      seen.target === BLOB
        ? send(200, { etag: '"x"', 'docker-note': 'caf\u00e9', 'keep-alive': 'timeout=5' }, blob)
        : send(200, { 'content-type': 'application/vnd.oci.image.index.v1+json' }, '{"a":1}'),
    );
    const manifest = await ask(MANIFEST);
    expect([manifest.status, manifest.text, manifest.header('content-length')]).toEqual([200, '{"a":1}', '7']);
    expect(manifest.header('content-type')).toBe('application/vnd.oci.image.index.v1+json');
    const reply = await ask(BLOB);
    expect([reply.ending, reply.header('content-length')]).toEqual(['clean', String(blob.length)]);
    expect([reply.header('docker-note'), reply.header('docker-content-digest')]).toEqual(['caf\u00e9', DIGEST]);
    expect(sha(reply.body)).toBe(sha(blob));
    const names = [...manifest.headers, ...reply.headers].map(([name]) => name);
    expect(names.filter((name) => /^(connection|keep-alive|transfer-encoding)$/.test(name))).toEqual([]);
  });

  test('of twenty blobs at once on one session gets each of them', async () => {
    const blobs = new Map(Array.from({ length: 20 }, (_, i) => [`sha256:${sha(Buffer.of(i))}`, randomBytes(MB + i)]));
    const { ask } = await begun(({ seen, send }) => send(200, {}, blobs.get(seen.target.split('/').pop() as string)));
    const replies = await Promise.all([...blobs.keys()].map((digest) => ask(`/v2/team/app/blobs/${digest}`)));
    expect(replies.map(({ body, ending }) => `${ending} ${sha(body)}`)).toEqual(
      [...blobs.values()].map((bytes) => `clean ${sha(bytes)}`),
    );
  });

  test('asks the registry as one by HTTP/1.1 does', async () => {
    const { ask: askH2 } = await begun(answers('{}'));
    const headers = { accept: 'a/b', authorization: 'Bearer t', cookie: 'x=y', te: 'trailers', 'user-agent': 'test' };
    await askH2(`${MANIFEST}?ns=${upstream.authority}`, { headers });
    const { te: _te, ...same } = headers;
    const target = `${running.url}${MANIFEST}?ns=${upstream.authority}`;
    await ask(target, { headers: same, ca: authority.cert });
    const [h2, h1] = upstream.requests;
    expect([h2.method, h2.target, h2.rawHeaders]).toEqual([h1.method, h1.target, h1.rawHeaders]);
  });

  test('of the head alone has its length and no body', async () => {
    const { ask } = await begun(({ res }) => void res.writeHead(200, { 'content-length': 12_345 }).end());
    const reply = await ask(BLOB, { method: 'HEAD' });
    expect([reply.status, reply.header('content-length'), reply.body.length, reply.ending]).toEqual([
      200,
      '12345',
      0,
      'clean',
    ]);
  });

  test.each([[204], [304], [404], [429]])('that is answered %d gets that', async (status) => {
    const { ask } = await begun(({ send }) => send(status, { 'retry-after': '7' }, 'no'));
    const reply = await ask(MANIFEST);
    const bodiless = status === 204 || status === 304;
    expect([reply.status, reply.header('retry-after'), reply.text, reply.ending]).toEqual([
      status,
      '7',
      bodiless ? '' : 'no',
      'clean',
    ]);
  });

  test('that must log in gets every challenge as a line of its own, with the authority as realm', async () => {
    const { ask } = await begun(({ send }) =>
      send(401, { 'www-authenticate': ['Bearer realm="https://auth.example.com/t"', 'Basic realm="x"'] }),
    );
    const reply = await ask('/v2/', { headers: { ':authority': 'r.example.com', host: 'evil.example.com' } });
    expect(reply.lines('www-authenticate')).toEqual([
      'Bearer realm="https://r.example.com/token",service="r.example.com"',
      'Basic realm="x"',
    ]);
    expect(upstream.requests[0].header('host')).toBe(upstream.authority);
  });

  test('without an authority takes the host of the Host field', async () => {
    const { ask } = await begun(({ send }) => send(401, { 'www-authenticate': 'Bearer realm="https://a.b.c/t"' }));
    const reply = await ask('/v2/', { headers: { host: 'r.example.com' } });
    expect(reply.header('www-authenticate')).toContain('realm="https://r.example.com/token"');
  });

  test('with a field twice that HTTP/2 has once still gets its answer', async () => {
    const { ask } = await begun(({ res }) => {
      res.writeHead(200, ['content-length', '2', 'etag', '"a"', 'etag', '"b"']).end('{}');
    });
    const reply = await ask(MANIFEST);
    expect([reply.status, reply.text, reply.lines('etag')]).toEqual([200, '{}', ['"a", "b"']]);
  });
});

describe('a body that breaks off', () => {
  test.each([
    ['with a length', { 'content-length': 1_000_000 }],
    ['without one', {}],
  ])('upstream, %s, resets the stream and never ends it', async (_, headers) => {
    const { ask } = await begun(({ res }) => {
      res.writeHead(200, headers).write('x'.repeat(100_000));
      setTimeout(() => res.destroy(), 50);
    });
    const reply = await ask('/some/file');
    expect([reply.status, reply.ending, reply.code]).toEqual([200, 'reset', 2]);
    expect(reply.text).toBe('x'.repeat(reply.body.length));
    expect((await ask('/-/healthz')).text).toBe('ok\n');
    await until(() => said('request').length === 2);
    expect(said('request')[0]).toMatchObject({ level: 'warn', status: 200, why: expect.stringContaining('cut') });
  });

  test('upstream and can be continued arrives whole', async () => {
    const blob = randomBytes(MB);
    const { ask } = await begun(({ req, res }) => {
      const from = Number(/bytes=(\d+)-/.exec(req.headers.range ?? '')?.[1] ?? 0);
      const range = { 'content-range': `bytes ${from}-${blob.length - 1}/${blob.length}` };
      res.writeHead(from ? 206 : 200, { 'content-length': blob.length - from, ...(from ? range : {}) });
      if (from > 0) return void res.end(blob.subarray(from));
      res.write(blob.subarray(0, MB / 2));
      setTimeout(() => res.destroy(), 50);
    });
    const reply = await ask(BLOB);
    expect([reply.ending, sha(reply.body)]).toEqual(['clean', sha(blob)]);
    await until(() => said('request').length === 1);
    expect(said('request')[0]).toMatchObject({ level: 'warn', resumed: 1, bytes: MB });
  });

  test.each<[string, (stream: ClientHttp2Stream, session: ClientHttp2Session) => void]>([
    ['resets its stream', (stream) => stream.close(8)],
    ['resets its stream, as one that is done with it', (stream) => stream.close(0)],
    ['closes its connection', (_, session) => session.destroy()],
  ])('because the client %s ends the upstream request', async (_, leave) => {
    const { handle } = halves();
    const { open, session } = await begun(handle);
    const stream = open(BLOB);
    const read = reading(stream);
    await until(() => read.text === 'abc');
    leave(stream, session);
    expect(await until(() => upstream.requests[0].closedEarlyAt !== undefined)).toBe(true);
    expect(await until(() => said('request').length === 1)).toBe(true);
    expect(said('request')[0]).toMatchObject({ level: 'warn', status: 200, why: 'the client left' });
  });
});

describe('an upload', () => {
  const location = { location: '/v2/team/app/blobs/uploads/1234' };

  test.each([
    ['with a length', true],
    ['without one', false],
  ])('%s reaches the registry byte for byte, and its address leads back', async (_, isMeasured) => {
    const bytes = randomBytes(5 * MB);
    let received: Buffer = Buffer.alloc(0);
    const { ask } = await begun(async (exchange) => {
      received = await readBody(exchange);
      exchange.send(202, location);
    });
    const reply = await ask(UPLOAD, {
      method: 'PATCH',
      headers: isMeasured ? { 'content-length': bytes.length } : {},
      body: Array.from({ length: 10 }, (_, i) =>
        bytes.subarray((i * bytes.length) / 10, ((i + 1) * bytes.length) / 10),
      ),
    });
    expect([reply.status, reply.header('location')]).toEqual([202, `${running.url}${UPLOAD}`]);
    expect(sha(received)).toBe(sha(bytes));
    expect(upstream.requests[0].header('content-length')).toBe(isMeasured ? String(bytes.length) : undefined);
  });

  test('is streamed: the registry has its start before its end is sent', async () => {
    const { open } = await begun(({ req, res }) => {
      let size = 0;
      req.on('data', (chunk) => {
        size += chunk.length;
      });
      req.on('end', () => res.writeHead(201, { 'docker-note': String(size) }).end());
    });
    const stream = open(UPLOAD, { method: 'PATCH', isOpen: true });
    const reply = readReply(stream);
    stream.write('abc');
    expect(await until(() => upstream.requests.length === 1)).toBe(true);
    stream.end('def');
    expect((await reply).header('docker-note')).toBe('6');
  });

  test('of nothing has a length of 0', async () => {
    const { ask } = await begun(({ send }) => send(202, location));
    expect((await ask('/v2/team/app/blobs/uploads/', { method: 'POST' })).status).toBe(202);
    expect(upstream.requests[0].header('content-length')).toBe('0');
  });

  test.each<[string, (stream: ClientHttp2Stream, session: ClientHttp2Session) => void]>([
    // Not by `close`, with which Node's client ends the body before it resets the stream.
    ['resets its stream', (stream) => stream.destroy(new Error('left'))],
    ['closes its connection', (_, session) => session.destroy()],
  ])('whose client %s never looks whole to the registry', async (_, leave) => {
    let ending = '';
    const { open, session } = await begun(({ req }) => {
      req.on('end', () => {
        ending = 'end';
      });
      req.on('close', () => {
        ending ||= 'broken off';
      });
      req.resume();
    });
    const stream = open(UPLOAD, { method: 'PATCH', isOpen: true });
    stream.write('x'.repeat(100_000));
    await until(() => upstream.requests.length === 1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    leave(stream, session);
    expect(await until(() => ending !== '')).toBe(true);
    expect(ending).toBe('broken off');
  });

  test('that is refused at its start gets the whole answer, and is stopped without an error', async () => {
    const { ask } = await begun(({ res }) => void res.writeHead(401, { 'content-length': 2 }).end('no'));
    const body = Array.from({ length: 50 }, () => Buffer.alloc(100_000));
    for (let i = 0; i < 30; i += 1) {
      const reply = await ask(UPLOAD, { method: 'PATCH', body });
      expect([reply.status, reply.text, reply.code]).toEqual([401, 'no', 0]);
    }
  });

  test('goes no faster than the registry takes it', async () => {
    const { open } = await begun(({ req }) => void req.pause());
    const stream = open(UPLOAD, { method: 'PATCH', isOpen: true });
    let sent = 0;
    const chunk = Buffer.alloc(64 * 1024);
    const send = () => {
      while (sent < 200 * MB) {
        sent += chunk.length;
        if (!stream.write(chunk)) return void stream.once('drain', send);
      }
    };
    send();
    await until(() => upstream.requests.length === 1);
    let before = -1;
    while (before !== sent) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    // One window of ours, and what the sockets hold.
    expect(sent).toBeLessThan(30 * MB);
    stream.close(8);
  });

  test('that waits to be told gets told to go on', async () => {
    const { open } = await begun(async (exchange) => {
      await readBody(exchange);
      exchange.send(201);
    });
    const stream = open(UPLOAD, { method: 'PUT', headers: { expect: '100-continue' }, isOpen: true });
    const reply = readReply(stream);
    const [head] = await once(stream, 'headers');
    expect(head[':status']).toBe(100);
    stream.end('abc');
    expect((await reply).status).toBe(201);
    expect(upstream.requests[0].body.toString()).toBe('abc');
  });
});

describe('a head', () => {
  test.each([
    ['of 20 KiB', { x: 'y'.repeat(20_000) }, 431],
    ['with a method that there is not', { ':method': 'BREW' }, 400],
    ['with chunks on a method without body', { ':method': 'DELETE' }, 411],
    ['with a path that leads elsewhere', { ':path': '/v2/team/../app/manifests/v1' }, 400],
  ])('%s is refused in words, as by HTTP/1.1', async (_, headers, status) => {
    const { open, ask } = await begun(answers('{}'));
    const reply = await readReply(open(MANIFEST, { headers, isOpen: status === 411 }));
    expect(reply.status).toBe(status);
    expect(JSON.parse(reply.text)).toMatchObject({ errors: [{ code: expect.any(String) }] });
    expect(await until(() => said('request').length === 1)).toBe(true);
    expect(said('request')[0]).toMatchObject({ status, client: '127.0.0.1' });
    expect((await ask('/-/healthz')).status).toBe(200);
    expect(upstream.requests).toEqual([]);
  });

  test('of 40 KiB, or of 200 fields, resets its stream', async () => {
    const { ask } = await begun(answers('{}'));
    // The limits hold from when the client has confirmed them.
    await ask('/-/healthz');
    const many = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`x-${i}`, '1']));
    for (const headers of [{ x: 'y'.repeat(40_000) }, many]) {
      await expect(ask(MANIFEST, { headers })).rejects.toMatchObject({ code: 11 });
    }
    expect((await ask('/-/healthz')).status).toBe(200);
  });

  test('of CONNECT is a 405', async () => {
    const { session } = await begun(answers('{}'));
    const reply = await readReply(session.request({ ':method': 'CONNECT', ':authority': 'evil.example:443' }));
    expect([reply.status, JSON.parse(reply.text).errors[0].code]).toEqual([405, 'UNSUPPORTED']);
    expect(said('request')).toMatchObject([{ method: 'CONNECT', status: 405, client: '127.0.0.1' }]);
  });
});

describe('a slow client', () => {
  test('holds the registry back, and only its own stream', async () => {
    let sent = 0;
    const chunk = Buffer.alloc(64 * 1024);
    await begun(
      ({ res, send, seen }) => {
        if (seen.target === MANIFEST) return send(200, {}, '{}');
        res.writeHead(200, { 'content-length': 400 * MB });
        const go = () => {
          while (sent < 400 * MB && !res.destroyed) {
            sent += chunk.length;
            if (!res.write(chunk)) return void res.once('drain', go);
          }
        };
        return go();
      },
      { STALL_TIMEOUT: '20s' },
    );
    const { open, ask } = await client();
    const stream = open(BLOB);
    await once(stream, 'response');
    let before = -1;
    while (before !== sent) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    expect(sent).toBeLessThan(30 * MB);
    expect((await ask(MANIFEST)).text).toBe('{}');
    stream.close(8);
  });

  test('that takes no byte is reset after CLIENT_TIMEOUT, in the middle of a body', async () => {
    await begun(answers(randomBytes(20 * MB)), { CLIENT_TIMEOUT: '300ms' });
    const { open } = await client({ settings: { initialWindowSize: 1000 } });
    const stream = open(BLOB);
    stream.pause();
    expect(await until(() => said('request').length === 1, 3000)).toBe(true);
    expect(said('request')[0]).toMatchObject({ level: 'warn', why: expect.stringContaining('took no byte') });
    expect(await until(() => stream.destroyed)).toBe(true);
    expect(stream.rstCode).toBe(2);
  });

  test('that takes no byte is reset after CLIENT_TIMEOUT, also when all has been said', async () => {
    await begun(answers('{}'), { CLIENT_TIMEOUT: '300ms' });
    const { ask } = await client({ settings: { initialWindowSize: 0 } });
    const reply = await ask('/-/healthz');
    expect([reply.status, reply.ending, reply.code]).toEqual([200, 'reset', 2]);
  });
});

describe('shutdown', () => {
  test('lets the streams under way end, takes no new one, and waits for no idle session', async () => {
    const { handle, finish } = halves();
    const { open, session } = await begun(handle);
    const idle = await client();
    await idle.ask('/-/healthz');
    const read = reading(open(BLOB));
    await until(() => read.text === 'abc');
    const gone = [once(session, 'goaway'), once(idle.session, 'goaway')];
    const closed = running.close();
    expect((await Promise.all(gone)).map(([code]) => code)).toEqual([0, 0]);
    await closing(idle.session);
    expect(() => session.request({ ':path': '/-/healthz' })).toThrow(/GOAWAY|closed|destroyed/i);
    finish();
    await closed;
    expect(await until(() => read.text === 'abcdef')).toBe(true);
    expect(said('transfers cut by shutdown')).toEqual([]);
  });

  test('resets what has not ended in time', async () => {
    const { handle } = halves();
    const { open } = await begun(handle, { SHUTDOWN_TIMEOUT: '300ms', STALL_TIMEOUT: '9s' });
    const stream = open(BLOB);
    const reply = readReply(stream);
    const read = reading(stream);
    await until(() => read.text === 'abc');
    await running.close();
    expect((await reply).ending).toBe('reset');
    expect(said('transfers cut by shutdown')).toHaveLength(1);
  });
});

test('a certificate that changes is shown to new sessions, and the ones before go on', async () => {
  jest.useFakeTimers({ doNotFake: ALL_BUT_INTERVALS } as never);
  const { handle, finish } = halves();
  const { open, session } = await begun(handle);
  const read = reading(open(BLOB));
  await until(() => read.text === 'abc');
  put(second);
  jest.advanceTimersByTime(RELOAD_INTERVAL);
  expect(await until(() => said('certificate reloaded').length === 1)).toBe(true);
  const names = [session, (await client()).session].map(
    (each) => (each.socket as TLSSocket).getPeerCertificate().subject.CN,
  );
  expect(names).toEqual(['first.example.com', 'second.example.com']);
  finish();
  expect(await until(() => read.text === 'abcdef')).toBe(true);
});

describe('the process, on the oldest Node.js it is made for', () => {
  let program: Awaited<ReturnType<typeof processFrom>>;

  beforeAll(async () => {
    program = await processFrom(undefined, layerNode);
  });

  afterAll(() => program.stop());

  test('pulls, pushes, resets what is cut, and ends with 0 after the stream that SIGTERM finds', async () => {
    const blob = randomBytes(3 * MB);
    const { handle, finish } = halves();
    upstream = await listen('registry', async (exchange) => {
      const { seen, res } = exchange;
      if (seen.target === MANIFEST) return exchange.send(200, {}, blob);
      if (seen.method === 'PUT') return exchange.send(201, { 'docker-note': sha(await readBody(exchange)) });
      if (seen.target === BLOB) return handle(exchange);
      res.writeHead(200).write('x'.repeat(100_000));
      return void setTimeout(() => res.destroy(), 50);
    });
    const child = program.start(environment());
    const { url } = await child.listening();
    const { ask, open } = await client({}, url);
    expect(sha((await ask(MANIFEST)).body)).toBe(sha(blob));
    expect((await ask(UPLOAD, { method: 'PUT', body: blob })).header('docker-note')).toBe(sha(blob));
    expect((await ask('/cut')).ending).toBe('reset');
    expect((await ask(MANIFEST, { method: 'HEAD' })).header('content-length')).toBe(String(blob.length));

    const read = reading(open(BLOB));
    await until(() => read.text === 'abc');
    child.signal('SIGTERM');
    await until(() => child.lines().some(({ msg }) => msg === 'stopping'));
    finish();
    expect(await child.exited).toBe(0);
    expect([read.text, child.err()]).toEqual(['abcdef', '']);
  });

  test('closes the session of a client that opens streams only to reset them, and lives on', async () => {
    upstream = await listen('registry', ({ req }) => void req.resume());
    const child = program.start(environment());
    const { url } = await child.listening();
    await flood(await client({}, url));
    expect(await until(() => child.lines().some(({ msg }) => msg === 'connection ended'), 5000)).toBe(true);
    expect((await (await client({}, url)).ask('/-/healthz')).text).toBe('ok\n');
    child.signal('SIGTERM');
    expect(await child.exited).toBe(0);
  });
});
