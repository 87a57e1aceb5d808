import { randomUUID } from 'node:crypto';
import { hashSync } from 'bcryptjs';
import { readConfig } from '../../src/core/config';
import { type RunningServer, startServer } from '../../src/node/server';
import { createLog } from '../../src/shell/log';
import { runtimes } from '../runtimes';
import { type Ask, ask, basic, open, type Reply } from '../upstream/client';
import type { Registry } from '../upstream/registry';
import { smallImage, stageFor, until } from '../upstream/scene';

const stage = stageFor(runtimes[0]);
let servers: RunningServer[] = [];
afterEach(async () => {
  await Promise.all(servers.map((server) => server.close()));
  servers = [];
  expect(await stage.close()).toEqual([]);
});

const PASSWORD = randomUUID();
const USERS = { HTPASSWD: `alice:${hashSync(PASSWORD, 4)}` };
const LOGIN = { authorization: basic('alice', PASSWORD) };

async function proxyOf(registry: Registry, env: Record<string, string> = {}) {
  const lines: Record<string, unknown>[] = [];
  const log = createLog({ level: 'debug', format: 'json', write: (line) => lines.push(JSON.parse(line)) });
  const config = readConfig({
    HOST: '127.0.0.1',
    PORT: '0',
    CACHE: 'memory',
    REGISTRY_BACKEND: registry.url,
    SHUTDOWN_TIMEOUT: '1s',
    STALL_TIMEOUT: '400ms',
    RETRY_TIMEOUT: '0',
    ...env,
  });
  const server = await startServer(config, log);
  servers.push(server);
  return { url: `http://127.0.0.1:${server.port}`, lines };
}

const post = (url: string, body: unknown, more: Ask = {}): Promise<Reply> =>
  ask(`${url}/-/prefetch`, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...more,
    headers: { 'content-type': 'application/json', ...more.headers },
  });

const BODY = { images: ['team/app:v1'], platforms: ['linux/amd64'] };

type Line = Record<string, unknown> & { event: string };
const linesOf = ({ text }: Reply) =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);

describe('a prefetch', () => {
  test('pulls through the proxy itself, and says what came of it', async () => {
    const registry = await stage.registry();
    const { manifest, config, layers } = smallImage(registry);
    const { url, lines } = await proxyOf(registry);
    const reply = await post(url, { images: ['team/app:v1', 'team/no:v1'] });
    expect([reply.status, reply.ending]).toEqual([200, 'clean']);
    expect(reply.header('content-type')).toBe('application/x-ndjson');
    const fetched = [manifest, config, ...layers].reduce((sum, { bytes }) => sum + bytes.length, 0);
    expect(linesOf(reply).filter(({ event }) => event !== 'progress')).toEqual([
      expect.objectContaining({ event: 'image', image: 'team/app:v1', digest: manifest.digest, fetched, errors: [] }),
      expect.objectContaining({
        event: 'image',
        image: 'team/no:v1',
        errors: ['the proxy answers 404 MANIFEST_UNKNOWN manifest unknown'],
      }),
      { event: 'end', images: 2, failed: 1, fetched, present: 0 },
    ]);
    const pulls = lines.filter(({ path }) => String(path).includes('/blobs/'));
    expect(pulls.filter(({ method }) => method === 'GET')).toHaveLength(3);
    await until(() => lines.some(({ path }) => path === '/-/prefetch'));
    const own = lines.find(({ path }) => path === '/-/prefetch');
    expect(own).toMatchObject({ status: 200, bytes: reply.body.length, route: 'own' });
    expect(new Set(pulls.map(({ id, client }) => `${id} ${client}`))).toEqual(new Set([`${own?.id} 127.0.0.1`]));
  });

  test('says that it is alive while it works, and ends when its client leaves', async () => {
    const registry = await stage.registry();
    const { layers } = smallImage(registry);
    registry.fail(new RegExp(`GET .*${layers[0].digest}`), { kind: 'silence' });
    const { url } = await proxyOf(registry);
    const { response, leave } = await open(`${url}/-/prefetch`, {
      method: 'POST',
      body: JSON.stringify(BODY),
      headers: { 'content-type': 'application/json' },
    });
    let text = '';
    response.on('error', () => {});
    response.on('data', (chunk) => {
      text += chunk;
    });
    expect(await until(() => text.includes('\n'), 5000)).toBe(true);
    expect(JSON.parse(text.split('\n')[0])).toMatchObject({ event: 'progress', image: 'team/app:v1' });
    leave();
    const slow = registry.requests.find(({ method, path }) => method === 'GET' && path.endsWith(layers[0].digest));
    expect(await until(() => slow?.closed === true, 3000)).toBe(true);
  });

  test('is served whatever the proxy calls itself', async () => {
    const registry = await stage.registry();
    smallImage(registry);
    const { url } = await proxyOf(registry, { PUBLIC_URL: 'https://proxy.example.com' });
    expect(linesOf(await post(url, BODY)).at(-1)).toMatchObject({ event: 'end', failed: 0 });
  });
});

