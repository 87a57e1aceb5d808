import { Agent } from 'node:http';
import { connect } from 'node:net';
import { type Instance, runtimes } from '../runtimes';
import { ask, begin, exchangeRaw } from '../upstream/client';
import { type Exchange, listen, type Upstream } from '../upstream/listen';
import { until } from '../upstream/scene';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const BLOB = `/v2/team/app/blobs/${DIGEST}`;
const MANIFEST = '/v2/team/app/manifests/v1';

let upstream: Upstream;
let proxy: Instance;

/** A registry of one handler, and the proxy in front of it. */
async function begun(handle: (exchange: Exchange) => void, env: Record<string, string> = {}) {
  upstream = await listen('registry', handle);
  proxy = await runtimes[0].start({
    REGISTRY_BACKEND: upstream.url,
    STALL_TIMEOUT: '300ms',
    RESPONSE_TIMEOUT: '400ms',
    SHUTDOWN_TIMEOUT: '300ms',
    RETRY_TIMEOUT: '0',
    ...env,
  });
}

afterEach(async () => {
  await Promise.all([upstream?.stop(), proxy?.stop()]);
});

const line = () => proxy.logs().find(({ msg }) => msg === 'request') as Record<string, unknown>;

describe('an upstream connection', () => {
  test('is used again after an empty blob', async () => {
    await begun(({ send }) => send(200));
    for (let i = 0; i < 4; i++) {
      const reply = await ask(proxy.url + BLOB);
      expect([reply.status, reply.ending, reply.body.length]).toEqual([200, 'clean', 0]);
    }
    expect(new Set(upstream.requests.map(({ connection }) => connection)).size).toBeLessThan(4);
  });

  test('ends when the client leaves in the middle of a manifest of unknown length', async () => {
    await begun(({ res }) => void res.writeHead(200, { 'content-type': 'application/json' }).write('{"half":'), {
      RESPONSE_TIMEOUT: '10s',
    });
    const { leave } = begin(proxy.url + MANIFEST);
    await until(() => upstream.requests.length === 1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    leave();
    expect(await until(() => upstream.requests[0]?.closed === true)).toBe(true);
  });

  test('ends when a manifest of unknown length does not come in time, which is a 504', async () => {
    await begun(({ res }) => void res.writeHead(200, { 'content-type': 'application/json' }).write('{"half":'));
    const reply = await ask(proxy.url + MANIFEST);
    expect(reply.status).toBe(504);
    expect(reply.json()).toMatchObject({ errors: [{ code: 'UNAVAILABLE' }] });
    expect(await until(() => upstream.requests[0]?.closed === true)).toBe(true);
  });

  test('ends when a manifest of unknown length breaks off, which is a 502', async () => {
    await begun(({ res }) => {
      res.writeHead(200, { 'content-type': 'application/json' }).write('{"half":', () => res.destroy());
    });
    expect((await ask(proxy.url + MANIFEST)).status).toBe(502);
  });
});

describe('requests on one connection', () => {
  test('wait for one another: only the first has begun, and ends, when the client leaves', async () => {
    await begun(({ res }) => void res.writeHead(200, { 'content-length': 1_000_000 }).write('x'.repeat(200_000)), {
      STALL_TIMEOUT: '20s',
    });
    const socket = connect(proxy.port, '127.0.0.1');
    for (let i = 0; i < 3; i++) socket.write(`GET ${BLOB} HTTP/1.1\r\nHost: x\r\n\r\n`);
    socket.write('GET /v2/nosuch HTTP/1.1\r\nHost: x\r\n\r\n');
    await until(() => upstream.requests.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 50));
    socket.destroy();
    await until(() => upstream.requests.every(({ closed }) => closed));
    expect(upstream.requests.map(({ closed }) => closed)).toEqual([true]);
    await until(() => proxy.logs().some(({ msg }) => msg === 'request'));
    expect(proxy.logs().filter(({ msg }) => msg === 'request')).toHaveLength(1);
  });

  test('are all answered, in their order', async () => {
    await begun(({ send, req }) => send(200, {}, req.url));
    const socket = connect(proxy.port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => (text += chunk));
    const paths = ['/v2/a/tags/list', '/v2/nosuch', '/-/healthz', '/v2/b/tags/list'];
    socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`).join(''));
    await until(() => text.includes('/v2/b/tags/list'));
    socket.destroy();
    expect(text.match(/HTTP\/1\.1 (\d+)/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 404', 'HTTP/1.1 200', 'HTTP/1.1 200']);
  });
});

describe('a manifest of unknown length', () => {
  test.each([[0], [1], [100_000], [4 * 1024 * 1024]])('of %d bytes is sent with its length', async (size) => {
    await begun(({ res }) => void res.writeHead(200).end('x'.repeat(size)));
    const reply = await ask(proxy.url + MANIFEST);
    expect([reply.header('content-length'), reply.body.length, reply.ending]).toEqual([String(size), size, 'clean']);
  });

  test('that is longer goes on chunked, and its end is true', async () => {
    const size = 4 * 1024 * 1024 + 70_000;
    await begun(({ res }) => void res.writeHead(200).end('x'.repeat(size)));
    const reply = await ask(proxy.url + MANIFEST);
    expect([reply.header('content-length'), reply.body.length, reply.ending]).toEqual([undefined, size, 'clean']);
  });
});

describe('an answer whose Content-Range and Content-Length contradict each other', () => {
  test.each([
    ['a length that is too short', 5, 'bytes 0-99/100'],
    ['a length that is too long', 200, 'bytes 0-99/100'],
  ])('%s never lets bytes run into the next answer', async (_, length, range) => {
    let count = 0;
    await begun(({ res }) => {
      count += 1;
      const headers = { 'content-length': length, 'content-range': range };
      if (count === 1) res.writeHead(206, headers).end('x'.repeat(length));
      else
        res
          .writeHead(206, { 'content-length': 95, 'content-range': 'bytes 5-99/100' })
          .end('HTTP/1.1 200 OK'.repeat(9).slice(0, 95));
    });
    const raw = await exchangeRaw(proxy.port, `GET ${BLOB} HTTP/1.1\r\nHost: x\r\nRange: bytes=0-\r\n\r\n`, 300);
    const [head, ...body] = raw.split('\r\n\r\n');
    const stated = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? Number.NaN);
    if (!Number.isNaN(stated)) expect(body.join('\r\n\r\n').length).toBeLessThanOrEqual(stated);
    expect(raw).not.toContain('HTTP/1.1 200 OK');
  });
});

describe('our token endpoint', () => {
  const FORM = 'POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n';

  test('says 408 to a client that does not send its form, and not that it is broken itself', async () => {
    await begun(({ send }) => send(200));
    const raw = await exchangeRaw(proxy.port, `${FORM}Content-Length: 100\r\n\r\ngrant_type=`, 800);
    expect(raw.slice(0, 12)).toBe('HTTP/1.1 408');
    await until(() => line() !== undefined);
    expect(line()).toMatchObject({ status: 408 });
    expect(String(line().why)).not.toContain('at '); // no stack: nothing is wrong with us
  });

  test('takes no form of more than 64 KiB', async () => {
    await begun(({ send }) => send(200));
    const reply = await ask(`${proxy.url}/token`, { method: 'POST', body: 'x'.repeat(65_537) });
    expect([reply.status, reply.json()]).toEqual([
      413,
      { errors: [{ code: 'SIZE_INVALID', message: expect.any(String) }] },
    ]);
    expect(upstream.requests).toHaveLength(0);
  });

  test('says 504 when the registry does not name its token server in time', async () => {
    await begun(({ req }) => void req.resume());
    expect((await ask(`${proxy.url}/token`)).status).toBe(504);
  });
});

describe('closing', () => {
  test('waits for no connection that never asked anything', async () => {
    await begun(({ send }) => send(200), { SHUTDOWN_TIMEOUT: '1500ms' });
    const silent = connect(proxy.port, '127.0.0.1');
    await new Promise((resolve) => silent.once('connect', resolve));
    const start = performance.now();
    await proxy.stop();
    expect(performance.now() - start).toBeLessThan(700);
    silent.destroy();
  });

  test('lets a transfer end, answers what comes on its connection, and survives that', async () => {
    let release = () => {};
    await begun(
      ({ res }) => {
        res.writeHead(200, { 'content-length': 4 }).write('ab');
        release = () => res.end('cd');
      },
      { SHUTDOWN_TIMEOUT: '5s', STALL_TIMEOUT: '5s' },
    );
    const socket = connect(proxy.port, '127.0.0.1');
    const closed = new Promise((resolve) => socket.once('close', resolve));
    let raw = '';
    socket.on('data', (chunk) => {
      raw += chunk;
    });
    socket.write(`GET ${BLOB} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await until(() => raw.includes('ab'));
    const closing = proxy.stop();
    socket.write('GET /-/healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /v2/nosuch HTTP/1.1\r\nHost: x\r\n\r\n');
    await new Promise((resolve) => setTimeout(resolve, 30));
    release();
    await closing;
    await closed;
    expect(raw).toMatch(/^HTTP\/1\.1 200 [\s\S]*abcd(HTTP|$)/);
    await expect(ask(proxy.url)).rejects.toThrow('ECONNREFUSED');
  });

  test('cuts what has not ended in time', async () => {
    await begun(({ res }) => void res.writeHead(200, { 'content-length': 4 }).write('ab'), { STALL_TIMEOUT: '9s' });
    const transfer = ask(proxy.url + BLOB);
    await until(() => upstream.requests.length === 1);
    await new Promise((resolve) => setTimeout(resolve, 30));
    await proxy.stop();
    expect((await transfer).ending).toBe('destroyed');
    expect(proxy.logs().some(({ msg }) => msg === 'transfers cut by shutdown')).toBe(true);
  });
});

