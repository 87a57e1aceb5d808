import { hashPassword, makePassword } from '../src/shell/made-passwords';
import { nodeOnly, runtimes } from './runtimes';
import { ask, basic, open } from './upstream/client';
import { contentOf, payload } from './upstream/image';
import type { Registry } from './upstream/registry';
import { smallImage, stageFor, until } from './upstream/scene';

/** Larger than what the connections between take up: who does not read it holds it open. */
const LARGE = 30_000_000;

const DAY = 86_400;

const at = (address: string) => ({ headers: { 'x-forwarded-for': address } });

describe.each(runtimes)('with the $name runtime, a daily budget', (runtime) => {
  const stage = stageFor(runtime);

  afterEach(async () => {
    jest.restoreAllMocks();
    expect(await stage.close()).toEqual([]);
  });

  async function budgeted(env: Record<string, string>, sizes?: number[]) {
    const registry = await stage.registry();
    const image = smallImage(registry, 'team/app', 'v1', sizes);
    const proxy = await stage.proxy(registry, { TRUST_PROXY: 'loopback', HANDLE_REDIRECT: 'true', ...env });
    const blobOf = (index: number) => `${proxy.url}/v2/team/app/blobs/${image.layers[index]?.digest}`;
    return { registry, image, proxy, blobOf, blob: blobOf(0), manifest: `${proxy.url}/v2/team/app/manifests/v1` };
  }

  const asked = ({ requests }: Registry) => requests.filter(({ path }) => path !== '/v2/').length;

  test('of requests ends in 429 for this client, with words that say why and until when', async () => {
    const { manifest, proxy, registry } = await budgeted({ BUDGET_CLIENT_REQUESTS: '2' });
    expect((await ask(manifest, at('10.0.0.1'))).status).toBe(200);
    expect((await ask(manifest, { ...at('10.0.0.1'), method: 'HEAD' })).status).toBe(200);
    const refused = await ask(manifest, at('10.0.0.1'));
    expect(refused.status).toBe(429);
    const [error] = (refused.json() as { errors: Record<string, unknown>[] }).errors;
    expect(error).toEqual({
      code: 'TOOMANYREQUESTS',
      message: expect.stringMatching(/^your daily budget of 2 requests is used up; it begins anew at \S+T00:00:00Z$/),
      detail: {
        rule: 'BUDGET_CLIENT_REQUESTS',
        used: 2,
        unit: 'requests',
        limit: 2,
        resets: expect.stringMatching(/^\d{4}-\d\d-\d\dT00:00:00Z$/),
      },
    });
    const wait = Number(refused.header('retry-after'));
    expect(wait > 0 && wait <= DAY).toBe(true);
    expect(asked(registry)).toBe(2);
    expect((await ask(manifest, { ...at('10.0.0.1'), method: 'HEAD' })).status).toBe(429);
    expect((await ask(`${proxy.url}/v2/`, at('10.0.0.1'))).status).toBe(200);
    expect((await ask(`${proxy.url}/-/healthz`, at('10.0.0.1'))).status).toBe(200);
  });

  test('is that of an address, or of a network of IPv6', async () => {
    const { manifest } = await budgeted({ BUDGET_CLIENT_REQUESTS: '1' });
    const statuses = [];
    for (const address of ['10.0.0.1', '10.0.0.2', '2001:db8:1:2::1', '2001:db8:1:2:ff::9', '2001:db8:1:3::1']) {
      statuses.push((await ask(manifest, at(address))).status);
    }
    expect(statuses).toEqual([200, 200, 200, 429, 200]);
    expect((await ask(manifest, at('10.0.0.2'))).status).toBe(429);
  });

  test('is that of a user, where there are users, from wherever they come', async () => {
    const password = makePassword();
    const HTPASSWD = `alice:${hashPassword(password)},bob:${hashPassword(password)}`;
    const { manifest } = await budgeted({ BUDGET_CLIENT_REQUESTS: '1', HTPASSWD });
    const as = (user: string, address: string) =>
      ask(manifest, { headers: { ...at(address).headers, authorization: basic(user, password) } });
    expect((await ask(manifest, at('10.0.0.1'))).status).toBe(401);
    expect((await as('alice', '10.0.0.1')).status).toBe(200);
    expect((await as('alice', '10.0.0.2')).status).toBe(429);
    expect((await as('bob', '10.0.0.2')).status).toBe(200);
  });

  test('of bytes lets the body come whole that goes over it, and refuses the next one, but no HEAD', async () => {
    const { blobOf, manifest, image } = await budgeted({ BUDGET_CLIENT_BYTES: '60000' }, [200_000, 3000]);
    const first = await ask(blobOf(0));
    expect([first.status, first.body.length, first.ending]).toEqual([200, image.layers[0]?.bytes.length, 'clean']);
    const next = await ask(blobOf(1));
    expect(next.status).toBe(429);
    expect(next.json()).toMatchObject({ errors: [{ detail: { rule: 'BUDGET_CLIENT_BYTES', limit: 60_000 } }] });
    expect((await ask(manifest)).status).toBe(429);
    expect((await ask(manifest, { method: 'HEAD' })).status).toBe(200);
  });

  test('counts bytes while they flow', async () => {
    const { blob, manifest } = await budgeted({ BUDGET_CLIENT_BYTES: '100000' }, [LARGE]);
    const under = await open(blob);
    let next = 200;
    await until(() => under.response.readableLength > 0);
    for (const end = Date.now() + 8000; next !== 429 && Date.now() < end; ) {
      next = (await ask(manifest)).status;
    }
    expect(next).toBe(429);
    under.leave();
  });

  test('of a registry ends in 429 for what needs it, and nothing is asked of it', async () => {
    const { manifest, blob, registry, proxy } = await budgeted({ BUDGET_UPSTREAM_REQUESTS: '2' });
    expect((await ask(manifest, at('10.0.0.1'))).status).toBe(200);
    expect((await ask(blob, at('10.0.0.1'))).status).toBe(200);
    const reply = await ask(blob, at('10.0.0.2'));
    expect(reply.status).toBe(429);
    const [error] = (reply.json() as { errors: { message: string; detail: object }[] }).errors;
    expect(error?.message).toContain(
      `the daily budget of this proxy for ${registry.authority} of 2 requests is used up`,
    );
    expect(Object.keys(error?.detail ?? {}).sort()).toEqual(['limit', 'registry', 'resets', 'rule', 'unit']);
    expect(asked(registry)).toBe(2);
    await until(() => proxy.logs().some(({ msg }) => msg === 'a daily budget is used up'));
    const warned = proxy.logs().filter(({ msg }) => msg === 'a daily budget is used up');
    expect(warned).toMatchObject([{ level: 'warn', budget: 'BUDGET_UPSTREAM_REQUESTS', limit: 2 }]);
  });

  test('of a registry counts hops and what came of each body', async () => {
    const { registry, blob, image, proxy } = await budgeted({ BUDGET_UPSTREAM_BYTES: '88000' });
    const cdn = await stage.cdn({ registry });
    registry.options.delivery = { kind: 'cdn', cdn };
    const part = { headers: { range: 'bytes=0-999' } };
    expect((await ask(blob, part)).status).toBe(206);
    expect((await ask(blob)).body.length).toBe(image.layers[0]?.bytes.length);
    // A body may come at once: one that passed both marks would be told of once.
    expect((await ask(blob, { headers: { range: 'bytes=0-16999' } })).status).toBe(206);
    expect((await ask(blob, part)).status).toBe(429);
    const warnings = () => proxy.logs().filter(({ budget }) => budget === 'BUDGET_UPSTREAM_BYTES');
    await until(() => warnings().length === 2);
    expect(warnings()).toMatchObject([
      { msg: 'a daily budget is nearly used up', registry: registry.authority, limit: 88_000 },
      { msg: 'a daily budget is used up', registry: registry.authority, limit: 88_000 },
    ]);
  });

  test('of a registry is one of its own where it has one', async () => {
    const registry = await stage.registry();
    const other = await stage.registry();
    smallImage(registry, 'team/app');
    smallImage(other, 'team/app');
    const proxy = await stage.proxy(registry, {
      BUDGET_UPSTREAM_REQUESTS: '1',
      REGISTRIES: JSON.stringify({ 'other.test': { url: other.url, budgetRequests: 3, plainHttp: true } }),
    });
    const statuses = async (base: string) => {
      const all = [];
      for (let index = 0; index < 4; index++) all.push((await ask(`${proxy.url}/v2/${base}manifests/v1`)).status);
      return all;
    };
    expect(await statuses('other.test/team/app/')).toEqual([200, 200, 200, 429]);
    expect(await statuses('team/app/')).toEqual([200, 429, 429, 429]);
  });

  test('of a registry that is used up leaves what is kept, fresh or stale', async () => {
    const { manifest, blobOf, image, registry } = await budgeted({
      CACHE: 'memory',
      CACHE_TAG_TTL: '0',
      BUDGET_UPSTREAM_REQUESTS: '3',
    });
    expect((await ask(manifest)).status).toBe(200);
    expect((await ask(blobOf(0))).status).toBe(200);
    await ask(blobOf(1), { method: 'HEAD' });
    const before = asked(registry);
    const tag = await ask(manifest);
    expect([tag.status, tag.text]).toEqual([200, image.manifest.bytes.toString()]);
    expect(tag.header('cache-status')).toContain('stale');
    const kept = await ask(blobOf(0));
    expect([kept.status, kept.body.length]).toEqual([200, image.layers[0]?.bytes.length]);
    expect((await ask(blobOf(1))).status).toBe(429);
    expect(asked(registry)).toBe(before);
  });

  describe('that redirects', () => {
    const REDIRECT = { BUDGET_ACTION: 'redirect' };

    async function away(env: Record<string, string>) {
      const scene = await budgeted({ ...REDIRECT, ...env }, [200_000, 90_000]);
      const cdn = await stage.cdn({ registry: scene.registry });
      scene.registry.options.delivery = { kind: 'cdn', cdn };
      return { ...scene, cdn };
    }

    test('leads a client that is over it to the storage of the registry', async () => {
      const { blobOf, manifest, cdn, image } = await away({ BUDGET_CLIENT_BYTES: '100000', CACHE: 'memory' });
      expect((await ask(blobOf(0))).status).toBe(200);
      const told = cdn.requests.length;
      for (const index of [0, 1]) {
        const reply = await ask(blobOf(index));
        expect([reply.status, reply.header('location')]).toEqual([307, expect.stringContaining(cdn.authority)]);
        const there = await ask(reply.header('location') as string);
        expect(there.body.length).toBe(image.layers[index]?.bytes.length);
      }
      expect(cdn.requests).toHaveLength(told + 2);
      expect((await ask(manifest)).status).toBe(200);
      const head = await ask(blobOf(1), { method: 'HEAD' });
      expect([head.status, head.header('content-length')]).toEqual([200, '90000']);
    });

    test('refuses what only the registry itself has', async () => {
      const { blobOf, registry, manifest } = await away({ BUDGET_CLIENT_BYTES: '100000' });
      registry.options.delivery = { kind: 'self' };
      expect((await ask(blobOf(0))).status).toBe(200);
      const reply = await ask(blobOf(1));
      expect([reply.status, reply.ending]).toEqual([429, 'clean']);
      expect(reply.text).toContain('BUDGET_CLIENT_BYTES');
      expect((await ask(manifest)).status).toBe(200);
    });

    test('spares a registry no request, and serves what is kept', async () => {
      const { blobOf, cdn, manifest } = await away({ BUDGET_UPSTREAM_BYTES: '100000', CACHE: 'memory' });
      expect((await ask(blobOf(0))).status).toBe(200);
      expect((await ask(blobOf(0))).status).toBe(200);
      const reply = await ask(blobOf(1));
      expect([reply.status, reply.header('location')]).toEqual([307, expect.stringContaining(cdn.authority)]);
      expect((await ask(manifest)).status).toBe(200);
    });
  });
});

