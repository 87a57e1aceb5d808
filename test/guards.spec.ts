import { setTimeout as pause } from 'node:timers/promises';
import { hashPassword, makePassword } from '../src/shell/made-passwords';
import { MAX_WAITING } from '../src/shell/places';
import { runtimes, unless } from './runtimes';
import { ask, basic, begin, open } from './upstream/client';
import { pull, push } from './upstream/docker';
import { makeImage } from './upstream/image';
import type { Registry } from './upstream/registry';
import { smallImage, stageFor, until } from './upstream/scene';

/** Larger than what the connections between take up: who does not read it holds it open. */
const LARGE = 30_000_000;

const BEHIND_PROXY = { TRUST_PROXY: 'loopback' };
const at = (address: string) => ({ 'x-forwarded-for': address });

describe.each(runtimes)('with the $name runtime, guards', (runtime) => {
  const stage = stageFor(runtime);

  afterEach(async () => expect(await stage.close()).toEqual([]));

  async function guarded(env: Record<string, string>, sizes?: number[]) {
    const registry = await stage.registry();
    const image = smallImage(registry, 'team/app', 'v1', sizes);
    const proxy = await stage.proxy(registry, env);
    const blob = `${proxy.url}/v2/team/app/blobs/${image.layers[0]?.digest}`;
    return { registry, image, proxy, blob, manifest: `${proxy.url}/v2/team/app/manifests/v1` };
  }

  const blobsAsked = ({ requests }: Registry) => requests.filter(({ target }) => target.includes('/blobs/')).length;

  describe('on images', () => {
    test.each([
      ['the client authenticates', {}],
      ['the proxy authenticates', { REGISTRIES: 'other.test=http://127.0.0.1:9' }],
    ])('let nothing upstream that is denied, where %s', async (_, env) => {
      const { registry, proxy, image } = await guarded({ DENY_IMAGES: 'evil/**', ...env });
      smallImage(registry, 'evil/app');
      const digest = image.layers[0]?.digest;
      const tried: [string, string][] = [
        ['GET', 'evil/app/manifests/v1'],
        ['HEAD', 'evil/app/manifests/v1'],
        ['GET', `evil/app/blobs/${digest}`],
        ['GET', 'evil/app/tags/list'],
        ['GET', `evil/app/referrers/${digest}`],
        ['POST', 'evil/app/blobs/uploads/'],
        ['PUT', 'evil/app/manifests/v1'],
        ['POST', `team/app/blobs/uploads/?mount=${digest}&from=evil/app`],
        ['GET', `${registry.authority}/evil/app/manifests/v1`],
        ['GET', `evil/app/manifests/v1?ns=${registry.authority}`],
        ['GET', '_catalog'],
      ];
      for (const [method, path] of tried) {
        const reply = await ask(`${proxy.url}/v2/${path}`, { method });
        expect([method, path, reply.status]).toEqual([method, path, 403]);
        if (method === 'GET') expect(reply.json()).toMatchObject({ errors: [{ code: 'DENIED' }] });
      }
      expect(registry.requests).toEqual([]);
      expect((await pull({ base: proxy.url }, 'team/app', 'v1')).digest).toBe(image.manifest.digest);
    });

    test('say which rule decided, to the client and in the log', async () => {
      const { proxy, manifest } = await guarded({ ALLOW_IMAGES: 'other/*', DENY_IMAGES: 'evil/*' });
      const [allowed, denied] = [await ask(manifest), await ask(`${proxy.url}/v2/evil/app/manifests/v1`)];
      expect(allowed.json()).toMatchObject({ errors: [{ message: expect.stringContaining('not on ALLOW_IMAGES') }] });
      expect(denied.json()).toMatchObject({ errors: [{ detail: { rule: 'DENY_IMAGES=evil/*' } }] });
      await until(() => proxy.logs().filter(({ msg }) => msg === 'request').length === 2);
      const lines = proxy.logs().filter(({ msg }) => msg === 'request');
      expect(lines).toMatchObject([
        { status: 403, why: expect.stringContaining('not on ALLOW_IMAGES') },
        { status: 403, why: expect.stringContaining('DENY_IMAGES=evil/*') },
      ]);
    });

    test('know names without REPO_PREFIX', async () => {
      const registry = await stage.registry();
      const image = smallImage(registry, 'project/app');
      smallImage(registry, 'project/secret');
      const proxy = await stage.proxy(registry, { REPO_PREFIX: 'project', ALLOW_IMAGES: 'app' });
      expect((await pull({ base: proxy.url }, 'app', 'v1')).digest).toBe(image.manifest.digest);
      expect((await ask(`${proxy.url}/v2/secret/manifests/v1`)).status).toBe(403);
    });
  });

  describe('on addresses', () => {
    const ONLY_ONE = { ALLOW_CLIENTS: '203.0.113.7', ...BEHIND_PROXY };

    test('show a stranger nothing but that the proxy lives', async () => {
      const { registry, proxy } = await guarded(ONLY_ONE);
      const headers = at('198.51.100.1');
      const absolute = runtime.lacks?.['request line'] === undefined ? ['http://x/'] : [];
      for (const target of ['/', '/v2/', '/v2/team/app/manifests/v1', '/token', '/any/page', '/-/x', ...absolute]) {
        const reply = await ask(proxy.url, { target, headers });
        expect([target, reply.status, reply.json()]).toMatchObject([target, 403, { errors: [{ code: 'DENIED' }] }]);
      }
      expect((await ask(`${proxy.url}/v2/`, { method: 'OPTIONS', headers })).status).toBe(403);
      expect((await ask(`${proxy.url}/-/healthz`, { headers })).text).toBe('ok\n');
      expect(registry.requests).toEqual([]);
      await until(() => proxy.logs().some(({ client }) => client === '198.51.100.1'));
      expect(proxy.logs().find(({ status }) => status === 403)).toMatchObject({
        client: '198.51.100.1',
        why: expect.stringContaining('address'),
      });
    });

    test('serve whom they name, and nobody who only claims to be that', async () => {
      const { image, proxy, manifest } = await guarded(ONLY_ONE);
      expect((await ask(manifest, { headers: at('203.0.113.7') })).body).toEqual(image.manifest.bytes);
      expect((await ask(`${proxy.url}/`, { headers: at('203.0.113.7') })).status).toBe(200);
      expect((await ask(manifest, { headers: at('203.0.113.7, 198.51.100.1') })).status).toBe(403);
      expect((await ask(manifest)).status).toBe(403);
    });

    test('look at the connection where no proxy is trusted', async () => {
      const { manifest } = await guarded({ ALLOW_CLIENTS: '203.0.113.7' });
      expect((await ask(manifest, { headers: at('203.0.113.7') })).status).toBe(403);
      const local = await guarded({ ALLOW_CLIENTS: 'loopback' });
      expect((await ask(local.manifest)).status).toBe(200);
      const alone = await guarded({ ALLOW_CLIENTS: 'loopback', TRUST_PROXY: 'false' });
      expect((await ask(alone.manifest, { headers: at('198.51.100.1') })).status).toBe(200);
    });

    test('let no page read by the address of whoever opens it', async () => {
      const { proxy, manifest } = await guarded({ ALLOW_CLIENTS: 'loopback' });
      const headers = { origin: 'https://evil.example' };
      for (const url of [manifest, `${proxy.url}/v2/`, `${proxy.url}/`]) {
        const reply = await ask(url, { headers });
        expect([url, reply.status, reply.header('access-control-allow-origin')]).toEqual([url, 200, undefined]);
      }
    });

    test('let nobody in by the address of a proxy that nobody has named', async () => {
      const { manifest, registry } = await guarded({ ALLOW_CLIENTS: 'loopback' });
      const refused = await ask(manifest, { headers: at('198.51.100.1') });
      expect([refused.status, refused.text, registry.requests]).toEqual([
        403,
        expect.stringContaining('TRUST_PROXY'),
        [],
      ]);
    });
  });

  describe('on rates', () => {
    const SLOW = { RATE_LIMIT: '1/h burst 3', ...BEHIND_PROXY };

    test('are 429 with Retry-After for one client, and for nobody else', async () => {
      const { registry, proxy, manifest } = await guarded(SLOW);
      const headers = at('203.0.113.7');
      const statuses = [];
      for (let count = 0; count < 3; count++) statuses.push((await ask(manifest, { headers })).status);
      expect(statuses).toEqual([200, 200, 200]);
      const refused = await ask(manifest, { headers: { ...headers, origin: 'https://ui.example.org' } });
      expect([refused.status, refused.json()]).toMatchObject([429, { errors: [{ code: 'TOOMANYREQUESTS' }] }]);
      expect(Number(refused.header('retry-after'))).toBeGreaterThan(3500);
      expect(refused.header('access-control-allow-origin')).toBe('*');
      expect(registry.requests).toHaveLength(3);
      expect((await ask(manifest, { headers: at('203.0.113.8') })).status).toBe(200);
      expect((await ask(`${proxy.url}/-/healthz`, { headers })).status).toBe(200);
      await until(() => proxy.logs().some(({ status }) => status === 429));
      expect(proxy.logs().find(({ status }) => status === 429)?.why).toContain('too many requests');
    });

    test('count GET /v2/ apart, so that a pull under way can still begin', async () => {
      const { proxy, manifest } = await guarded(SLOW);
      const statuses = [];
      for (let count = 0; count < 4; count++) statuses.push((await ask(manifest)).status);
      for (let count = 0; count < 4; count++) statuses.push((await ask(`${proxy.url}/v2/`)).status);
      expect(statuses).toEqual([200, 200, 200, 429, 200, 200, 200, 429]);
    });

    test('refuse an upload before it is read', async () => {
      const { registry, proxy, manifest } = await guarded({ RATE_LIMIT: '1/h' });
      await ask(manifest);
      const pieces = Array.from({ length: 5 }, () => Buffer.alloc(400_000));
      const reply = await ask(`${proxy.url}/v2/team/app/blobs/uploads/1`, { method: 'PATCH', body: pieces });
      expect([reply.status, registry.requests.length]).toEqual([429, 1]);
    });
  });

  describe('on transfers', () => {
    test('let more of them wait until one is over', async () => {
      // Over one connection each, so that what the registry is asked says how many there are.
      const { registry, blob, manifest } = await guarded({ MAX_TRANSFERS: '2', DOWNLOAD_CONNECTIONS: '1' }, [
        LARGE,
        3000,
      ]);
      const held = [await open(blob), await open(blob)];
      const third = ask(blob);
      expect((await ask(manifest)).status).toBe(200);
      expect(blobsAsked(registry)).toBe(2);
      held[0]?.leave();
      const reply = await third;
      expect([reply.status, reply.body.length, blobsAsked(registry)]).toEqual([200, LARGE, 3]);
      held[1]?.leave();
    });

    test('are not noticed by clients that take several at once', async () => {
      const sizes = Array.from({ length: 12 }, (_, index) => 20_000 + index);
      const { registry, image, proxy } = await guarded({ MAX_TRANSFERS: '2' }, sizes);
      registry.fail(/blobs/, { kind: 'slow-head', ms: 20 }, 100);
      const pulled = await Promise.all([1, 2, 3].map(() => pull({ base: proxy.url }, 'team/app', 'v1')));
      expect(pulled.map(({ blobs }) => blobs.size)).toEqual([13, 13, 13]);
      expect(new Set(pulled.map(({ digest }) => digest))).toEqual(new Set([image.manifest.digest]));
    });

    test('count each client by itself', async () => {
      const { blob } = await guarded({ MAX_TRANSFERS: '1', ...BEHIND_PROXY }, [LARGE]);
      const held = await open(blob, { headers: at('203.0.113.7') });
      expect((await ask(blob, { headers: at('203.0.113.8') })).status).toBe(200);
      held.leave();
    });

    unless(runtime, 'departures')(
      'forget a client that leaves the queue, and give back the place of one that fails',
      async () => {
        const { registry, proxy, blob } = await guarded({ MAX_TRANSFERS: '1', RETRY_TIMEOUT: '0' }, [LARGE]);
        const held = await open(blob);
        const waiting = begin(blob);
        await pause(100);
        waiting.leave();
        expect(await until(() => proxy.logs().some(({ status }) => status === 499))).toBe(true);
        held.leave();
        registry.fail(/blobs/, { kind: 'refuse' });
        expect((await ask(blob)).status).toBe(502);
        expect((await ask(blob)).status).toBe(200);
        expect(blobsAsked(registry)).toBe(3);
      },
    );

    test('are 429 at once where too many wait already', async () => {
      const { proxy, blob } = await guarded({ MAX_TRANSFERS: '1' }, [LARGE]);
      const held = await open(blob);
      const queue = Array.from({ length: MAX_WAITING + 1 }, () => begin(blob));
      const isRefused = () => proxy.logs().some(({ status }) => status === 429);
      expect(await until(isRefused, 5000)).toBe(true);
      expect(proxy.logs().filter(({ status }) => status === 429)).toMatchObject([
        { why: expect.stringContaining('more than 1 transfers at once') },
      ]);
      for (const client of queue) client.leave();
      held.leave();
      expect((await ask(blob)).status).toBe(200);
    });

    test('hold uploads too', async () => {
      const { registry, proxy } = await guarded({ MAX_TRANSFERS: '1' });
      const images = [makeImage([400_000]), makeImage([500_000]), makeImage([600_000])];
      await Promise.all(
        images.map((image, index) => push({ base: proxy.url }, `team/new${index}`, 'v1', image, 100_000)),
      );
      expect(images.map((_, index) => registry.manifest(`team/new${index}`, 'v1')?.digest)).toEqual(
        images.map(({ manifest }) => manifest.digest),
      );
    });

    test('hold what users get who log in first', async () => {
      const password = makePassword();
      const env = { MAX_TRANSFERS: '1', HTPASSWD: `alice:${hashPassword(password)}` };
      const { registry, blob } = await guarded(env, [LARGE]);
      const headers = { authorization: basic('alice', password) };
      const held = await open(blob, { headers });
      expect(held.head.status).toBe(200);
      const second = ask(blob, { headers });
      await pause(200);
      expect(blobsAsked(registry)).toBe(1);
      held.leave();
      expect([(await second).status, blobsAsked(registry)]).toEqual([200, 2]);
    });

    test('do not take the time to wait from the time to retry', async () => {
      const { registry, proxy, blob } = await guarded({ MAX_TRANSFERS: '1', RETRY_TIMEOUT: '1s' }, [LARGE]);
      const held = await open(blob);
      const waiting = ask(blob);
      await pause(1200);
      registry.fail(/blobs/, { kind: 'status', status: 503 });
      held.leave();
      expect((await waiting).status).toBe(200);
      await until(() => proxy.logs().some(({ waited }) => waited !== undefined));
      expect(proxy.logs().filter(({ waited }) => Number(waited) > 1000)).toHaveLength(1);
    });
  });
});
