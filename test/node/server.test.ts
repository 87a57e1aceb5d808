import http, { type Server } from 'node:http';
import { createServer } from 'node:net';
import { readConfig } from '../../src/core/config';
import { type RunningServer, startServer } from '../../src/node/server';
import { createLog } from '../../src/shell/log';
import { ask, exchangeRaw } from '../upstream/client';

let lines: Record<string, unknown>[];
let running: RunningServer | undefined;

async function started(env: Record<string, string> = {}) {
  lines = [];
  const log = createLog({ level: 'debug', format: 'json', write: (line) => lines.push(JSON.parse(line)) });
  const create = jest.spyOn(http, 'createServer');
  running = await startServer(
    readConfig({
      HOST: '127.0.0.1',
      PORT: '0',
      REGISTRY_BACKEND: 'http://127.0.0.1:1',
      RETRY_TIMEOUT: '0',
      SHUTDOWN_TIMEOUT: '200ms',
      ...env,
    }),
    log,
  );
  const server = create.mock.results[0].value as Server;
  create.mockRestore();
  return { server, port: running.port };
}

afterEach(async () => {
  await running?.close();
  running = undefined;
});

const requestLine = () => lines.find(({ msg }) => msg === 'request');

describe('connections', () => {
  test('of strangers are kept for longer than a load balancer keeps its own, and a head must come', async () => {
    const { server } = await started();
    expect(server.keepAliveTimeout).toBeGreaterThan(75_000);
    expect(server.headersTimeout).toBeGreaterThan(0);
    expect(server.headersTimeout).toBeLessThanOrEqual(30_000);
    expect(server.requestTimeout).toBe(0);
  });

  test('of Function Compute’s gateway are never closed by us', async () => {
    const { server } = await started({ PLATFORM: 'aliyun-fc' });
    expect([server.keepAliveTimeout, server.headersTimeout, server.requestTimeout, server.timeout]).toEqual([
      0, 0, 0, 0,
    ]);
  });
});

describe('a head that is none', () => {
  test.each([
    ['no HTTP', 'hello\r\n\r\n', 400],
    ['a header of 20 KiB', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ['two lengths', 'POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello', 400],
    [
      'a length and chunks',
      'POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    [
      'a strange transfer coding',
      'POST /token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n',
      400,
    ],
    ['a header line without a colon', 'GET / HTTP/1.1\r\nHost: x\r\nbroken\r\n\r\n', 400],
    ['a folded header', 'GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n', 400],
    ['a bare line feed', 'GET / HTTP/1.1\nHost: x\n\n', 400],
    ['a space before a colon', 'GET / HTTP/1.1\r\nHost : x\r\n\r\n', 400],
    ['a NUL', 'GET / HTTP/1.1\r\nHost: x\0\r\n\r\n', 400],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
  ])('(%s) is refused in words, logged, and survived', async (_, text, status) => {
    const { port } = await started();
    const raw = await exchangeRaw(port, text, 300);
    expect(raw.slice(0, 12)).toBe(`HTTP/1.1 ${status}`);
    expect(raw).not.toMatch(/HTTP\/1\.1[\s\S]*HTTP\/1\.1/);
    expect((await ask(`http://127.0.0.1:${port}/-/healthz`)).status).toBe(200);
  });

  test('is answered in OCI JSON with one line in the log', async () => {
    const { port } = await started();
    const raw = await exchangeRaw(port, 'nonsense\r\n\r\n', 300);
    const [head, body] = raw.split('\r\n\r\n');
    expect(head).toMatch(/^connection: close$/im);
    expect(Number(/^content-length: (\d+)$/im.exec(head)?.[1])).toBe(body.length);
    expect(JSON.parse(body)).toMatchObject({ errors: [{ code: 'UNSUPPORTED' }] });
    expect(requestLine()).toMatchObject({ level: 'warn', route: 'none', status: 400 });
  });

  test('is no reason to answer a connection that closed at once', async () => {
    const { port } = await started();
    expect(await exchangeRaw(port, '', 50)).toBe('');
    expect(requestLine()).toBeUndefined();
  });
});

describe('a request that asks for something else', () => {
  test('CONNECT is a 405', async () => {
    const { port } = await started();
    const raw = await exchangeRaw(port, 'CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n', 300);
    expect(raw).toMatch(/^HTTP\/1\.1 405 [\s\S]*UNSUPPORTED/);
    expect(requestLine()).toMatchObject({ method: 'CONNECT', status: 405 });
  });

  test('an upgrade is served as what it was before', async () => {
    const { port } = await started();
    const raw = await exchangeRaw(
      port,
      'GET /-/healthz HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
      200,
    );
    expect(raw).toMatch(/^HTTP\/1\.1 200 [\s\S]*ok\n$/);
  });

  test('an expectation that nobody can meet is a 417', async () => {
    const { port } = await started();
    const raw = await exchangeRaw(port, 'GET /-/healthz HTTP/1.1\r\nHost: x\r\nExpect: the-impossible\r\n\r\n', 200);
    expect(raw).toMatch(/^HTTP\/1\.1 417 /);
  });
});

describe('starting', () => {
  test('says where it listens and what for', async () => {
    const { port } = await started({ REGISTRY_BACKEND: 'https://registry.example.com/base' });
    expect(lines[0]).toMatchObject({
      msg: 'listening',
      level: 'info',
      url: `http://127.0.0.1:${port}`,
      port,
      // A far instance's secret stands there.
      backend: 'https://registry.example.com/…',
      platform: 'node',
    });
  });

  test('on IPv6 writes an address that can be used', async () => {
    const { port } = await started({ HOST: '::1' });
    expect(running?.url).toBe(`http://[::1]:${port}`);
  });

  test('on a port that is taken fails', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as { port: number };
    await expect(started({ PORT: String(port) })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    jest.restoreAllMocks();
    taken.close();
  });

  test('closing twice does no harm', async () => {
    await started();
    await running?.close();
    await expect(running?.close()).resolves.toBeUndefined();
  });
});
