import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Instance, runtimes, unless } from './runtimes';
import { ask, basic, open, type Reply } from './upstream/client';
import { type Image, makeImage } from './upstream/image';
import { listen, ociError, type Upstream } from './upstream/listen';
import { stageFor, until } from './upstream/scene';

/** Who must never be shown what is kept, however it is asked for. */

const MIB = 1024 * 1024;
const TYPE = 'application/vnd.oci.image.manifest.v1+json';

describe.each(runtimes)('with the $name runtime, content that was cached for somebody', (runtime) => {
  const stage = stageFor(runtime);
  const passwords: Record<string, string> = { alice: randomUUID(), bob: randomUUID() };
  /** Repositories by who may pull them; `*` for everybody. */
  let rights: Record<string, string[]>;
  let registry: Upstream;
  let image: Image;
  let folder: string;
  let isDown: boolean;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rights-'));
    image = makeImage([2 * MIB, 70_000], 'oci', 11);
    rights = { 'team/secret': ['alice'], 'bob/own': ['bob'], 'open/app': ['*'] };
    isDown = false;
    const contents = new Map(
      [image.manifest, image.config, ...image.layers].map((each) => [each.digest as string, each]),
    );
    registry = await listen('registry', ({ seen, res, send }) => {
      const user = Object.keys(passwords).find((name) => seen.header('authorization') === basic(name, passwords[name]));
      const [, name = '', kind, reference = ''] =
        /^\/v2\/(.+)\/(manifests|blobs)\/(.+)$/.exec(seen.path) ?? ([] as string[]);
      if (isDown) return send(503, {}, ociError('UNAVAILABLE', 'down'));
      const may = rights[name]?.some((each) => each === '*' || each === user);
      const challenge = { 'www-authenticate': 'Basic realm="registry"' };
      if (!may) return send(user ? 403 : 401, user ? {} : challenge, ociError('DENIED', 'no'));
      // What bob has of his own is something else.
      const found =
        name === 'bob/own' ? undefined : contents.get(reference === 'v1' ? image.manifest.digest : reference);
      if (!found) return send(404, {}, ociError('MANIFEST_UNKNOWN', 'no such thing'));
      const type = kind === 'manifests' ? found.type : 'application/octet-stream';
      const head = {
        'content-type': type,
        'docker-content-digest': found.digest,
        'content-length': found.bytes.length,
      };
      res.writeHead(200, head);
      res.end(seen.method === 'HEAD' ? undefined : found.bytes);
    });
  });

  afterEach(async () => {
    expect(await stage.close()).toEqual([]);
    await registry.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const settings = (more: Record<string, string> = {}) => ({ CACHE: `disk:${folder}`, CACHE_TAG_TTL: '1h', ...more });
  const paths = (name: string) => [
    `/v2/${name}/manifests/v1`,
    `/v2/${name}/manifests/${image.manifest.digest}`,
    ...[image.config, ...image.layers].map(({ digest }) => `/v2/${name}/blobs/${digest}`),
  ];
  const as = (user: string): Record<string, string> => ({ authorization: basic(user, passwords[user] as string) });

  async function fill(proxy: Instance, name: string, headers = {}): Promise<void> {
    for (const path of paths(name)) {
      expect((await ask(`${proxy.url}${path}`, { headers: { accept: TYPE, ...headers } })).status).toBe(200);
    }
    expect(await until(() => proxy.logs().length >= paths(name).length)).toBe(true);
  }

  /** Every way to ask for everything that the image has. */
  async function probe(proxy: Instance, name: string, headers: Record<string, string> = {}): Promise<Reply[]> {
    const replies: Reply[] = [];
    for (const path of paths(name)) {
      const digest = path.includes('sha256:') ? path.slice(path.indexOf('sha256:')) : image.manifest.digest;
      for (const ways of [
        {},
        { method: 'HEAD' },
        { range: 'bytes=0-10' },
        { range: 'bytes=-1' },
        { range: 'bytes=99999999-' },
        { 'if-none-match': `"${digest}"` },
        { 'if-none-match': '*' },
        { 'cache-control': 'no-cache' },
        { 'cache-control': 'only-if-cached, max-stale' },
      ] as Record<string, string>[]) {
        const { method, ...more } = ways;
        replies.push(await ask(`${proxy.url}${path}`, { method, headers: { accept: TYPE, ...headers, ...more } }));
      }
    }
    return replies;
  }

  const statuses = (replies: readonly Reply[]) => [...new Set(replies.map(({ status }) => status))].sort();
  const secrets = () => [image.manifest, image.config, ...image.layers].map(({ bytes }) => bytes);
  /** Nothing of it, and no word of its size. */
  const tellsNothing = (replies: readonly Reply[]) =>
    replies.every(
      ({ body, header }) =>
        !secrets().some((bytes) => body.length > 0 && bytes.includes(body)) &&
        header('docker-content-digest') === undefined &&
        header('content-range') === undefined,
    );

  test('is not shown to strangers, nor to other users', async () => {
    const proxy = await stage.proxy(registry.url, settings());
    await fill(proxy, 'team/secret', as('alice'));
    for (const [headers, expected] of [
      [{}, [401]],
      [as('bob'), [403]],
      [{ authorization: 'Bearer registry-proxy-anonymous' }, [401]],
      [{ authorization: basic('alice', 'wrong') }, [401]],
      [{ authorization: `Bearer ${randomUUID()}` }, [401]],
    ] as const) {
      const replies = await probe(proxy, 'team/secret', headers);
      expect([statuses(replies), tellsNothing(replies)]).toEqual([expected, true]);
    }
    expect(statuses(await probe(proxy, 'team/secret', as('alice')))).toEqual([200, 206, 304, 416]);
  });

  test('is not shown to them while the registry is down either', async () => {
    const proxy = await stage.proxy(registry.url, settings({ RETRY_TIMEOUT: '0' }));
    await fill(proxy, 'team/secret', as('alice'));
    isDown = true;
    for (const headers of [{}, as('bob'), { authorization: 'Bearer registry-proxy-anonymous' }]) {
      const replies = await probe(proxy, 'team/secret', headers);
      expect([statuses(replies), tellsNothing(replies)]).toEqual([[503], true]);
    }
    // Proven a moment ago.
    expect(statuses(await probe(proxy, 'team/secret', as('alice')))).not.toContain(401);
  });

  test('is not shown in a repository that does not have it, to whom its own is open', async () => {
    const proxy = await stage.proxy(registry.url, settings());
    await fill(proxy, 'team/secret', as('alice'));
    const replies = await probe(proxy, 'bob/own', as('bob'));
    expect([statuses(replies), tellsNothing(replies)]).toEqual([[404], true]);
  });

  unless(runtime, 'joining')('is not shown on its way, to whoever joins', async () => {
    const proxy = await stage.proxy(registry.url, settings());
    const [layer] = image.layers as [Image['config']];
    const path = `/v2/team/secret/blobs/${layer.digest}`;
    const slow = await open(`${proxy.url}${path}`, { headers: as('alice') });
    slow.response.pause();
    for (const headers of [{}, { range: 'bytes=0-10' }, as('bob'), { ...as('bob'), range: 'bytes=0-10' }]) {
      const reply = await ask(`${proxy.url}${path}`, { headers });
      expect([401, 403]).toContain(reply.status);
      expect(tellsNothing([reply])).toBe(true);
    }
    slow.leave();
  });

  test('is not shown any more once the registry has taken the right away', async () => {
    const proxy = await stage.proxy(registry.url, settings());
    await fill(proxy, 'team/secret', as('alice'));
    rights['team/secret'] = [];
    const at = (path: string) => `${proxy.url}${path}`;
    // The first question that goes upstream takes it away for all others.
    const asked = await ask(at('/v2/team/secret/manifests/other'), { headers: as('alice') });
    expect(asked.status).toBe(403);
    const replies = await probe(proxy, 'team/secret', as('alice'));
    expect([statuses(replies), tellsNothing(replies)]).toEqual([[403], true]);
  });

  test('is not shown by a proxy that has another login now, or none', async () => {
    const own = (user: string) => ({
      REGISTRY_USERNAME: user,
      REGISTRY_PASSWORD: passwords[user] as string,
      ANONYMOUS_PULL: 'true',
    });
    const first = await stage.proxy(registry.url, settings(own('alice')));
    await fill(first, 'team/secret');
    await first.stop();
    for (const env of [own('bob'), {}]) {
      const proxy = await stage.proxy(registry.url, settings(env));
      const replies = await probe(proxy, 'team/secret');
      expect(statuses(replies).every((status) => [401, 403, 404].includes(status))).toBe(true);
      expect(tellsNothing(replies)).toBe(true);
      await proxy.stop();
    }
    const again = await stage.proxy(registry.url, settings(own('alice')));
    expect(statuses(await probe(again, 'team/secret'))).toEqual([200, 206, 304, 416]);
  });

  test('that everybody may pull is shown to everybody, with a registry that is down', async () => {
    const proxy = await stage.proxy(registry.url, settings({ RETRY_TIMEOUT: '0' }));
    await fill(proxy, 'open/app');
    isDown = true;
    for (const headers of [{}, as('bob'), { authorization: 'Bearer registry-proxy-anonymous' }]) {
      const replies = await probe(proxy, 'open/app', headers);
      expect(statuses(replies)).toEqual(expect.arrayContaining([200, 206, 304, 416]));
      const whole = await ask(`${proxy.url}${paths('open/app').at(-1)}`, { headers });
      expect(whole.body.equals(image.layers.at(-1)?.bytes as Buffer)).toBe(true);
    }
  });

  test('an absence is told to nobody else', async () => {
    const proxy = await stage.proxy(registry.url, settings());
    const at = `${proxy.url}/v2/bob/own/manifests/v1`;
    expect((await ask(at, { headers: as('bob') })).status).toBe(404);
    expect((await ask(at)).status).toBe(401);
    expect((await ask(at, { headers: as('alice') })).status).toBe(403);
  });
});