describe('one line in the log', () => {
  test.each([
    ['/', 200],
    ['/-/healthz', 200],
    ['/-/nothing', 404],
    ['/favicon.ico', 200],
  ])('for %s, which is ours', async (path, status) => {
    await begun(({ send }) => send(200));
    expect((await ask(proxy.url + path)).status).toBe(status);
    await until(() => line() !== undefined);
    expect(line()).toMatchObject({ route: 'own', status, path, method: 'GET' });
  });
});

describe('a client that waits', () => {
  test('for a registry that thinks longer than CLIENT_TIMEOUT is not disconnected: it has done nothing wrong', async () => {
    await begun(({ send }) => void setTimeout(() => send(200, {}, 'late'), 500), {
      CLIENT_TIMEOUT: '200ms',
      RESPONSE_TIMEOUT: '5s',
    });
    const reply = await ask(proxy.url + BLOB, { agent: new Agent() });
    expect([reply.status, reply.text]).toEqual([200, 'late']);
  });
});

describe('an absolute-form target', () => {
  test.each(['http://127.0.0.1/', 'http://evil.example/-/healthz', 'http://evil.example/v2/'])(
    '%s is refused: we are no forward proxy',
    async (target) => {
      await begun(({ send }) => send(200));
      expect((await ask(proxy.url, { target })).status).toBe(400);
    },
  );
});
