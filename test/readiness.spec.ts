import { randomUUID } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashPassword, makePassword } from '../src/shell/made-passwords';
import { nodeOnly, runtimes } from './runtimes';
import { ask } from './upstream/client';
import { pull } from './upstream/docker';
import { smallImage, stageFor, until } from './upstream/scene';

const NOWHERE = 'http://127.0.0.1:9';

describe.each(runtimes)('with the $name runtime, /-/readyz', (runtime) => {
  const stage = stageFor(runtime);
  afterEach(async () => expect(await stage.close()).toEqual([]));

  const told = async (url: string, query = '', headers: Record<string, string> = {}) => {
    const reply = await ask(`${url}/-/readyz${query}`, { headers });
    return `${reply.status} ${reply.text}`;
  };

  test('is ok where an upstream answers, whatever that says of a login', async () => {
    const registry = await stage.registry();
    registry.fail(/v2/, { kind: 'status', status: 401 }, 9);
    const proxy = await stage.proxy(registry);
    expect(await told(proxy.url)).toBe('200 ok\n');
    expect(await told(proxy.url, '?verbose')).toBe('200 [+]configuration ok\n[+]upstream ok\nreadyz check passed\n');
    const head = await ask(`${proxy.url}/-/readyz`, { method: 'HEAD' });
    expect([head.status, head.text, head.header('content-length')]).toEqual([200, '', '3']);
  });

  test('costs the upstream nothing, however often it is asked', async () => {
    const registry = await stage.registry();
    const proxy = await stage.proxy(registry);
    await told(proxy.url);
    await Promise.all(Array.from({ length: 20 }, () => told(proxy.url, '?verbose')));
    expect(registry.requests.map(({ method, target }) => `${method} ${target}`)).toEqual(['GET /v2/']);
    expect(registry.requests[0]?.header('authorization')).toBeUndefined();
  });

  test.each<[string, Parameters<Awaited<ReturnType<typeof stage.registry>>['fail']>[1], RegExp]>([
    ['answers 503', { kind: 'status', status: 503, body: 'their secret' }, /upstream failed: .*answers 503$/m],
    ['refuses', { kind: 'refuse' }, /upstream failed: /],
    ['is silent', { kind: 'silence' }, /upstream failed: .*no (answer|response)/],
  ])('is 503 with a line for each check where the only upstream %s', async (_, fault, line) => {
    const registry = await stage.registry();
    registry.fail(/v2/, fault, 9);
    const proxy = await stage.proxy(registry);
    const said = await told(proxy.url);
    expect(said).toMatch(/^503 \[\+\]configuration ok\n\[-\]upstream failed: .*\nreadyz check failed\n$/);
    expect(said).toMatch(line);
    expect(said).not.toContain('their secret');
    await until(() => proxy.logs().some(({ msg }) => msg === 'not ready'));
    expect(proxy.logs().filter(({ msg }) => msg === 'not ready')).toMatchObject([
      { why: expect.stringContaining('upstream: ') },
    ]);
  });

  test('is ok where one of several upstreams answers', async () => {
    const registry = await stage.registry();
    const proxy = await stage.proxy(NOWHERE, { REGISTRIES: `other.test=${registry.url}` });
    expect(await told(proxy.url)).toBe('200 ok\n');
  });

  test('is ok with a store that works, while no upstream answers: what is kept is served', async () => {
    const registry = await stage.registry();
    const image = smallImage(registry);
    const proxy = await stage.proxy(registry, { CACHE: 'memory' });
    await pull({ base: proxy.url }, 'team/app', 'v1');
    registry.fail(/./, { kind: 'status', status: 503 }, 99);
    expect(await told(proxy.url, '?verbose')).toMatch(
      /^200 \[\+\]configuration ok\n\[\+\]store ok\n\[-\]upstream failed: .*\nreadyz check passed\n$/,
    );
    expect((await pull({ base: proxy.url }, 'team/app', 'v1')).digest).toBe(image.manifest.digest);
  });

  test('says no more than whether to strangers, and to everybody behind a gate', async () => {
    const strange = await stage.proxy(NOWHERE, { ALLOW_CLIENTS: '203.0.113.7', TRUST_PROXY: 'loopback' });
    expect(await told(strange.url, '?verbose', { 'x-forwarded-for': '198.51.100.1' })).toBe('503 not ready\n');
    expect(await told(strange.url, '', { 'x-forwarded-for': '203.0.113.7' })).toContain('[-]upstream failed');
    const gated = await stage.proxy(NOWHERE, { HTPASSWD: `alice:${hashPassword(makePassword())}` });
    expect(await told(gated.url, '?verbose')).toBe('503 not ready\n');
  });

  test('is no path for anything else', async () => {
    const proxy = await stage.proxy(NOWHERE);
    const status = async (method: string, path: string) =>
      (await ask(proxy.url + path, { method, headers: method === 'POST' ? { 'content-length': '0' } : {} })).status;
    expect(await status('POST', '/-/readyz')).toBe(405);
    expect(await status('OPTIONS', '/-/readyz')).toBe(204);
    expect(await status('GET', '/-/readyz/')).toBe(404);
  });
});

describe.each(nodeOnly)('with the $name runtime, /-/readyz and a folder', (runtime) => {
  const stage = stageFor(runtime);
  afterEach(async () => expect(await stage.close()).toEqual([]));

  test('that cannot be opened: pulls go on by the upstream, and without one nothing goes', async () => {
    const folder = join(tmpdir(), `readiness-${randomUUID()}`);
    writeFileSync(folder, '');
    const registry = await stage.registry();
    const [well, ill] = [
      await stage.proxy(registry, { CACHE: `disk:${folder}` }),
      await stage.proxy(NOWHERE, { CACHE: `disk:${folder}` }),
    ];
    const [one, other] = [await ask(`${well.url}/-/readyz?verbose`), await ask(`${ill.url}/-/readyz`)];
    expect([one.status, one.text]).toEqual([200, expect.stringContaining('[-]store failed: it cannot be written')]);
    expect([other.status, other.text]).toEqual([503, expect.stringContaining('[-]store failed: it cannot be written')]);
    expect(one.text + other.text).not.toContain(folder);
    rmSync(folder);
  });
});