describe('what is asked', () => {
  let url: string;
  beforeEach(async () => {
    url = (await proxyOf(await stage.registry())).url;
  });

  test.each<[string, unknown, Ask, number]>([
    ['no JSON', '{', {}, 400],
    ['no image', { images: [] }, {}, 400],
    ['something else', BODY, { headers: { 'content-type': 'text/plain' } }, 415],
    ['a form of a browser', BODY, { headers: { 'content-type': 'application/x-www-form-urlencoded' } }, 415],
    ['too much', { images: ['a'.repeat(70_000)] }, {}, 413],
  ])('%s is refused', async (_, body, more, status) => {
    const reply = await post(url, body, more);
    expect(reply.status).toBe(status);
    expect(reply.json()).toEqual({ errors: [expect.objectContaining({ code: expect.any(String) })] });
  });

  test.each(['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH'])('%s is 405, and says what is not', async (method) => {
    const reply = await ask(`${url}/-/prefetch`, { method });
    expect([reply.status, reply.header('allow')]).toEqual([405, 'POST, OPTIONS']);
  });

  test('its neighbours are as they were', async () => {
    expect((await ask(`${url}/-/prefetch/`)).status).toBe(404);
    expect((await ask(`${url}/-/prefetches`)).status).toBe(404);
    expect((await ask(`${url}/-/prefetch`, { method: 'OPTIONS' })).status).toBe(204);
  });
});