describe.each(nodeOnly)('with the $name runtime, a day', (runtime) => {
  const stage = stageFor(runtime);

  afterEach(async () => {
    jest.restoreAllMocks();
    expect(await stage.close()).toEqual([]);
  });

  test('of UTC begins anew, also for a body that is under way', async () => {
    const now = Date.now();
    const midnight = (Math.floor(now / (DAY * 1000)) + 1) * DAY * 1000;
    let time = midnight - 90_000;
    jest.spyOn(Date, 'now').mockImplementation(() => time);
    const registry = await stage.registry();
    const blob = contentOf('application/octet-stream', payload(LARGE));
    registry.blobs.set(blob.digest, blob.bytes);
    smallImage(registry);
    const budgets = { BUDGET_CLIENT_BYTES: String(LARGE), BUDGET_CLIENT_REQUESTS: '2', BUDGET_UPSTREAM_REQUESTS: '2' };
    const proxy = await stage.proxy(registry, budgets);
    const manifest = `${proxy.url}/v2/team/app/manifests/v1`;
    const { response } = await open(`${proxy.url}/v2/team/app/blobs/${blob.digest}`);
    await until(() => response.readableLength > 0);
    expect((await ask(manifest)).status).toBe(200);
    const refused = await ask(manifest);
    expect([refused.status, refused.header('retry-after')]).toEqual([429, '90']);
    time = midnight + 1000;
    expect((await ask(manifest)).status).toBe(200);
    let bytes = 0;
    for await (const chunk of response) bytes += chunk.length;
    expect(bytes).toBe(LARGE);
    await until(() => proxy.logs().filter(({ msg }) => msg === 'request').length === 4);
    // Its bytes of the day before are not those of this one.
    expect((await ask(manifest)).status).toBe(200);
    expect((await ask(manifest)).status).toBe(429);
  });
});
