import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runtimes } from './runtimes';
import { type Ask, ask } from './upstream/client';
import { pull } from './upstream/docker';
import type { Registry } from './upstream/registry';
import { smallImage, stageFor } from './upstream/scene';

const folder = mkdtempSync(join(tmpdir(), 'registries-api-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe.each(runtimes)('with the $name runtime, the API of registries', (runtime) => {
  const stage = stageFor(runtime);

  afterEach(async () => expect(await stage.close()).toEqual([]));

  /** Where rows are kept in a file, one that has none yet. */
  function place(): Record<string, string> {
    if (runtime.name !== 'Node') return {};
    const path = join(folder, `${randomUUID()}.json`);
    writeFileSync(path, '{"rows":{}}');
    return { REGISTRIES: path };
  }

  async function scene(env: Record<string, string> = {}, backend?: Registry) {
    const token = randomUUID();
    const proxy = await stage.proxy(backend ?? (await stage.registry()), { ADMIN_TOKEN: token, ...place(), ...env });
    const call = (method: string, path: string, body?: unknown, more: Ask = {}) =>
      ask(`${proxy.url}/-/api/registries${path}`, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...more,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...more.headers,
        },
      });
    return { proxy, call, token };
  }

  test('is not there without a token: its paths are like any other', async () => {
    const proxy = await stage.proxy(await stage.registry());
    for (const method of ['GET', 'HEAD']) {
      const reply = await ask(`${proxy.url}/-/api/registries`, { method });
      const other = await ask(`${proxy.url}/-/anything`, { method });
      expect([reply.status, reply.text.replace('/api/registries', '/anything')]).toEqual([404, other.text]);
    }
    expect((await ask(`${proxy.url}/-/api/registries/ghcr`, { method: 'PUT', body: '{}' })).status).toBe(405);
  });

  test('brings registries that are pulled from at once, and takes them away', async () => {
    const registry = await stage.registry();
    const image = smallImage(registry);
    const { proxy, call } = await scene();
    const manifest = `${proxy.url}/v2/team/app/manifests/v1`;
    const hosted = () => ask(manifest, { headers: { host: 'corp.r.example.com' } });
    expect((await hosted()).status).toBe(404);
    const made = await call('PUT', '/corp', { targetDomain: registry.url });
    expect([made.status, made.json()]).toEqual([201, { key: 'corp', targetDomain: registry.url, status: 'ok' }]);
    const pulled = await pull({ base: proxy.url }, `${registry.authority}/team/app`, 'v1');
    expect([pulled.digest, (await hosted()).status]).toEqual([image.manifest.digest, 200]);
    expect((await call('DELETE', '/corp')).status).toBe(204);
    expect([(await hosted()).status, (await ask(`${manifest}?ns=${registry.authority}`)).status]).toEqual([404, 404]);
  });

  test('changes where an image comes from for the next request', async () => {
    const [first, second] = [await stage.registry(), await stage.registry()];
    const [old, image] = [smallImage(first), smallImage(second, 'team/app', 'v1', [500])];
    const { proxy, call } = await scene();
    const name = 'corp.test';
    await call('PUT', '/corp', { name, url: first.url });
    expect((await pull({ base: proxy.url }, `${name}/team/app`, 'v1')).digest).toBe(old.manifest.digest);
    const etag = (await call('GET', '/corp')).header('etag') as string;
    const changed = await call('PUT', '/corp', { name, url: second.url }, { headers: { 'if-match': etag } });
    expect(changed.status).toBe(200);
    expect((await pull({ base: proxy.url }, `${name}/team/app`, 'v1')).digest).toBe(image.manifest.digest);
    const late = await call('PUT', '/corp', { name, url: first.url }, { headers: { 'if-match': etag } });
    expect(late.status).toBe(412);
  });

  test('gives a registry a login, and shows it to nobody', async () => {
    const [password, other] = [randomUUID(), await stage.registry()];
    const tokens = await stage.tokens({ users: { robot: password }, privateRepositories: ['team/app'] });
    const registry = await stage.registry({ auth: { kind: 'bearer', tokens } });
    const image = smallImage(registry);
    const { proxy, call } = await scene({ ANONYMOUS_PULL: 'true' });
    const row = { name: 'corp.test', url: registry.url, authEndpoint: tokens.realm, username: 'robot', password };
    const made = await call('PUT', '/corp', row);
    expect([made.status, made.text]).toEqual([201, expect.stringContaining('"password":"***"')]);
    expect((await pull({ base: proxy.url }, 'corp.test/team/app', 'v1')).digest).toBe(image.manifest.digest);
    const shown = (await call('GET', '/corp')).json() as object;
    expect((await call('PUT', '/corp', { ...shown, redirect: 'follow' })).status).toBe(200);
    expect((await pull({ base: proxy.url }, 'corp.test/team/app', 'v1')).digest).toBe(image.manifest.digest);
    // whoever holds the token alone is not sent the secret
    const moved = await call('PUT', '/corp', { ...shown, url: other.url });
    expect([moved.status, other.requests]).toEqual([422, []]);
    expect(JSON.stringify([made.text, shown, moved.text, proxy.logs()])).not.toContain(password);
  });

  test('says what is wrong, and nothing has changed then', async () => {
    const { call } = await scene();
    const refused = await call('PUT', '/corp', { targetDomain: 'a b', x: 1 });
    expect([refused.status, refused.json()]).toEqual([
      422,
      {
        errors: [
          {
            code: 'UNSUPPORTED',
            message: expect.any(String),
            detail: { faults: [expect.stringContaining('row corp.targetDomain'), 'row corp.x: unknown key'] },
          },
        ],
      },
    ]);
    const large = await call('PUT', '/corp', { targetDomain: 'a.test', prefix: 'x'.repeat(70_000) });
    expect([large.status, large.ending]).toEqual([413, 'clean']);
    const list = (await call('GET', '')).json();
    expect(list).toEqual({ registries: [], others: [expect.any(String)] });
  });

  test('lets nobody in without the token, and lets no page of another site ask', async () => {
    const { proxy, token } = await scene();
    const path = `${proxy.url}/-/api/registries`;
    const foreign = { origin: 'https://evil.example', 'access-control-request-method': 'PUT' };
    const bare = await ask(path);
    const preflight = await ask(`${path}/corp`, { method: 'OPTIONS', headers: foreign });
    const shown = await ask(path, { headers: { ...foreign, authorization: `Bearer ${token}` } });
    expect([bare, preflight, shown].map(({ status }) => status)).toEqual([401, 401, 200]);
    expect(bare.header('www-authenticate')).toBe('Bearer realm="registry-proxy administration"');
    for (const reply of [bare, preflight, shown]) {
      expect(reply.headers.filter(([name]) => /^access-control/i.test(name))).toEqual([]);
      expect(reply.header('cache-control')).toBe('no-store');
    }
    expect(JSON.stringify(proxy.logs())).not.toContain(token);
  });

  test('is under the rules for addresses and rates', async () => {
    const { call } = await scene({ ALLOW_CLIENTS: '192.0.2.1', TRUST_PROXY: 'false' });
    expect((await call('GET', '')).status).toBe(403);
    const limited = await scene({ RATE_LIMIT: '2/h', TRUST_PROXY: 'false' });
    const replies = [await limited.call('GET', ''), await limited.call('GET', ''), await limited.call('GET', '')];
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 429]);
  });

  test('takes changes at once, each of them whole', async () => {
    const env = place();
    const { call } = await scene(env);
    const keys = Array.from({ length: 12 }, (_, index) => `r${index}`);
    const replies = await Promise.all(keys.map((key) => call('PUT', `/${key}`, { url: `https://${key}.test` })));
    expect(replies.map(({ status }) => status)).toEqual(keys.map(() => 201));
    const { registries } = (await call('GET', '')).json() as { registries: { key: string; status: string }[] };
    expect(registries.map(({ key, status }) => [key, status]).sort()).toEqual(keys.map((key) => [key, 'ok']).sort());
    const kept = env.REGISTRIES && JSON.parse(readFileSync(env.REGISTRIES, 'utf8')).rows;
    expect(Object.keys(kept || Object.fromEntries(keys.map((key) => [key, 0]))).sort()).toEqual([...keys].sort());
  });
});