describe('who may', () => {
  test('without a cache there is nothing to fill', async () => {
    const { url } = await proxyOf(await stage.registry(), { CACHE: 'none' });
    const reply = await post(url, BODY);
    expect([reply.status, reply.text]).toEqual([404, expect.stringContaining('set CACHE')]);
  });

  test('somebody behind a proxy may not', async () => {
    const { url } = await proxyOf(await stage.registry());
    const reply = await post(url, BODY, { headers: { 'x-forwarded-for': '127.0.0.1' } });
    expect([reply.status, reply.text]).toEqual([403, expect.stringContaining('HTPASSWD_FILE')]);
  });

  test('users may, from wherever they are, and others not', async () => {
    const registry = await stage.registry();
    smallImage(registry);
    const { url } = await proxyOf(registry, USERS);
    const afar = { headers: { ...LOGIN, 'x-forwarded-for': '203.0.113.7', host: 'r.example.com' } };
    expect(linesOf(await post(url, BODY, afar)).at(-1)).toMatchObject({ event: 'end', failed: 0 });
    const nobody = await post(url, BODY);
    expect([nobody.status, nobody.header('www-authenticate')]).toEqual([401, expect.stringMatching(/^Basic /)]);
    const wrong = await post(url, BODY, { headers: { authorization: basic('alice', randomUUID()) } });
    expect(wrong.status).toBe(401);
    expect(registry.requests.every((each) => each.header('authorization') === undefined)).toBe(true);
  });

  test('users have the rights they have', async () => {
    const registry = await stage.registry();
    smallImage(registry);
    smallImage(registry, 'other/app');
    const { url } = await proxyOf(registry, { ...USERS, ACCESS: 'alice: pull team/**; anonymous: pull open/**' });
    const reply = await post(url, { ...BODY, images: ['team/app:v1', 'other/app:v1'] }, { headers: LOGIN });
    expect(linesOf(reply).filter(({ event }) => event === 'image')).toEqual([
      expect.objectContaining({ image: 'team/app:v1', errors: [] }),
      expect.objectContaining({
        image: 'other/app:v1',
        errors: [expect.stringMatching(/403 DENIED alice may not pull/)],
      }),
    ]);
    expect(registry.requests.filter(({ path }) => path.includes('/other/'))).toEqual([]);
  });

  test('a token of a user does as well', async () => {
    const registry = await stage.registry();
    smallImage(registry);
    const { url } = await proxyOf(registry, { ...USERS, ACCESS: '*: pull team/**; anonymous: pull open/**' });
    const { token } = (await ask(`${url}/token`, { headers: LOGIN })).json() as { token: string };
    const reply = await post(url, BODY, { headers: { authorization: `Bearer ${token}` } });
    expect(linesOf(reply).at(-1)).toMatchObject({ event: 'end', failed: 0 });
  });
});

describe('limits', () => {
  test('two at a time, and a third is told to come again', async () => {
    const registry = await stage.registry();
    smallImage(registry);
    registry.fail(/manifests/, { kind: 'slow-head', ms: 1500 }, 2);
    const { url } = await proxyOf(registry);
    const under = [post(url, BODY), post(url, BODY)];
    expect(await until(() => registry.requests.length === 2, 3000)).toBe(true);
    const third = await post(url, BODY);
    expect([third.status, third.header('retry-after')]).toEqual([429, '30']);
    expect((await Promise.all(under)).map((reply) => linesOf(reply).at(-1)?.failed)).toEqual([0, 0]);
    expect((await post(url, BODY)).status).toBe(200);
  });

  test('its pulls are its client’s: by its address, and of its places and its rate', async () => {
    const registry = await stage.registry();
    smallImage(registry);
    const env = {
      ...USERS,
      TRUST_PROXY: 'loopback',
      ALLOW_CLIENTS: '203.0.113.7',
      MAX_TRANSFERS: '1',
      RATE_LIMIT: '100/m burst 20',
    };
    const { url, lines } = await proxyOf(registry, env);
    const headers = { ...LOGIN, 'x-forwarded-for': '203.0.113.7' };
    expect(linesOf(await post(url, BODY, { headers })).at(-1)).toMatchObject({ event: 'end', failed: 0 });
    expect(new Set(lines.filter(({ msg }) => msg === 'request').map(({ client }) => client))).toEqual(
      new Set(['203.0.113.7']),
    );
    // What a stranger sends is refused before it is read.
    expect((await post(url, '{', { headers: LOGIN })).status).toBe(403);
    // Nothing of the burst was taken from others: only what this client asked counts.
    const left = await Promise.all(Array.from({ length: 20 }, () => ask(`${url}/v2/x/tags/list`, { headers })));
    expect(left.map(({ status }) => status)).toContain(429);
  });

  test('a server that stops lets go of it', async () => {
    const registry = await stage.registry();
    smallImage(registry);
    registry.fail(/manifests/, { kind: 'silence' });
    const { url } = await proxyOf(registry, { SHUTDOWN_TIMEOUT: '300ms' });
    const running = post(url, BODY);
    expect(await until(() => registry.requests.length === 1)).toBe(true);
    await servers[0].close();
    expect((await running).ending).toBe('destroyed');
    expect(await until(() => registry.requests[0].closed)).toBe(true);
  });
});
