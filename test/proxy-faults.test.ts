import { type ClientRequest, request } from 'node:http';
import { runtimes } from './runtimes';
import { ask, begin, exchangeRaw, open } from './upstream/client';
import { contentOf, payload, sha256 } from './upstream/image';
import { type RawServer, startRaw } from './upstream/raw';
import type { RegistryOptions } from './upstream/registry';
import { smallImage, stageFor, until } from './upstream/scene';

/**
 * Faults that were measured in http-proxy-middleware 3.0.10 (http-proxy 1.18.1) as it comes, each kept as a test against
 * the server built on it. The numbers are issues of http-party/node-http-proxy, HPM's own begin with HPM.
 */

const MIB = 1024 * 1024;

describe.each(runtimes.slice(0, 1))('with the $name runtime', (runtime) => {
  const stage = stageFor(runtime);
  const rawServers: RawServer[] = [];

  afterEach(async () => {
    await Promise.all(rawServers.splice(0).map((server) => server.stop()));
    expect(await stage.close()).toEqual([]);
  });

  async function simple(options: RegistryOptions = {}, env: Record<string, string> = {}) {
    const registry = await stage.registry(options);
    const image = smallImage(registry);
    const proxy = await stage.proxy(registry, env);
    return { registry, image, proxy, app: `${proxy.url}/v2/team/app` };
  }

  /** A manifest too long to be collected: streamed, and without a digest in its URL not to be continued. */
  async function longManifest(env: Record<string, string> = {}) {
    const { registry, app, proxy } = await simple({}, env);
    const bytes = payload(8 * MIB);
    registry.addManifest('team/app', 'long', contentOf('application/vnd.oci.image.manifest.v1+json', bytes));
    return { registry, proxy, bytes, url: `${app}/manifests/long` };
  }

  async function behindRaw(respond: Parameters<typeof startRaw>[0], env: Record<string, string> = {}) {
    const raw = await startRaw(respond);
    rawServers.push(raw);
    const proxy = await stage.proxy(raw.url, { RETRY_TIMEOUT: '300ms', RESPONSE_TIMEOUT: '2s', ...env });
    return { raw, proxy };
  }

  describe('a client that leaves', () => {
    test('before the head closes the upstream request (#1559, #1580: "aborted" is not heard after a whole request)', async () => {
      const { registry, app } = await simple();
      for (const path of ['manifests/v1', 'tags/list']) {
        registry.fail(/./, { kind: 'silence' });
        const client = begin(`${app}/${path}`);
        const count = registry.requests.length + 1;
        await until(() => registry.requests.length === count);
        client.leave();
        expect(await until(() => registry.requests[count - 1]?.closed === true)).toBe(true);
      }
    });

    test('while the token server or the registry is asked on its behalf closes that request', async () => {
      const tokens = await stage.tokens();
      const registry = await stage.registry({ auth: { kind: 'bearer', tokens } });
      const proxy = await stage.proxy(registry, { RESPONSE_TIMEOUT: '20s' });
      for (const asked of [registry, tokens]) {
        asked.fail(/./, { kind: 'silence' });
        const client = begin(`${proxy.url}/token`);
        const count = asked.requests.length + 1;
        await until(() => asked.requests.length === count);
        client.leave();
        expect(await until(() => asked.requests[count - 1]?.closed === true)).toBe(true);
      }
    });

    test('in the middle of the body closes the upstream request (#678)', async () => {
      const { registry, url } = await longManifest();
      registry.fail(/long/, { kind: 'stall', after: 2 * MIB });
      const { response, leave } = await open(url);
      response.on('error', () => {});
      response.once('data', leave);
      expect(await until(() => registry.requests[0]?.closedEarlyAt !== undefined)).toBe(true);
    });

    test('after a whole answer leaves the upstream connection for the next one', async () => {
      const { registry, app } = await simple();
      for (let i = 0; i < 3; i++) await ask(`${app}/tags/list`);
      expect(new Set(registry.requests.map(({ connection }) => connection)).size).toBe(1);
    });
  });

  describe('an upstream', () => {
    test('that dies in the middle of the body resets the client (proxyRes errors were not handled: it hung for ever)', async () => {
      const { registry, url, bytes, proxy } = await longManifest();
      registry.fail(/long/, { kind: 'cut', after: 5 * MIB });
      const reply = await ask(url);
      expect([reply.status, reply.ending]).toEqual([200, 'destroyed']);
      expect(reply.body.equals(bytes.subarray(0, reply.body.length))).toBe(true);
      expect((await ask(`${proxy.url}/v2/`)).status).toBe(200);
    });

    test('that stalls after its head resets the client (proxyTimeout did nothing)', async () => {
      const { registry, url } = await longManifest({ STALL_TIMEOUT: '300ms' });
      registry.fail(/long/, { kind: 'stall', after: 5 * MIB });
      const startedAt = Date.now();
      const reply = await ask(url);
      expect([reply.status, reply.ending]).toEqual([200, 'destroyed']);
      expect(Date.now() - startedAt).toBeLessThan(5000);
      expect(await until(() => registry.requests[0]?.closed === true)).toBe(true);
    });

    test('that never answers is a 504, and is closed', async () => {
      const { registry, app } = await simple({}, { RESPONSE_TIMEOUT: '300ms', RETRY_TIMEOUT: '0' });
      registry.fail(/./, { kind: 'silence' });
      const reply = await ask(`${app}/manifests/v1`);
      expect(reply.status).toBe(504);
      expect(reply.json()).toMatchObject({ errors: [{ code: 'UNAVAILABLE' }] });
      expect(await until(() => registry.requests[0]?.closed === true)).toBe(true);
      registry.fail(/./, { kind: 'silence' });
      const upload = await ask(`${app}/blobs/uploads/`, { method: 'POST', body: Buffer.from('x') });
      expect(upload.status).toBe(504);
    });

    test('that closes idle connections causes no error', async () => {
      const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}';
      // Answers once and closes a moment later: the connection looks usable, and is not.
      const { proxy } = await behindRaw((socket) => {
        socket.write(answer);
        setTimeout(() => socket.end(), 5);
      });
      for (let i = 0; i < 60; i++) {
        expect((await ask(`${proxy.url}/v2/`)).status).toBe(200);
        if (i % 3 === 0) await new Promise((resolve) => setTimeout(resolve, i % 12));
      }
    });

    test.each([
      ['no HTTP at all', 'SSH-2.0-OpenSSH_9.2\r\n'],
      ['half a head', 'HTTP/1.1 200 OK\r\nContent-Le'],
      ['a head without end', `HTTP/1.1 200 OK\r\nX-Big: ${'x'.repeat(100_000)}\r\n\r\n`],
      ['both framings', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
      ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde'],
      ['a switch of protocols', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'],
      ['a status that there is not', 'HTTP/1.1 099 Odd\r\nContent-Length: 2\r\n\r\n{}'],
      ['a close', ''],
    ])('that answers %s is a 502 in OCI JSON, and we live on', async (_, answer) => {
      const { proxy } = await behindRaw((socket) => socket.end(answer, 'latin1'));
      for (const method of ['GET', 'PUT']) {
        const reply = await ask(`${proxy.url}/v2/team/app/manifests/v1`, {
          method,
          body: method === 'PUT' ? '{}' : undefined,
        });
        expect(reply.status).toBe(502);
        expect(reply.json()).toMatchObject({ errors: [{ code: 'UNAVAILABLE' }] });
      }
      expect((await ask(`${proxy.url}/-/healthz`)).status).toBe(200);
    });

    test('that sends trailers: they are dropped, and so is their announcement', async () => {
      const { proxy } = await behindRaw((socket) =>
        socket.end(
          'HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-Sum: 1\r\n\r\n',
        ),
      );
      const reply = await ask(`${proxy.url}/v2/team/app/tags/list`);
      expect([reply.status, reply.text, reply.ending]).toEqual([200, '{}', 'clean']);
      expect(reply.header('trailer')).toBeUndefined();
    });

    test('that speaks of earlier things first (103), and not in ASCII, is heard to the end', async () => {
      const { proxy } = await behindRaw((socket) => {
        const hints = 'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n';
        socket.end(`${hints}HTTP/1.1 200 OK\r\nContent-Length: 2\r\nDocker-Note: caf\u00e9\r\n\r\n{}`, 'latin1');
      });
      const reply = await ask(`${proxy.url}/v2/team/app/tags/list`);
      expect([reply.status, reply.text]).toEqual([200, '{}']);
    });

    test('that ends its body by closing is taken at its word where nothing says more', async () => {
      const { proxy } = await behindRaw((socket) =>
        socket.end('HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n\r\n{"tags":[]}'),
      );
      const reply = await ask(`${proxy.url}/v2/team/app/tags/list`);
      expect([reply.status, reply.text, reply.header('content-length')]).toEqual([200, '{"tags":[]}', '11']);
    });

    test('that answers 304 and 204 with a length does not make the client wait for a body', async () => {
      const { proxy } = await behindRaw((socket, first) =>
        socket.end(
          `HTTP/1.1 ${first.startsWith('GET') ? '304 Not Modified' : '204 No Content'}\r\nContent-Length: 10\r\n\r\n`,
        ),
      );
      expect((await ask(`${proxy.url}/v2/team/app/manifests/v1`)).status).toBe(304);
      // RFC 9110 section 8.6 forbids a length here; the parser of Node 20.11 would wait for that many bytes.
      const deleted = await ask(`${proxy.url}/v2/team/app/blobs/uploads/x1`, { method: 'DELETE' });
      expect([deleted.status, deleted.header('content-length')]).toEqual([204, undefined]);
    });
  });

  describe('a request body', () => {
    test.each(['PUT', 'PATCH'])(
      'of 12 MB arrives by %s (#1412, HPM #983: follow-redirects holds it and stops at 10 MB)',
      async (method) => {
        const { registry, app } = await simple();
        const begun = await ask(`${app}/blobs/uploads/`, { method: 'POST' });
        const bytes = payload(12_000_000);
        const url = `${begun.header('location')}${method === 'PUT' ? `?digest=${sha256(bytes)}` : ''}`;
        const reply = await ask(url, { method, body: bytes });
        expect(reply.status).toBe(method === 'PUT' ? 201 : 202);
        expect(registry.requests.at(-1)?.bytesIn).toBe(bytes.length);
        expect(registry.requests.at(-1)?.header('content-length')).toBe(String(bytes.length));
      },
    );

    test('that the upstream does not read is not swallowed (HPM 4.2.1 took 286 MB)', async () => {
      const { proxy } = await behindRaw((socket) => socket.pause(), { RESPONSE_TIMEOUT: '10s' });
      const upload = request(`${proxy.url}/v2/team/app/blobs/uploads/x1`, { method: 'PATCH' });
      const taken = await writeFor(upload, 1000);
      upload.destroy();
      expect(taken).toBeLessThan(40 * MIB);
    });

    test('is no way into the connection for DELETE and OPTIONS (#1720, #1721: content-length 0 and the raw body behind it)', async () => {
      const { registry, proxy } = await simple();
      const inner = 'GET /v2/smuggled/app/manifests/v1 HTTP/1.1\r\nHost: x\r\n\r\n';
      const chunked = `${inner.length.toString(16)}\r\n${inner}\r\n0\r\n\r\n`;
      await ask(`${proxy.url}/v2/`);
      for (const method of ['DELETE', 'OPTIONS', 'GET', 'HEAD']) {
        const head = `${method} /v2/team/app/manifests/v9 HTTP/1.1\r\nHost: 127.0.0.1:${proxy.port}\r\n`;
        const answer = await exchangeRaw(proxy.port, `${head}Transfer-Encoding: chunked\r\n\r\n${chunked}`, 250);
        expect(answer).toMatch(/^HTTP\/1\.1 (411|400|204) /);
        expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
      }
      expect((await ask(`${proxy.url}/v2/`)).status).toBe(200);
      expect(registry.requests.map(({ path }) => path).join()).not.toContain('smuggled');
    });

    test('that is answered with 401 before it is read: the client gets the 401', async () => {
      const head = 'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer realm="http://127.0.0.1/t",service="s"\r\n';
      const { proxy } = await behindRaw((socket) =>
        socket.end(`${head}Connection: close\r\nContent-Length: 2\r\n\r\n{}`),
      );
      const url = `${proxy.url}/v2/team/app/blobs/uploads/x1`;
      for (const size of [0, 1000, 6 * MIB]) {
        const reply = await answerTo(request(url, { method: 'PUT', headers: { 'content-length': size } }), size);
        expect(reply).toEqual({ status: 401, challenge: expect.stringContaining(`${proxy.url}/token`) });
      }
    });

    test('that is answered before it is read does not hold the upstream connection for ever', async () => {
      const closed: boolean[] = [];
      const { proxy } = await behindRaw((socket) => {
        socket.on('close', () => closed.push(true));
        socket.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n{}');
      });
      const url = `${proxy.url}/v2/team/app/blobs/uploads/x1`;
      const size = 6 * MIB;
      const upload = request(url, { method: 'PUT', headers: { 'content-length': size } });
      expect((await answerTo(upload, size)).status).toBe(403);
      expect(await until(() => closed.length > 0, 3000)).toBe(true);
    });

    test('is asked for with 100 Continue when the client waits for that', async () => {
      const { registry, app } = await simple();
      const begun = await ask(`${app}/blobs/uploads/`, { method: 'POST' });
      const upload = request(begun.header('location') as string, {
        method: 'PATCH',
        headers: { expect: '100-continue', 'content-length': 5 },
      });
      const status = await new Promise((resolve, reject) => {
        upload.on('continue', () => upload.end('12345')).on('error', reject);
        upload.on('response', (response) => resolve(response.resume().statusCode));
        upload.flushHeaders();
      });
      expect([status, registry.requests.at(-1)?.bytesIn]).toEqual([202, 5]);
    });

    test('is not sent after a redirect: the client hears of it', async () => {
      const { registry, app } = await simple({}, { HANDLE_REDIRECT: 'true' });
      registry.fail(/PUT/, { kind: 'status', status: 307, headers: { location: 'https://other.example.com/x' } });
      const reply = await ask(`${app}/manifests/v2`, { method: 'PUT', body: '{}' });
      expect([reply.status, reply.header('location')]).toEqual([307, 'https://other.example.com/x']);
      expect(registry.requests).toHaveLength(1);
    });

    test('keeps its framing: chunked stays chunked, a length stays a length, none stays none', async () => {
      const { registry, app } = await simple();
      const begun = await ask(`${app}/blobs/uploads/`, { method: 'POST' });
      const first = await ask(begun.header('location') as string, { method: 'PATCH', body: [Buffer.from('abc')] });
      await ask(first.header('location') as string, { method: 'PATCH', body: Buffer.from('def') });
      const [post, chunked, sized] = registry.requests;
      const framing = (seen: typeof post) => [seen?.header('transfer-encoding'), seen?.header('content-length')];
      expect([
        [undefined, '0'],
        [undefined, undefined],
      ]).toContainEqual(framing(post));
      expect(framing(chunked)).toEqual(['chunked', undefined]);
      expect(framing(sized)).toEqual([undefined, '3']);
    });
  });

  test('hop-by-hop fields stay on their hop (forwarded, Proxy-Authorization among them)', async () => {
    const { app, registry } = await simple();
    const headers = {
      te: 'trailers',
      'keep-alive': 'timeout=9',
      'proxy-authorization': 'Basic eA==',
      connection: 'x-hop',
      'x-hop': '1',
    };
    expect((await ask(`${app}/manifests/v1`, { headers })).status).toBe(200);
    expect(registry.requests).toHaveLength(1);
  });

  test('two requests in one packet get two answers, in their order', async () => {
    const { proxy } = await simple();
    const host = `Host: 127.0.0.1:${proxy.port}\r\n`;
    const one = `GET /v2/team/app/manifests/v1 HTTP/1.1\r\n${host}\r\n`;
    const two = `GET /v2/team/app/tags/list HTTP/1.1\r\n${host}Connection: close\r\n\r\n`;
    const answers = await exchangeRaw(proxy.port, one + two, 2000);
    expect(answers.match(/HTTP\/1\.1 200 OK|schemaVersion|"tags"/g)).toEqual([
      'HTTP/1.1 200 OK',
      'schemaVersion',
      'HTTP/1.1 200 OK',
      '"tags"',
    ]);
  });

  test('a paused client holds a bounded part of the body', async () => {
    const registry = await stage.registry();
    const blob = contentOf('application/octet-stream', payload(64 * MIB));
    registry.blobs.set(blob.digest, blob.bytes);
    const proxy = await stage.proxy(registry);
    const { response, leave } = await open(`${proxy.url}/v2/team/app/blobs/${blob.digest}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(registry.requests[0]?.bytesOut).toBeLessThan(30 * MIB);
    response.on('error', () => {});
    leave();
  });

  test('encoded slashes and doubled ones reach the storage host as they are (http-proxy folds them; signatures break)', async () => {
    const { proxy, registry } = await simple();
    const target = '/files//a%2Fb/c?u=https://x//y%2F';
    expect((await ask(proxy.url, { target })).text).toBe(`page ${target}`);
    expect(registry.requests[0]?.target).toBe(target);
  });
});

/** Bytes that could be written within this time. */
async function writeFor(upload: ClientRequest, time: number): Promise<number> {
  upload.on('error', () => {});
  const piece = payload(MIB);
  const end = Date.now() + time;
  let taken = 0;
  while (Date.now() < end) {
    const isTaken = upload.write(piece);
    taken += piece.length;
    if (isTaken) continue;
    const drained = new Promise((resolve) => upload.once('drain', resolve));
    await Promise.race([drained, new Promise((resolve) => setTimeout(resolve, end - Date.now()))]);
  }
  return taken - upload.writableLength;
}

/** Sends a body of this size, however early the answer comes. */
function answerTo(upload: ClientRequest, size: number): Promise<{ status?: number; challenge?: string }> {
  return new Promise((resolve, reject) => {
    upload.on('response', (response) => {
      response.resume();
      resolve({ status: response.statusCode, challenge: response.headers['www-authenticate'] });
    });
    // node:http forgets the socket of a request that is answered before it is sent; its error would be nobody's.
    upload.on('socket', (socket) => socket.on('error', () => {}));
    upload.on('error', reject);
    upload.end(payload(size));
  });
}
