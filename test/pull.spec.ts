import { Agent } from 'node:http';
import { runtimes, unless } from './runtimes';
import type { Cdn } from './upstream/cdn';
import { ask, basic, begin, open, type Reply } from './upstream/client';
import { authorize, parseChallenge, pull, push, pushBlob } from './upstream/docker';
import { type Content, contentOf, INDEX_TYPE, makeImage, makeReferrer, payload, sha256 } from './upstream/image';
import type { Fault } from './upstream/listen';
import type { Delivery, RegistryOptions } from './upstream/registry';
import { smallImage, stageFor, USERS, until } from './upstream/scene';

/** What docker, containerd and podman may rely on. Every runtime keeps all of it. */

const MIB = 1024 * 1024;
const REDIRECTS = [301, 302, 303, 307, 308];
const ALICE = { user: 'alice', password: USERS.alice };
const FOLLOW = { HANDLE_REDIRECT: 'true' };

describe.each(runtimes)('with the $name runtime', (runtime) => {
  const stage = stageFor(runtime);

  afterEach(async () => {
    expect(await stage.close()).toEqual([]);
  });

  /** A registry with one small image, and the proxy in front of it. */
  async function simple(options: RegistryOptions = {}, env: Record<string, string> = {}) {
    const registry = await stage.registry(options);
    const image = smallImage(registry);
    const proxy = await stage.proxy(registry, env);
    return { registry, image, proxy, app: `${proxy.url}/v2/team/app` };
  }

  /** One blob of `size` bytes in team/app, its bytes behind signed URLs of a CDN; the proxy follows redirects. */
  async function storedBlob(size: number, env: Record<string, string> = {}, delivery: Partial<Delivery> = {}) {
    const registry = await stage.registry();
    const cdn = await stage.cdn({ registry });
    registry.options.delivery = { kind: 'cdn', cdn, ...delivery } as Delivery;
    const blob = contentOf('application/octet-stream', payload(size));
    registry.blobs.set(blob.digest, blob.bytes);
    const proxy = await stage.proxy(registry, { ...FOLLOW, ...env });
    return { registry, cdn, proxy, blob, url: `${proxy.url}/v2/team/app/blobs/${blob.digest}` };
  }

  /** One blob of `size` bytes that the registry serves itself. */
  async function servedBlob(size: number, env: Record<string, string> = {}, options: RegistryOptions = {}) {
    const registry = await stage.registry(options);
    const blob = contentOf('application/octet-stream', payload(size));
    registry.blobs.set(blob.digest, blob.bytes);
    const proxy = await stage.proxy(registry, env);
    return { registry, proxy, blob, url: `${proxy.url}/v2/team/app/blobs/${blob.digest}` };
  }

  /** A registry that wants tokens. team/secret is for alice only. */
  async function guarded(options: RegistryOptions = {}, env: Record<string, string> = {}) {
    const tokens = await stage.tokens({ privateRepositories: ['team/secret'] });
    const registry = await stage.registry({ auth: { kind: 'bearer', tokens }, ...options });
    const image = smallImage(registry);
    smallImage(registry, 'team/secret');
    const proxy = await stage.proxy(registry, env);
    return { tokens, registry, image, proxy };
  }

  /** Docker Hub under its own name: one-part names do not exist there. */
  async function hub(env: Record<string, string> = {}) {
    const tokens = await stage.tokens({ service: 'registry.docker.io' });
    const registry = await stage.registry({ hub: true, expectsNs: true, auth: { kind: 'bearer', tokens } });
    const image = smallImage(registry, 'library/nginx', 'latest');
    const proxy = await stage.proxy(registry, { REGISTRY_NAME: 'docker.io', ...env });
    return { tokens, registry, image, proxy };
  }

  describe('docker pull', () => {
    test.each(['oci', 'docker'] as const)('gets every byte of an %s image from a plain registry', async (kind) => {
      const { registry, proxy } = await simple();
      const image = makeImage([300_000, 50_000, 1], kind, 7);
      registry.add('group/sub/app', 'v2.1_x', image);
      const pulled = await pull({ base: proxy.url }, 'group/sub/app', 'v2.1_x');
      expectBytes(pulled.manifest, image.manifest.bytes);
      expect(pulled.type).toBe(image.manifest.type);
      for (const { digest, bytes } of [image.config, ...image.layers]) expectBytes(pulled.blobs.get(digest), bytes);
    });

    test('gets a token from us and never needs to reach the token server', async () => {
      const { proxy, image, tokens } = await guarded();
      const pulled = await pull({ base: proxy.url }, 'team/app', 'v1');
      expect(pulled.digest).toBe(image.manifest.digest);
      expect(tokens.asked.map(({ scopes }) => scopes)).toEqual([['repository:team/app:pull']]);
    });

    test('gets a private image with the login of docker login, and only with it', async () => {
      const { proxy } = await guarded();
      await pull({ base: proxy.url, login: ALICE }, 'team/secret', 'v1');
      await expect(pull({ base: proxy.url }, 'team/secret', 'v1')).rejects.toThrow('expected 200, got 401');
      await expect(
        pull({ base: proxy.url, login: { user: 'alice', password: 'wrong' } }, 'team/secret', 'v1'),
      ).rejects.toThrow('expected 200, got 401');
    });

    test('gets blobs out of the CDN when the proxy follows redirects', async () => {
      const { registry, proxy } = await guarded({}, FOLLOW);
      const cdn = await stage.cdn({ registry });
      registry.options.delivery = { kind: 'cdn', cdn, detour: { kind: 'hops', count: 2 } };
      await pull({ base: proxy.url, login: ALICE }, 'team/secret', 'v1');
      expect(cdn.requests.length).toBeGreaterThan(0);
    });

    test('is sent to the CDN itself when the proxy does not follow, and leaves its token behind', async () => {
      const { registry, proxy } = await guarded();
      const cdn = await stage.cdn({ registry });
      registry.options.delivery = { kind: 'cdn', cdn };
      await pull({ base: proxy.url }, 'team/app', 'v1');
    });

    test.each([true, false])(
      'follows a redirect within the backend through us (absolute Location: %s)',
      async (absolute) => {
        const { registry, proxy } = await simple({ delivery: { kind: 'own-host', absolute } });
        await pull({ base: proxy.url }, 'team/app', 'v1');
        expect(registry.requests.filter(({ path }) => path.startsWith('/storage/'))).toHaveLength(3);
      },
    );

    test('works in front of a backend that lives below a path', async () => {
      const { proxy, registry } = await simple({ basePath: '/artifactory/api/docker/local' });
      await pull({ base: proxy.url }, 'team/app', 'v1');
      expect(registry.requests.every(({ path }) => path.startsWith('/artifactory/api/docker/local/v2/'))).toBe(true);
    });

    test('works where the address of the backend was given with its /v2/', async () => {
      const registry = await stage.registry({ basePath: '/base' });
      smallImage(registry);
      const proxy = await stage.proxy(`${registry.url}/v2/`);
      await pull({ base: proxy.url }, 'team/app', 'v1');
    });

    test('works with Basic authentication, whose challenge passes as it is', async () => {
      const { proxy, image } = await simple({ auth: { kind: 'basic', users: { alice: 'pw' } } });
      const url = `${proxy.url}/v2/team/app/manifests/v1`;
      const refused = await ask(url);
      expect([refused.status, refused.header('www-authenticate')]).toEqual([401, 'Basic realm="registry.test"']);
      const reply = await ask(url, { headers: { authorization: basic('alice', 'pw') } });
      expect(sha256(reply.body)).toBe(image.manifest.digest);
    });
  });

  describe('docker push', () => {
    test.each(['absolute', 'relative', 'state', 'ghcr', 'pkg-dev'] as const)(
      'follows an upload through us when the registry writes its Location %s',
      async (uploads) => {
        const { registry, proxy } = await simple({ uploads });
        const image = makeImage([90_000], 'oci', 3);
        await push({ base: proxy.url }, 'team/new', 'v1', image, 40_000);
        await push({ base: proxy.url }, 'team/new', 'whole', image);
        expectBytes(registry.blobs.get(image.layers[0]?.digest as string), image.layers[0]?.bytes);
        expectBytes(registry.manifest('team/new', 'v1')?.bytes, image.manifest.bytes);
        await pull({ base: proxy.url }, 'team/new', 'v1');
      },
    );

    test.each(['absolute', 'relative', 'state', 'ghcr'] as const)(
      'does so below a base path too (%s)',
      async (uploads) => {
        const { proxy } = await simple({ uploads, basePath: '/base' });
        await push({ base: proxy.url }, 'team/new', 'v1', makeImage([9_000], 'oci', 3), 4_000);
      },
    );

    test('comes back to us where the registry does not know by which scheme it is reached', async () => {
      const { registry, proxy } = await simple();
      const location = `https://${registry.authority}/v2/team/new/blobs/uploads/x1?_state=a%2Bb`;
      registry.answer(/POST/, 202, { location });
      const reply = await ask(`${proxy.url}/v2/team/new/blobs/uploads/`, { method: 'POST' });
      expect(reply.header('location')).toBe(`${proxy.url}/v2/team/new/blobs/uploads/x1?_state=a%2Bb`);
    });

    test('asks for a token that may push', async () => {
      const { proxy, tokens } = await guarded();
      await push({ base: proxy.url, login: ALICE }, 'team/new', 'v1', makeImage([9_000], 'oci', 3));
      expect(tokens.asked[0]?.scopes).toEqual(['repository:team/new:pull,push']);
    });

    test('in one POST with the digest', async () => {
      const { registry, proxy } = await simple();
      const bytes = payload(50_000, 9);
      const url = `${proxy.url}/v2/team/new/blobs/uploads/?digest=${encodeURIComponent(sha256(bytes))}`;
      const reply = await ask(url, { method: 'POST', body: bytes, headers: { 'content-length': bytes.length } });
      expect(reply.status).toBe(201);
      expect(reply.header('location')).toBe(`${proxy.url}/v2/team/new/blobs/${sha256(bytes)}`);
      expectBytes(registry.blobs.get(sha256(bytes)), bytes);
    });

    test('in one chunked PATCH without a length', async () => {
      const { registry, proxy } = await simple();
      const bytes = payload(3 * MIB, 9);
      const begun = await ask(`${proxy.url}/v2/team/new/blobs/uploads/`, { method: 'POST' });
      expect(begun.header('oci-chunk-min-length')).toBe('1024');
      const pieces = [bytes.subarray(0, MIB), bytes.subarray(MIB)];
      const patched = await ask(begun.header('location') as string, { method: 'PATCH', body: pieces });
      expect([patched.status, patched.header('range')]).toEqual([202, `0-${bytes.length - 1}`]);
      const done = await ask(`${patched.header('location')}?digest=${sha256(bytes)}`, { method: 'PUT' });
      expect([done.status, done.header('docker-content-digest')]).toEqual([201, sha256(bytes)]);
      expectBytes(registry.blobs.get(sha256(bytes)), bytes);
    });

    test('may ask how far an upload is, repeat a chunk out of order, and give up', async () => {
      const { proxy } = await simple({ uploads: 'state' });
      const begun = await ask(`${proxy.url}/v2/team/new/blobs/uploads/`, { method: 'POST' });
      const late = { method: 'PATCH', headers: { 'content-range': '5-9' }, body: Buffer.from('later') };
      const outOfOrder = await ask(begun.header('location') as string, late);
      expect(outOfOrder.status).toBe(416);
      const state = await ask(outOfOrder.header('location') as string);
      expect([state.status, state.header('range')]).toEqual([204, '0-0']);
      const gone = await ask(state.header('location') as string, { method: 'DELETE' });
      expect(gone.status).toBe(204);
      expect((await ask(state.header('location') as string)).status).toBe(404);
    });

    test('hears of a wrong digest from the registry', async () => {
      const { proxy } = await simple();
      const wrong = { ...contentOf('x', Buffer.from('right')), digest: sha256(Buffer.from('wrong')) };
      await expect(pushBlob({ base: proxy.url }, 'team/new', wrong, 100)).rejects.toThrow(/400.*DIGEST_INVALID/);
    });

    test('mounts a blob from another repository', async () => {
      const { registry, proxy, image } = await simple();
      const { digest } = image.config;
      const url = `${proxy.url}/v2/team/other/blobs/uploads/?mount=${digest}&from=team/app`;
      const reply = await ask(url, { method: 'POST' });
      expect([reply.status, reply.header('location')]).toEqual([201, `${proxy.url}/v2/team/other/blobs/${digest}`]);
      expect(registry.requests.at(-1)?.query.get('from')).toBe('team/app');
    });

    test('deletes tags, manifests and blobs', async () => {
      const { app, image } = await simple();
      for (const path of ['manifests/v1', `manifests/${image.manifest.digest}`, `blobs/${image.config.digest}`]) {
        expect((await ask(`${app}/${path}`, { method: 'DELETE' })).status).toBe(202);
        expect((await ask(`${app}/${path}`)).status).toBe(404);
      }
    });

    test('of a referrer hears which subject it belongs to', async () => {
      const { app, image } = await simple();
      const { bytes, type } = makeReferrer(image.manifest, 'application/x.sbom');
      const put = { method: 'PUT', headers: { 'content-type': type }, body: bytes };
      const reply = await ask(`${app}/manifests/sbom`, put);
      expect([reply.status, reply.header('oci-subject')]).toEqual([201, image.manifest.digest]);
    });
  });

  describe('the distribution API', () => {
    test.each(['/v2/', '/v2'])('answers the ping on %s', async (path) => {
      const { proxy } = await simple();
      for (const method of ['GET', 'HEAD']) {
        const reply = await ask(proxy.url, { method, target: path });
        expect([reply.status, reply.header('docker-distribution-api-version')]).toEqual([200, 'registry/2.0']);
      }
    });

    test('HEAD and GET of a manifest say the same, by tag and by digest', async () => {
      const { app, image } = await simple();
      for (const reference of ['v1', image.manifest.digest]) {
        const head = await ask(`${app}/manifests/${reference}`, { method: 'HEAD' });
        const get = await ask(`${app}/manifests/${reference}`);
        for (const reply of [head, get]) {
          expect(reply.status).toBe(200);
          expect(reply.lines('content-type')).toEqual([image.manifest.type]);
          expect(reply.lines('content-length')).toEqual([String(image.manifest.bytes.length)]);
          expect(reply.lines('docker-content-digest')).toEqual([image.manifest.digest]);
          expect(reply.lines('ratelimit-remaining')).toEqual(['99;w=21600']);
          expect(reply.header('x-powered-by')).toBeUndefined();
        }
        expect(head.body).toHaveLength(0);
        expectBytes(get.body, image.manifest.bytes);
      }
    });

    test.each([
      INDEX_TYPE,
      'application/vnd.docker.distribution.manifest.list.v2+json',
      'application/vnd.docker.distribution.manifest.v1+prettyjws',
      'application/vnd.cncf.helm.config.v1+json',
      'application/json',
    ])('leaves the media type %s alone', async (type) => {
      const { registry, app } = await simple();
      registry.addManifest('team/app', 'typed', contentOf(type, Buffer.from('{"schemaVersion":2}')));
      const reply = await ask(`${app}/manifests/typed`);
      expect([reply.header('content-type'), reply.text]).toEqual([type, '{"schemaVersion":2}']);
    });

    test('every Accept line reaches the registry', async () => {
      const { registry, app } = await simple();
      const accept = [
        'application/vnd.oci.image.index.v1+json',
        'application/vnd.docker.distribution.manifest.v2+json',
      ];
      await ask(`${app}/manifests/v1`, { headers: { accept } });
      const lines = registry.requests[0]?.rawHeaders.filter(([name]) => name.toLowerCase() === 'accept');
      expect(lines?.map(([, value]) => value).join(', ')).toBe(accept.join(', '));
    });

    test('HEAD and GET of a blob say the same', async () => {
      const { app, image } = await simple();
      const { digest, bytes } = image.layers[0] as Content;
      const head = await ask(`${app}/blobs/${digest}`, { method: 'HEAD' });
      const get = await ask(`${app}/blobs/${digest}`);
      for (const reply of [head, get]) {
        expect([reply.status, reply.header('content-length')]).toEqual([200, String(bytes.length)]);
        expect([reply.header('docker-content-digest'), reply.header('accept-ranges')]).toEqual([digest, 'bytes']);
      }
      expect(head.body).toHaveLength(0);
      expect(sha256(get.body)).toBe(digest);
    });

    test('pages of tags and of the catalog lead through us to the end', async () => {
      const { registry, proxy, image } = await simple();
      const tags = ['1.0', '1.1', '2.0', 'latest', 'v1'];
      for (const tag of tags) registry.add('team/app', tag, image);
      for (const name of ['a/b', 'c/d', 'e/f']) registry.add(name, 'x', image);
      const seen: Record<string, string[]> = { tags: [], repositories: [] };
      for (const [start, key] of [
        ['/v2/team/app/tags/list?n=2', 'tags'],
        ['/v2/_catalog?n=2', 'repositories'],
      ] as const) {
        for (let url: string | undefined = `${proxy.url}${start}`; url; ) {
          const page: Reply = await ask(url);
          expect(page.status).toBe(200);
          seen[key]?.push(...((page.json() as Record<string, string[]>)[key] ?? []));
          const link = /^<([^>]*)>; rel="next"$/.exec(page.header('link') ?? '')?.[1];
          const next: URL | undefined = link === undefined ? undefined : new URL(link, url);
          expect(next?.origin ?? proxy.url).toBe(proxy.url);
          url = next?.href;
        }
      }
      expect(seen).toEqual({ tags, repositories: ['a/b', 'c/d', 'e/f', 'team/app'] });
    });

    test('passes n and last on as they are', async () => {
      const { registry, app } = await simple();
      await ask(`${app}/tags/list?n=7&last=a%2Bb`);
      expect(registry.requests[0]?.target).toBe('/v2/team/app/tags/list?n=7&last=a%2Bb');
    });

    test('filters referrers', async () => {
      const { registry, app, image } = await simple();
      const [sbom, signature] = ['application/x.sbom', 'application/x.signature'].map((type) => {
        const referrer = makeReferrer(image.manifest, type);
        registry.addManifest('team/app', referrer.digest, referrer);
        return referrer;
      });
      const url = `${app}/referrers/${image.manifest.digest}`;
      const all = (await ask(url)).json() as { manifests: { digest: string }[] };
      expect(all.manifests.map(({ digest }) => digest).sort()).toEqual([sbom?.digest, signature?.digest].sort());
      const one = await ask(`${url}?artifactType=application%2Fx.sbom`);
      expect([one.header('oci-filters-applied'), one.header('content-type')]).toEqual(['artifactType', INDEX_TYPE]);
      expect(one.json()).toMatchObject({ manifests: [{ digest: sbom?.digest }] });
    });

    test('a registry that is no longer there is not translated: 404, 403, 429 with Retry-After', async () => {
      const { registry, app } = await simple();
      registry.answer(/tags/, 429, { 'retry-after': '17' }, '{"errors":[{"code":"TOOMANYREQUESTS"}]}');
      registry.answer(/manifests\/denied/, 403, { 'content-type': 'application/json' }, '{"errors":[]}');
      const busy = await ask(`${app}/tags/list`);
      expect([busy.status, busy.header('retry-after'), busy.text]).toEqual([
        429,
        '17',
        '{"errors":[{"code":"TOOMANYREQUESTS"}]}',
      ]);
      expect(registry.requests).toHaveLength(1);
      expect((await ask(`${app}/manifests/denied`)).status).toBe(403);
      const missing = await ask(`${app}/manifests/nothing`);
      expect(missing.status).toBe(404);
      expect(missing.json()).toMatchObject({
        errors: [{ code: 'MANIFEST_UNKNOWN', detail: { reference: 'nothing' } }],
      });
    });

    test('answers OPTIONS itself, for browsers', async () => {
      const { registry, app, proxy } = await simple();
      const reply = await ask(`${app}/manifests/v1`, {
        method: 'OPTIONS',
        headers: { origin: 'https://ui.example.com', 'access-control-request-method': 'GET' },
      });
      expect(reply.status).toBe(204);
      expect(reply.header('access-control-allow-origin')).toBe('*');
      expect(reply.header('access-control-allow-methods')).toMatch(/GET.*HEAD|HEAD.*GET/);
      expect(reply.header('access-control-allow-headers')?.toLowerCase()).toContain('authorization');
      expect(registry.requests).toHaveLength(0);
      const get = await ask(`${app}/manifests/v1`, { headers: { origin: 'https://ui.example.com' } });
      expect(get.header('access-control-allow-origin')).toBe('*');
      expect(get.header('access-control-allow-credentials')).toBeUndefined();
      expect(get.header('access-control-expose-headers')?.toLowerCase()).toContain('docker-content-digest');
      expect((await ask(`${app}/manifests/v1`)).header('access-control-allow-origin')).toBeUndefined();
      const refused = await ask(`${proxy.url}/v2/BAD/manifests/v1`, { headers: { origin: 'https://ui.example.com' } });
      expect([refused.status, refused.header('access-control-allow-origin')]).toEqual([400, '*']);
    });

    test('conditions reach the registry and its 304 comes back', async () => {
      const { app, image } = await simple();
      const etag = (await ask(`${app}/manifests/v1`)).header('etag') as string;
      const same = await ask(`${app}/manifests/v1`, { headers: { 'if-none-match': etag } });
      expect([same.status, same.body.length, same.header('etag')]).toEqual([304, 0, etag]);
      const layer = image.layers[0] as Content;
      const part = await ask(`${app}/blobs/${layer.digest}`, { headers: { range: 'bytes=100-199' } });
      expect([part.status, part.header('content-range')]).toEqual([206, `bytes 100-199/${layer.bytes.length}`]);
      expectBytes(part.body, layer.bytes.subarray(100, 200));
      const stale = { range: 'bytes=100-199', 'if-range': '"another"' };
      expectBytes((await ask(`${app}/blobs/${layer.digest}`, { headers: stale })).body, layer.bytes);
      const beyond = await ask(`${app}/blobs/${layer.digest}`, { headers: { range: 'bytes=900000-' } });
      expect([beyond.status, beyond.header('content-range')]).toEqual([416, `bytes */${layer.bytes.length}`]);
    });

    test('a body that comes encoded although it was not asked for is left alone', async () => {
      const { registry, app } = await simple();
      registry.answer(
        /tags/,
        200,
        { 'content-encoding': 'gzip', 'content-type': 'application/json' },
        'no gzip at all',
      );
      const reply = await ask(`${app}/tags/list`, { headers: { 'accept-encoding': 'gzip, zstd' } });
      expect([reply.text, reply.header('content-encoding')]).toEqual(['no gzip at all', 'gzip']);
      expect(registry.requests[0]?.header('accept-encoding')).toBe('identity');
    });

    test.each<Record<string, string>>([{}, FOLLOW])('an empty blob is empty (%j)', async (env) => {
      const { url } = env === FOLLOW ? await storedBlob(0, env, { heads: true }) : await servedBlob(0, env);
      for (const method of ['GET', 'HEAD']) {
        const reply = await ask(url, { method });
        expect([reply.status, reply.header('content-length'), reply.ending]).toEqual([200, '0', 'clean']);
      }
    });

    test('several ranges come as the registry sends them (zstd:chunked)', async () => {
      const { app, image } = await simple();
      const layer = image.layers[0] as Content;
      const reply = await ask(`${app}/blobs/${layer.digest}`, { headers: { range: 'bytes=0-9,100-109' } });
      expect(reply.status).toBe(206);
      expect(reply.header('content-type')).toMatch(/^multipart\/byteranges; boundary=/);
      expect(reply.body.includes(layer.bytes.subarray(100, 110))).toBe(true);
    });

    test('has pages of its own: / and the health check', async () => {
      const { registry, proxy } = await simple({}, FOLLOW);
      const health = await ask(`${proxy.url}/-/healthz`);
      expect([health.status, health.text.trim()]).toEqual([200, 'ok']);
      const page = await ask(`${proxy.url}/`);
      expect([page.status, page.text.includes(registry.authority)]).toEqual([200, true]);
      expect(registry.requests).toHaveLength(0);
    });
  });

  describe('a redirect', () => {
    const ELSEWHERE = 'https://cdn.example.com/a%2Fb/c%20d?X-Sig=%2B%3d&e=1';

    /** What the client gets as Location when the registry answers a blob with this one. */
    async function passed(status: number, location: string | ((authority: string) => string), env = {}) {
      const { registry, proxy, app, image } = await simple({}, env);
      const text = typeof location === 'string' ? location : location(registry.authority);
      registry.answer(/GET .*\/blobs\//, status, { location: text });
      const reply = await ask(`${app}/blobs/${image.config.digest}`);
      return { status: reply.status, location: reply.header('location'), proxy, registry };
    }

    describe.each(REDIRECTS)('with status %d', (status) => {
      test('is followed with HANDLE_REDIRECT=true, whatever PROXY_REDIRECT says', async () => {
        for (const PROXY_REDIRECT of ['true', 'false']) {
          const { url, blob, cdn } = await storedBlob(20_000, { PROXY_REDIRECT }, { status });
          const reply = await ask(url);
          expect([reply.status, sha256(reply.body)]).toEqual([200, blob.digest]);
          expect(reply.header('location')).toBeUndefined();
          expect(cdn.requests).toHaveLength(1);
        }
      });

      test('to the backend becomes our own URL with PROXY_REDIRECT=true, status and query kept', async () => {
        const got = await passed(status, (authority) => `http://${authority}/files/a%2Fb?sig=%2B%3d`);
        expect(got).toMatchObject({ status, location: `${got.proxy.url}/files/a%2Fb?sig=%2B%3d` });
      });

      test('to another host passes untouched with PROXY_REDIRECT=true', async () => {
        expect(await passed(status, ELSEWHERE)).toMatchObject({ status, location: ELSEWHERE });
      });

      test('passes untouched with PROXY_REDIRECT=false', async () => {
        const env = { PROXY_REDIRECT: 'false' };
        expect(await passed(status, ELSEWHERE, env)).toMatchObject({ status, location: ELSEWHERE });
        const own = await passed(status, (authority) => `http://${authority}/files/x?y`, env);
        expect(own).toMatchObject({ status, location: `http://${own.registry.authority}/files/x?y` });
        const relative = await passed(status, '/files/x?y', env);
        expect(relative).toMatchObject({ status, location: `http://${relative.registry.authority}/files/x?y` });
      });
    });

    test.each([
      ['a bare host', 'storage.example.com'],
      ['a full URL', 'https://storage.example.com'],
    ])('to DEFAULT_BACKEND_HOST, given as %s, becomes our own URL', async (_, DEFAULT_BACKEND_HOST) => {
      const got = await passed(307, 'https://storage.example.com/x/y?z=1', { DEFAULT_BACKEND_HOST });
      expect(got).toMatchObject({ status: 307, location: `${got.proxy.url}/x/y?z=1` });
      const near = await passed(307, 'https://storage.example.com.evil.example/x', { DEFAULT_BACKEND_HOST });
      expect(near.location).toBe('https://storage.example.com.evil.example/x');
    });

    test('becomes the URL that the client knows us by', async () => {
      const { registry, app, image } = await simple();
      registry.answer(/GET .*\/blobs\//, 307, { location: '/files/x' });
      const headers = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'mirror.example.com' };
      const reply = await ask(`${app}/blobs/${image.config.digest}`, { headers });
      expect(reply.header('location')).toBe('https://mirror.example.com/files/x');
    });

    test.each([
      [4, 302],
      [4, 307],
      [1, 301],
      [2, 308],
      [3, 303],
    ])('and %d more, some of them relative, are followed (%d)', async (count, status) => {
      const { url, blob } = await storedBlob(20_000, {}, { detour: { kind: 'hops', count, status } });
      expect(sha256((await ask(url)).body)).toBe(blob.digest);
    });

    test('chain of more than five hops is a 502 that says so', async () => {
      const { url, cdn } = await storedBlob(20_000, {}, { detour: { kind: 'hops', count: 5 } });
      const reply = await ask(url);
      expect(reply.status).toBe(502);
      expect(reply.json()).toMatchObject({
        errors: [{ code: 'UNAVAILABLE', message: expect.stringMatching(/redirect/) }],
      });
      expect(cdn.requests).toHaveLength(5);
    });

    test('loop is a 502 that says so', async () => {
      const { url, cdn } = await storedBlob(20_000, {}, { detour: { kind: 'loop' } });
      const reply = await ask(url);
      expect(reply.status).toBe(502);
      expect(reply.json()).toMatchObject({ errors: [{ code: 'UNAVAILABLE', message: expect.stringMatching(/loop/) }] });
      expect(cdn.requests).toHaveLength(2);
    });

    test('takes Range, If-Range and If-None-Match along', async () => {
      const { url, blob, cdn } = await storedBlob(20_000);
      const part = await ask(url, { headers: { range: 'bytes=5000-' } });
      expect([part.status, part.header('content-range')]).toEqual([206, 'bytes 5000-19999/20000']);
      expectBytes(part.body, blob.bytes.subarray(5000));
      const etag = part.header('etag') as string;
      expect((await ask(url, { headers: { range: 'bytes=5000-', 'if-range': etag } })).status).toBe(206);
      expect((await ask(url, { headers: { range: 'bytes=5000-', 'if-range': '"old"' } })).status).toBe(200);
      expect((await ask(url, { headers: { 'if-none-match': etag } })).status).toBe(304);
      expect((await ask(url, { headers: { range: 'bytes=70000-' } })).status).toBe(416);
      expect(cdn.requests).toHaveLength(5);
    });

    test('of a HEAD is answered without a HEAD to the signed URL', async () => {
      const { url, blob, cdn } = await storedBlob(20_000, {}, { heads: true });
      const reply = await ask(url, { method: 'HEAD' });
      expect([reply.status, reply.header('content-length'), reply.body.length]).toEqual([
        200,
        String(blob.bytes.length),
        0,
      ]);
      expect(reply.header('content-range')).toBeUndefined();
      expect(cdn.requests.map(({ method }) => method)).toEqual(['GET']);
      expect(cdn.requests[0]?.bytesOut).toBeLessThan(20_000);
    });

    test('whose target has nothing is a 404; one that stays forbidden is a 502', async () => {
      const { url, cdn, registry } = await storedBlob(20_000);
      cdn.fail(/./, { kind: 'status', status: 404 });
      expect((await ask(url)).status).toBe(404);
      cdn.fail(/./, { kind: 'status', status: 403 });
      const renewed = await ask(url);
      expect(renewed.status).toBe(200);
      cdn.fail(/./, { kind: 'status', status: 403, body: '<Error>secret-key-id</Error>' }, 100);
      const before = registry.requests.length;
      const forbidden = await ask(url);
      expect(forbidden.status).toBe(502);
      expect(forbidden.json()).toMatchObject({ errors: [{ code: 'UNAVAILABLE' }] });
      expect(registry.requests.length - before).toBeGreaterThanOrEqual(2);
    });

    test('of everything to another registry, as registry.k8s.io does, is followed there with a token of its own', async () => {
      const tokens = await stage.tokens();
      const other = await stage.registry({ auth: { kind: 'bearer', tokens } });
      const image = smallImage(other);
      const { registry, proxy } = await simple({}, FOLLOW);
      for (const kind of ['manifests', 'blobs']) {
        for (const { digest } of [image.manifest, image.config, ...image.layers]) {
          registry.answer(new RegExp(`${kind}/${digest}`), 307, {
            location: `${other.url}/v2/team/app/${kind}/${digest}`,
          });
        }
      }
      registry.answer(/manifests\/v1/, 307, { location: `${other.url}/v2/team/app/manifests/v1` });
      const pulled = await pull({ base: proxy.url }, 'team/app', 'v1');
      expect(pulled.digest).toBe(image.manifest.digest);
    });

    test('lands on DEFAULT_BACKEND_HOST: GET and HEAD outside /v2/ are served from there, without credentials', async () => {
      const { proxy, registry } = await simple();
      const headers = { authorization: 'Bearer t', cookie: 'a=b' };
      const reply = await ask(`${proxy.url}/files/a%2Fb?c=%2B`, { headers });
      expect([reply.status, reply.text]).toEqual([200, 'page /files/a%2Fb?c=%2B']);
      const head = await ask(`${proxy.url}/files/x`, { method: 'HEAD', headers });
      expect([head.status, head.body.length]).toEqual([200, 0]);
      expect((await ask(`${proxy.url}/files/x`, { method: 'POST' })).status).toBe(405);
      const storage = await stage.registry();
      const elsewhere = await stage.proxy(registry, { DEFAULT_BACKEND_HOST: storage.url });
      expect((await ask(`${elsewhere.url}/deep/er`)).text).toBe('page /deep/er');
      expect(storage.requests).toHaveLength(1);
    });

    test('needs no such paths when it is followed: they are 404', async () => {
      const { proxy, registry } = await simple({}, FOLLOW);
      const reply = await ask(`${proxy.url}/files/x`);
      expect(reply.status).toBe(404);
      expect(reply.json()).toMatchObject({ errors: [{ code: expect.any(String), message: expect.any(String) }] });
      expect(registry.requests).toHaveLength(0);
    });
  });

  describe('our own URL', () => {
    const FORWARDED = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'mirror.example.com' };

    test.each<[string, Record<string, string>, Record<string, string>, string]>([
      ['the Host header', {}, { host: 'near.example.com:8080' }, 'http://near.example.com:8080'],
      ['the Host header without a port', {}, { host: 'near.example.com' }, 'http://near.example.com'],
      ['X-Forwarded-Proto and -Host', {}, FORWARDED, 'https://mirror.example.com'],
      ['X-Forwarded-Proto alone', {}, { host: 'a.example.com', 'x-forwarded-proto': 'https' }, 'https://a.example.com'],
      [
        'the first value of a list',
        {},
        { 'x-forwarded-proto': 'https, http', 'x-forwarded-host': 'outer.example.com, inner.local:81' },
        'https://outer.example.com',
      ],
      ['X-Forwarded-Port', {}, { ...FORWARDED, 'x-forwarded-port': '8443' }, 'https://mirror.example.com:8443'],
      [
        'a port in X-Forwarded-Host',
        {},
        { ...FORWARDED, 'x-forwarded-host': 'm.example.com:444' },
        'https://m.example.com:444',
      ],
      ['https, whose port cannot be 80', {}, { ...FORWARDED, 'x-forwarded-port': '80' }, 'https://mirror.example.com'],
      [
        'http, whose port cannot be 443',
        {},
        { 'x-forwarded-proto': 'http', 'x-forwarded-host': 'm.example.com', 'x-forwarded-port': '443' },
        'http://m.example.com',
      ],
      ['no port that is no number', {}, { ...FORWARDED, 'x-forwarded-port': '8443x' }, 'https://mirror.example.com'],
      ['no port out of range', {}, { ...FORWARDED, 'x-forwarded-port': '70000' }, 'https://mirror.example.com'],
      [
        'no scheme but http and https',
        {},
        { host: 'a.example.com', 'x-forwarded-proto': 'ftp' },
        'http://a.example.com',
      ],
      [
        'no host with a path in it',
        {},
        { host: 'a.example.com', 'x-forwarded-host': 'evil.example.com/x' },
        'http://a.example.com',
      ],
      [
        'no host with a quote in it',
        {},
        { host: 'a.example.com', 'x-forwarded-host': 'evil"com' },
        'http://a.example.com',
      ],
      [
        'PUBLIC_URL before all',
        { PUBLIC_URL: 'https://fixed.example.com:444' },
        FORWARDED,
        'https://fixed.example.com:444',
      ],
      [
        'nothing forwarded, with TRUST_PROXY=false',
        { TRUST_PROXY: 'false' },
        { ...FORWARDED, host: 'a.example.com' },
        'http://a.example.com',
      ],
      [
        'nothing of a peer outside TRUST_PROXY',
        { TRUST_PROXY: '10.0.0.0/8' },
        { ...FORWARDED, host: 'a.example.com' },
        'http://a.example.com',
      ],
      ['a peer inside TRUST_PROXY', { TRUST_PROXY: '10.0.0.0/8,127.0.0.1' }, FORWARDED, 'https://mirror.example.com'],
      ['any peer with TRUST_PROXY=true', { TRUST_PROXY: 'true' }, FORWARDED, 'https://mirror.example.com'],
      ['the gateway of Function Compute', { PLATFORM: 'aliyun-fc' }, FORWARDED, 'https://mirror.example.com'],
    ])('is taken from %s', async (_, env, headers, expected) => {
      const { proxy } = await guarded({}, env);
      const reply = await ask(`${proxy.url}/v2/`, { headers });
      const { realm, service } = parseChallenge(reply.header('www-authenticate') as string);
      expect({ realm, service }).toEqual({ realm: `${expected}/token`, service: expected.replace(/^https?:\/\//, '') });
      const upload = await ask(`${proxy.url}/v2/team/app/blobs/uploads/`, { method: 'POST', headers });
      expect(parseChallenge(upload.header('www-authenticate') as string).realm).toBe(`${expected}/token`);
    });

    test('X-Forwarded-For names the client in the log only where TRUST_PROXY says so', async () => {
      const headers = { 'x-forwarded-for': '203.0.113.9, 127.0.0.1' };
      const assumed = await simple();
      await ask(`${assumed.proxy.url}/v2/`, { headers });
      const told = await simple({}, { TRUST_PROXY: 'loopback' });
      await ask(`${told.proxy.url}/v2/`, { headers });
      await until(() => [assumed, told].every(({ proxy }) => requestLines(proxy).length > 0));
      expect(requestLines(assumed.proxy)[0]?.client).toMatch(/127\.0\.0\.1$/);
      expect(requestLines(told.proxy)[0]?.client).toBe('203.0.113.9');
    });
  });

  describe('Docker Hub as people type it', () => {
    test('nginx is library/nginx, from the challenge to the last layer', async () => {
      const { proxy, image, tokens } = await hub();
      const pulled = await pull({ base: proxy.url }, 'nginx', 'latest');
      expect(pulled.digest).toBe(image.manifest.digest);
      expect(tokens.asked[0]?.scopes).toEqual(['repository:library/nginx:pull']);
    });

    test.each(['library/nginx', 'docker.io/library/nginx', 'docker.io/nginx'])('%s is the same', async (name) => {
      const { proxy, registry } = await hub();
      const token = await authorize({ base: proxy.url }, 'repository:library/nginx:pull');
      const reply = await ask(`${proxy.url}/v2/${name}/manifests/latest`, { headers: token });
      expect([reply.status, registry.requests.at(-1)?.path]).toEqual([200, '/v2/library/nginx/manifests/latest']);
    });

    test('a scope with the registry in front, as a prefix makes clients ask, is completed too', async () => {
      const { proxy, tokens } = await hub();
      await authorize({ base: proxy.url }, 'repository:docker.io/nginx:pull', 'repository:docker.io/a/b:pull');
      expect(tokens.asked[0]?.scopes).toEqual(['repository:library/nginx:pull', 'repository:a/b:pull']);
    });

    test('tags, referrers, uploads and mounts are completed alike', async () => {
      const { proxy, registry, image } = await hub();
      registry.options.auth = undefined;
      await ask(`${proxy.url}/v2/nginx/tags/list?n=1`);
      await ask(`${proxy.url}/v2/nginx/referrers/${image.manifest.digest}`);
      await ask(`${proxy.url}/v2/mine/app/blobs/uploads/?mount=${image.config.digest}&from=nginx`, { method: 'POST' });
      const upload = await ask(`${proxy.url}/v2/nginx/blobs/uploads/`, { method: 'POST' });
      expect(upload.header('location')).toMatch(new RegExp(`^${proxy.url}/v2/(library/)?nginx/blobs/uploads/`));
      expect(registry.requests.map(({ path }) => path)).toEqual([
        '/v2/library/nginx/tags/list',
        `/v2/library/nginx/referrers/${image.manifest.digest}`,
        '/v2/mine/app/blobs/uploads/',
        '/v2/library/nginx/blobs/uploads/',
      ]);
      expect(registry.requests[2]?.query.get('from')).toBe('library/nginx');
    });

    test('another registry is not completed', async () => {
      const { proxy, registry } = await simple();
      smallImage(registry, 'app');
      expect((await pull({ base: proxy.url }, 'app', 'v1')).blobs.size).toBe(3);
    });

    test('the host of another registry in front of the name is 404, with what there is', async () => {
      const { proxy, registry } = await hub();
      const reply = await ask(`${proxy.url}/v2/ghcr.io/owner/app/manifests/v1`);
      expect(reply.status).toBe(404);
      expect(reply.json()).toMatchObject({ errors: [{ code: 'NAME_UNKNOWN' }] });
      expect(reply.text).toContain('docker.io');
      expect(registry.requests).toHaveLength(0);
    });
  });

  describe('?ns=, as containerd sends it', () => {
    test.each(['docker.io', 'index.docker.io', 'registry-1.docker.io'])('%s is Docker Hub', async (ns) => {
      const { proxy, registry } = await hub();
      registry.options.auth = undefined;
      const reply = await ask(`${proxy.url}/v2/library/nginx/manifests/latest?ns=${ns}`);
      expect(reply.status).toBe(200);
      expect(['docker.io', ns]).toContain(reply.header('oci-namespace'));
      await pull({ base: proxy.url, ns }, 'library/nginx', 'latest');
    });

    test('of a registry that does not answer here is 404 with a list of those that do', async () => {
      const { proxy, registry } = await hub();
      const reply = await ask(`${proxy.url}/v2/owner/app/manifests/v1?ns=ghcr.io`);
      expect(reply.status).toBe(404);
      expect(reply.json()).toMatchObject({ errors: [{ code: 'NAME_UNKNOWN' }] });
      expect(reply.text).toContain('docker.io');
      expect(registry.requests).toHaveLength(0);
    });

    test('must name the backend when there is one backend without a name', async () => {
      const { proxy, registry } = await simple();
      const manifest = (ns: string) => ask(`${proxy.url}/v2/team/app/manifests/v1?ns=${ns}`);
      expect((await manifest(registry.authority)).status).toBe(200);
      expect((await manifest(encodeURIComponent(registry.authority))).status).toBe(200);
      expect((await manifest('docker.io')).status).toBe(404);
    });

    test('stays on the pages that tags lead to', async () => {
      const { proxy, registry, image } = await hub();
      registry.options.auth = undefined;
      registry.add('library/nginx', 'stable', image);
      const page = await ask(`${proxy.url}/v2/library/nginx/tags/list?n=1&ns=docker.io`);
      const next = new URL(/<(.*)>/.exec(page.header('link') as string)?.[1] as string, proxy.url);
      expect(next.searchParams.get('ns')).toBe('docker.io');
      expect((await ask(next.href)).json()).toMatchObject({ tags: ['stable'] });
    });

    test('lets every other parameter through as it was written', async () => {
      const { proxy, registry } = await hub();
      registry.options.auth = undefined;
      await ask(`${proxy.url}/v2/library/nginx/tags/list?last=a%2Bb%20c&ns=docker.io&n=3`);
      expect(registry.requests[0]?.target).toBe('/v2/library/nginx/tags/list?last=a%2Bb%20c&n=3&ns=docker.io');
    });
  });

  describe('a 401', () => {
    test.each<[string, string]>([
      ['GET', '/v2/'],
      ['HEAD', '/v2/'],
      ['GET', '/v2/team/app/manifests/v1'],
      ['HEAD', '/v2/team/app/manifests/v1'],
      ['PUT', '/v2/team/app/manifests/v1'],
      ['DELETE', '/v2/team/app/manifests/v1'],
      ['GET', `/v2/team/app/blobs/sha256:${'0'.repeat(64)}`],
      ['HEAD', `/v2/team/app/blobs/sha256:${'0'.repeat(64)}`],
      ['GET', '/v2/team/app/tags/list'],
      ['GET', `/v2/team/app/referrers/sha256:${'0'.repeat(64)}`],
      ['GET', '/v2/_catalog'],
      ['POST', '/v2/team/app/blobs/uploads/'],
      ['PATCH', '/v2/team/app/blobs/uploads/7f1b2c3d-0000-4000-8000-000000000000'],
    ])('to %s %s names our token endpoint', async (method, path) => {
      const { proxy, tokens, registry } = await guarded();
      const reply = await ask(`${proxy.url}${path}`, { method });
      expect(reply.status).toBe(401);
      const line = reply.header('www-authenticate') as string;
      expect(line).toContain(`Bearer realm="${proxy.url}/token",service="${new URL(proxy.url).host}"`);
      expect(JSON.stringify(reply.headers)).not.toContain(tokens.authority);
      const own = await ask(`${registry.url}${path}`, { method });
      expect(parseChallenge(line).scope).toBe(parseChallenge(own.header('www-authenticate') as string).scope);
    });

    unless(runtime, 'field lines')('with several lines and forms keeps them several, each with our realm', async () => {
      const tokens = await stage.tokens();
      const challenges = (scope: string) => [
        `Bearer service=${tokens.service},scope="${scope}",realm="${tokens.realm}"`,
        'Basic realm="registry.test"',
        `bearer  realm="${tokens.realm}" , service="${tokens.service}", scope="aws", Negotiate`,
      ];
      const registry = await stage.registry({ auth: { kind: 'bearer', tokens, challenges } });
      const proxy = await stage.proxy(registry);
      const reply = await ask(`${proxy.url}/v2/team/app/manifests/v1`);
      const lines = reply.lines('www-authenticate');
      expect(lines.length).toBeGreaterThanOrEqual(3);
      expect(lines.filter((line) => /bearer/i.test(line))).toHaveLength(2);
      expect(lines.filter((line) => line.includes(`realm="${proxy.url}/token"`))).toHaveLength(2);
      expect(lines.join('\n')).not.toContain(tokens.authority);
      expect(lines).toContain('Basic realm="registry.test"');
      expect(parseChallenge(lines[0] as string).scope).toBe('repository:team/app:pull');
      expect(lines.join('\n')).toContain('scope="aws"');
    });

    test('for a token that has run out says so', async () => {
      const { proxy, tokens } = await guarded();
      const headers = await authorize({ base: proxy.url }, 'repository:team/app:pull');
      tokens.expireAll();
      const reply = await ask(`${proxy.url}/v2/team/app/manifests/v1`, { headers });
      expect([reply.status, reply.header('www-authenticate')?.includes('error="invalid_token"')]).toEqual([401, true]);
    });
  });

  describe('the token endpoint', () => {
    const form = (fields: Record<string, string>) => ({
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(fields).toString(),
    });

    test('docker login: no scope, right and wrong password', async () => {
      const { proxy, tokens } = await guarded();
      const url = `${proxy.url}/token?account=alice&client_id=docker&offline_token=true&service=${new URL(proxy.url).host}`;
      const right = await ask(url, { headers: { authorization: basic('alice', USERS.alice) } });
      expect(right.status).toBe(200);
      expect(right.json()).toMatchObject({ token: expect.any(String), refresh_token: expect.any(String) });
      expect(right.header('content-type')).toMatch(/^application\/json/);
      const wrong = await ask(url, { headers: { authorization: basic('alice', 'no') } });
      expect(wrong.status).toBe(401);
      const query = tokens.requests.at(-1)?.query;
      expect([query?.get('account'), query?.get('client_id'), query?.get('offline_token')]).toEqual([
        'alice',
        'docker',
        'true',
      ]);
      expect(tokens.asked[0]?.scopes).toEqual([]);
    });

    test('keeps several scopes in their order, as parameters and within one', async () => {
      const { proxy, tokens } = await guarded();
      const scopes = ['repository:team/app:pull', 'repository:localhost:5000/x:pull,push', 'registry:catalog:*'];
      await ask(`${proxy.url}/token?${scopes.map((scope) => `scope=${encodeURIComponent(scope)}`).join('&')}`);
      await ask(`${proxy.url}/token?scope=${encodeURIComponent(scopes.slice(0, 2).join(' '))}&scope=aws`);
      expect(tokens.asked[0]?.scopes).toEqual(scopes);
      expect(tokens.asked[1]?.scopes).toEqual([...scopes.slice(0, 2), 'aws']);
    });

    test('works before anything else was asked, and for the token that works afterwards', async () => {
      const { proxy } = await guarded();
      const reply = await ask(`${proxy.url}/token?scope=repository:team/app:pull`);
      const { token } = reply.json() as { token: string };
      const headers = { authorization: `Bearer ${token}` };
      expect((await ask(`${proxy.url}/v2/team/app/manifests/v1`, { headers })).status).toBe(200);
    });

    test('takes the OAuth2 POST of containerd: password, then refresh token', async () => {
      const { proxy, tokens } = await guarded();
      const base = { service: new URL(proxy.url).host, client_id: 'containerd-client' };
      const scope = 'repository:team/secret:pull repository:team/app:pull,push';
      const login = { grant_type: 'password', username: 'alice', password: USERS.alice, access_type: 'offline' };
      const first = await ask(`${proxy.url}/token`, form({ ...base, ...login, scope }));
      expect(first.status).toBe(200);
      const { refresh_token: refreshToken } = first.json() as { refresh_token: string };
      const refresh = { grant_type: 'refresh_token', refresh_token: refreshToken };
      const second = await ask(`${proxy.url}/token`, form({ ...base, ...refresh, scope }));
      const { access_token: token } = second.json() as { access_token: string };
      const headers = { authorization: `Bearer ${token}` };
      expect((await ask(`${proxy.url}/v2/team/secret/manifests/v1`, { headers })).status).toBe(200);
      expect(tokens.asked).toEqual([
        expect.objectContaining({
          method: 'POST',
          grantType: 'password',
          scopes: scope.split(' '),
          clientId: 'containerd-client',
        }),
        expect.objectContaining({
          method: 'POST',
          grantType: 'refresh_token',
          scopes: scope.split(' '),
          account: 'alice',
        }),
      ]);
      const wrong = await ask(`${proxy.url}/token`, form({ ...base, ...login, password: 'no' }));
      expect(wrong.status).toBe(401);
    });

    test('completes the names of Docker Hub in a POST too', async () => {
      const { proxy, tokens } = await hub();
      const login = { grant_type: 'password', username: 'alice', password: USERS.alice };
      await ask(`${proxy.url}/token`, form({ ...login, scope: 'repository:nginx:pull repository:a/b:pull' }));
      expect(tokens.asked[0]?.scopes).toEqual(['repository:library/nginx:pull', 'repository:a/b:pull']);
    });

    test('passes on that a server has no OAuth2, so that containerd falls back to GET', async () => {
      const tokens = await stage.tokens({ getOnly: true });
      const registry = await stage.registry({ auth: { kind: 'bearer', tokens } });
      const proxy = await stage.proxy(registry);
      expect(
        (await ask(`${proxy.url}/token`, form({ grant_type: 'password', username: 'a', password: 'b' }))).status,
      ).toBe(405);
      expect((await ask(`${proxy.url}/token`)).status).toBe(200);
    });

    test('passes on a document that names its token access_token', async () => {
      const tokens = await stage.tokens({ accessTokenOnly: true });
      const registry = await stage.registry({ auth: { kind: 'bearer', tokens } });
      smallImage(registry);
      const proxy = await stage.proxy(registry);
      await pull({ base: proxy.url }, 'team/app', 'v1');
    });

    test('passes on that there were too many requests', async () => {
      const { proxy, tokens } = await guarded();
      tokens.fail(/./, { kind: 'status', status: 429, headers: { 'retry-after': '9' } });
      const reply = await ask(`${proxy.url}/token`);
      expect([reply.status, reply.header('retry-after')]).toEqual([429, '9']);
    });

    test('tries a token server again that fails for a moment', async () => {
      const { proxy, tokens } = await guarded();
      tokens.fail(/GET/, { kind: 'status', status: 503 });
      expect((await ask(`${proxy.url}/token`)).status).toBe(200);
    });

    test('refuses other methods', async () => {
      const { proxy } = await guarded();
      expect((await ask(`${proxy.url}/token`, { method: 'DELETE' })).status).toBe(405);
    });

    test('is a 502 while the registry cannot say where its token server is, and works when it can', async () => {
      const { proxy, registry } = await guarded({}, { RETRY_TIMEOUT: '300ms' });
      registry.fail(/./, { kind: 'refuse' }, 10);
      expect((await ask(`${proxy.url}/token`)).status).toBe(502);
      registry.mend();
      expect((await ask(`${proxy.url}/token`)).status).toBe(200);
      registry.fail(/./, { kind: 'refuse' }, 10);
      expect((await ask(`${proxy.url}/token`)).status).toBe(200);
    });

    test('says what is wrong when there is no token server', async () => {
      const { proxy } = await simple();
      const reply = await ask(`${proxy.url}/token`);
      expect(reply.status).toBeGreaterThanOrEqual(400);
      expect(reply.json()).toMatchObject({ errors: [{ code: expect.any(String), message: expect.any(String) }] });
    });
  });

  describe('a blob that breaks off', () => {
    test('once is continued where it stopped: the client notices nothing', async () => {
      const { url, blob, cdn, registry, proxy } = await storedBlob(3 * MIB);
      cdn.fail(/blobs/, { kind: 'cut', after: 1_234_567 });
      const reply = await ask(url);
      expect([reply.status, reply.ending, reply.header('content-length')]).toEqual([200, 'clean', String(3 * MIB)]);
      expect(sha256(reply.body)).toBe(blob.digest);
      expect(registry.requests).toHaveLength(2);
      const again = Number(/^bytes=(\d+)-/.exec(cdn.requests[1]?.header('range') ?? '')?.[1]);
      expect(again).toBeLessThanOrEqual(1_234_567);
      expect(again).toBeGreaterThan(1_234_567 - (runtime.gathers ?? 140_000));
      await until(() => requestLines(proxy).length > 0);
      expect(requestLines(proxy)[0]).toMatchObject({ route: 'blob', status: 200, bytes: 3 * MIB, resumed: 1 });
    });

    test.each([
      ['served by the registry itself', {}],
      ['of unknown length', { framing: 'chunked' } as const],
    ])('is continued when it is %s', async (_, options) => {
      const { url, blob, registry } = await servedBlob(2 * MIB, {}, options);
      registry.fail(/blobs/, { kind: 'cut', after: 700_001 });
      const reply = await ask(url);
      expect([reply.ending, sha256(reply.body)]).toEqual(['clean', blob.digest]);
    });

    test('before its first byte is continued', async () => {
      const { url, blob, cdn } = await storedBlob(100_000);
      cdn.fail(/blobs/, { kind: 'cut', after: 0 });
      expect(sha256((await ask(url)).body)).toBe(blob.digest);
    });

    test('again and again is continued as long as it gets on', async () => {
      const { url, blob, cdn, proxy } = await storedBlob(12 * MIB);
      cdn.fail(/blobs/, { kind: 'cut', after: 1.5 * MIB }, 7);
      const reply = await ask(url);
      expect([reply.ending, sha256(reply.body)]).toEqual(['clean', blob.digest]);
      await until(() => requestLines(proxy).length > 0);
      expect(requestLines(proxy)[0]?.resumed).toBe(7);
    });

    test('by going silent is continued', async () => {
      const { url, blob, cdn } = await storedBlob(2 * MIB, { STALL_TIMEOUT: '200ms' });
      cdn.fail(/blobs/, { kind: 'stall', after: 500_000 });
      const reply = await ask(url);
      expect([reply.ending, sha256(reply.body)]).toEqual(['clean', blob.digest]);
      expect(await until(() => cdn.requests[0]?.closed === true)).toBe(true);
    });

    test('because the client takes its time is continued when it reads on', async () => {
      const { url, blob, cdn } = await storedBlob(40 * MIB, { STALL_TIMEOUT: '5s' });
      cdn.fail(/blobs/, { kind: 'hang-up', ms: 150 }, 8);
      const { response } = await open(url);
      await new Promise((resolve) => setTimeout(resolve, 2500));
      cdn.mend();
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      expectBytes(Buffer.concat(chunks), blob.bytes);
    });

    test('when its signed URL runs out is continued with a fresh one from the registry', async () => {
      const { url, blob, cdn, registry } = await storedBlob(2 * MIB, { STALL_TIMEOUT: '300ms' });
      cdn.fail(/blobs/, { kind: 'stall', after: 500_000 });
      const pulling = ask(url);
      await until(() => cdn.requests.length === 1);
      cdn.expireLinks();
      const reply = await pulling;
      expect([reply.ending, sha256(reply.body)]).toEqual(['clean', blob.digest]);
      expect(registry.requests).toHaveLength(2);
      expect(cdn.requests.map(({ status }) => status)).toEqual([200, 206]);
    });

    test('is continued through failures of the registry and the CDN on the way back', async () => {
      const { url, blob, cdn, registry } = await storedBlob(2 * MIB, { STALL_TIMEOUT: '300ms' });
      cdn.fail(/blobs/, { kind: 'stall', after: 500_000 });
      cdn.fail(/blobs/, { kind: 'status', status: 500 });
      const pulling = ask(url);
      await until(() => cdn.requests.length === 1);
      registry.fail(/blobs/, { kind: 'refuse' });
      const reply = await pulling;
      expect([reply.ending, sha256(reply.body)]).toEqual(['clean', blob.digest]);
      expect(registry.requests).toHaveLength(4);
      expect(cdn.requests.map(({ status }) => status)).toEqual([200, 500, 206]);
    });

    test('is continued where the answer ignores the range', async () => {
      const { url, blob, cdn } = await storedBlob(2 * MIB);
      cdn.fail(/blobs/, { kind: 'cut', after: 1_500_000 });
      cdn.fail(/blobs/, { kind: 'ignore-range' });
      const reply = await ask(url);
      expect([reply.ending, reply.body.length, sha256(reply.body)]).toEqual(['clean', 2 * MIB, blob.digest]);
    });

    test.each<[string, Fault]>([
      ['brings less than was asked for', { kind: 'short-range', bytes: 1_300_000 }],
      ['does not say how much there is', { kind: 'unknown-total' }],
    ])('is continued where the answer %s', async (_, fault) => {
      const { url, blob, cdn } = await storedBlob(4 * MIB);
      cdn.fail(/blobs/, { kind: 'cut', after: 1_000_000 });
      cdn.fail(/blobs/, fault, 2);
      const reply = await ask(url);
      expect([reply.ending, sha256(reply.body)]).toEqual(['clean', blob.digest]);
    });

    test('ends where it ends, whatever else is on the wire', async () => {
      const { url, blob, cdn } = await storedBlob(500_000);
      cdn.fail(/blobs/, { kind: 'trailing-garbage', bytes: 5_000 });
      expect(sha256((await ask(url)).body)).toBe(blob.digest);
      expect(sha256((await ask(url)).body)).toBe(blob.digest);
    });

    test.each([
      ['bytes=400000-', 400_000, 1_999_999],
      ['bytes=400000-1499999', 400_000, 1_499_999],
      ['bytes=-900000', 1_100_000, 1_999_999],
    ])("keeps to the client's own %s", async (range, first, last) => {
      const { url, blob, cdn } = await storedBlob(2_000_000);
      cdn.fail(/blobs/, { kind: 'cut', after: 300_000 });
      const reply = await ask(url, { headers: { range } });
      expect([reply.status, reply.header('content-range')]).toEqual([206, `bytes ${first}-${last}/2000000`]);
      expect([reply.ending, reply.body.equals(blob.bytes.subarray(first, last + 1))]).toEqual(['clean', true]);
    });

    test('is no reason to pull again: 40 pulls, each layer cut once, no wrong byte', async () => {
      const { registry, proxy } = await simple({}, FOLLOW);
      const cdn = await stage.cdn({ registry });
      registry.options.delivery = { kind: 'cdn', cdn };
      let pulls = 0;
      for (let round = 0; round < 10; round++) {
        await Promise.all(
          [0, 1, 2, 3].map(async (lane) => {
            const image = makeImage([150_000 + 7_001 * lane, 90_000], 'oci', 1000 + round * 4 + lane);
            registry.add('team/app', `r${round}-${lane}`, image);
            for (const { digest, bytes } of image.layers) {
              cdn.fail(new RegExp(digest), { kind: 'cut', after: (bytes.length * (round + 1)) >> 4 });
            }
            const pulled = await pull({ base: proxy.url }, 'team/app', `r${round}-${lane}`);
            expect(pulled.blobs.size).toBe(3);
            pulls += 1;
          }),
        );
      }
      expect(pulls).toBe(40);
    });
  });

  describe('a blob that cannot be continued ends as a broken connection, never as a clean end', () => {
    /** What arrived is the beginning of the blob, and the client can tell that it is not all. */
    function expectBroken(reply: Reply, bytes: Buffer) {
      expect(reply.ending).toBe('destroyed');
      expect(reply.body.length).toBeLessThan(bytes.length);
      expect(reply.body.equals(bytes.subarray(0, reply.body.length))).toBe(true);
    }

    test('when the registry is gone', async () => {
      const { url, blob, cdn, registry } = await storedBlob(6 * MIB, { RETRY_TIMEOUT: '500ms' });
      cdn.fail(/blobs/, { kind: 'stall', after: 2 * MIB }, 100);
      const pulling = ask(url);
      await until(() => cdn.requests.length === 1);
      await registry.stop();
      expectBroken(await pulling, blob.bytes);
    });

    unless(runtime, 'broken chunks')('when its body is chunked', async () => {
      const { url, blob, cdn } = await storedBlob(6 * MIB, { BODY_FRAMING: 'chunked' });
      cdn.fail(/blobs/, { kind: 'cut', after: 2 * MIB });
      cdn.fail(/blobs/, { kind: 'changed-size', by: -10 }, 100);
      const reply = await ask(url);
      expect(reply.header('transfer-encoding')).toBe('chunked');
      expectBroken(reply, blob.bytes);
    });

    test('when its size has changed', async () => {
      const { url, blob, cdn } = await storedBlob(2 * MIB);
      cdn.fail(/blobs/, { kind: 'cut', after: 500_000 });
      cdn.fail(/blobs/, { kind: 'changed-size', by: 10 }, 100);
      expectBroken(await ask(url), blob.bytes);
    });

    test('when other bytes come than were asked for', async () => {
      const { url, blob, cdn } = await storedBlob(2 * MIB);
      cdn.fail(/blobs/, { kind: 'cut', after: 500_000 });
      cdn.fail(/blobs/, { kind: 'wrong-content-range', shift: 3 }, 100);
      expectBroken(await ask(url), blob.bytes);
    });

    test('when it is deleted meanwhile', async () => {
      const { url, blob, cdn, registry } = await storedBlob(2 * MIB, { STALL_TIMEOUT: '300ms' });
      cdn.fail(/blobs/, { kind: 'stall', after: 500_000 });
      const pulling = ask(url);
      await until(() => cdn.requests.length === 1);
      registry.blobs.delete(blob.digest);
      expectBroken(await pulling, blob.bytes);
    });

    test("when the client's token has run out meanwhile", async () => {
      const { proxy, registry, tokens } = await guarded({}, { STALL_TIMEOUT: '200ms' });
      const bytes = payload(2 * MIB);
      registry.blobs.set(sha256(bytes), bytes);
      registry.fail(/blobs/, { kind: 'stall', after: 500_000 });
      const headers = await authorize({ base: proxy.url, login: ALICE }, 'repository:team/secret:pull');
      const pulling = ask(`${proxy.url}/v2/team/secret/blobs/${sha256(bytes)}`, { headers });
      await until(() => registry.requests.some(({ path }) => path.includes('/blobs/')));
      tokens.expireAll();
      expectBroken(await pulling, bytes);
    });

    test('after three continuations in a row that brought under 1 MiB', async () => {
      const { url, blob, cdn } = await storedBlob(5 * MIB);
      cdn.fail(/blobs/, { kind: 'cut', after: 2 * MIB });
      cdn.fail(/blobs/, { kind: 'cut', after: 100_000 }, 100);
      const reply = await ask(url);
      expectBroken(reply, blob.bytes);
      expect(cdn.requests).toHaveLength(4);
    });

    test('but three such that are not in a row are no reason to stop', async () => {
      const { url, blob, cdn } = await storedBlob(8 * MIB);
      for (const after of [100_000, 100_000, 1.2 * MIB, 100_000, 100_000, 1.2 * MIB]) {
        cdn.fail(/blobs/, { kind: 'cut', after });
      }
      expect(sha256((await ask(url)).body)).toBe(blob.digest);
    });

    test('after thirty continuations', async () => {
      const { url, blob, cdn } = await storedBlob(36 * MIB);
      cdn.fail(/blobs/, { kind: 'cut', after: MIB + 1000 }, 100);
      const reply = await ask(url);
      expectBroken(reply, blob.bytes);
      expect(cdn.requests).toHaveLength(31);
    });

    test('when several ranges were asked for, whose parts cannot be joined', async () => {
      const { url, cdn } = await storedBlob(2 * MIB);
      cdn.fail(/blobs/, { kind: 'cut', after: 300_000 }, 100);
      const reply = await ask(url, { headers: { range: 'bytes=0-399999,600000-999999' } });
      expect([reply.status, reply.ending]).toEqual([206, 'destroyed']);
    });

    test('and a manifest is whole or broken off', async () => {
      const { app, registry, image } = await simple();
      for (const after of [0, 1, 300]) {
        registry.fail(/manifests/, { kind: 'cut', after });
        const reply = await ask(`${app}/manifests/v1`).catch(() => undefined);
        const isWhole = reply?.ending === 'clean' && reply.status === 200;
        if (isWhole) expectBytes(reply.body, image.manifest.bytes);
        else expect(reply?.status === 502 || reply?.ending !== 'clean').toBe(true);
      }
    });
  });

  describe('before the first byte', () => {
    test.each([500, 502, 503, 504])('a %d is tried again', async (status) => {
      const { app, registry, image } = await simple();
      registry.fail(/manifests/, { kind: 'status', status }, 2);
      const reply = await ask(`${app}/manifests/v1`);
      expect([reply.status, sha256(reply.body)]).toEqual([200, image.manifest.digest]);
      expect(registry.requests).toHaveLength(3);
    });

    test.each(['GET', 'HEAD'])('a %s over a connection that breaks is tried again', async (method) => {
      const { app, registry, image } = await simple();
      registry.fail(/blobs/, { kind: 'refuse' });
      const reply = await ask(`${app}/blobs/${image.config.digest}`, { method });
      expect([reply.status, registry.requests.length]).toEqual([200, 2]);
    });

    test('a CDN that fails for a moment is tried again', async () => {
      const { url, blob, cdn } = await storedBlob(50_000);
      cdn.fail(/blobs/, { kind: 'status', status: 503 });
      cdn.fail(/blobs/, { kind: 'refuse' });
      expect(sha256((await ask(url)).body)).toBe(blob.digest);
    });

    test('a failure that lasts is passed on as it is, in time', async () => {
      const { app, registry } = await simple({}, { RETRY_TIMEOUT: '600ms' });
      registry.fail(/./, { kind: 'status', status: 503, headers: { 'x-other': 'y' }, body: '{"errors":[]}' }, 1000);
      const startedAt = Date.now();
      const reply = await ask(`${app}/manifests/v1`);
      expect([reply.status, reply.text]).toEqual([503, '{"errors":[]}']);
      expect(Date.now() - startedAt).toBeLessThan(3000);
      expect(registry.requests.length).toBeGreaterThan(1);
      expect(registry.requests.length).toBeLessThan(20);
    });

    test.each([404, 429, 501, 401])('a %d is an answer and not tried again', async (status) => {
      const { app, registry } = await simple();
      registry.fail(/manifests/, { kind: 'status', status }, 1);
      expect((await ask(`${app}/manifests/v1`)).status).toBe(status);
      expect(registry.requests).toHaveLength(1);
    });

    test.each(['POST', 'PATCH', 'PUT', 'DELETE'])('a %s is never sent twice', async (method) => {
      const { proxy, registry } = await simple();
      const target = method === 'POST' ? '/v2/team/app/blobs/uploads/' : '/v2/team/app/manifests/v1';
      const path = method === 'PATCH' ? '/v2/team/app/blobs/uploads/7f1b2c3d-0000-4000-8000-000000000000' : target;
      const body = method === 'DELETE' ? undefined : Buffer.from('{}');
      registry.fail(/./, { kind: 'status', status: 503 });
      expect((await ask(`${proxy.url}${path}`, { method, body })).status).toBe(503);
      registry.fail(/./, { kind: 'refuse' });
      expect((await ask(`${proxy.url}${path}`, { method, body })).status).toBe(502);
      expect(registry.requests).toHaveLength(2);
    });
  });

  describe('a body is a stream', () => {
    test('a client that does not read slows the registry down, and is not taken for a stall', async () => {
      const { url, blob, cdn } = await storedBlob(48 * MIB, { STALL_TIMEOUT: '300ms' });
      const { response } = await open(url);
      await new Promise((resolve) => setTimeout(resolve, 1000));
      expect(cdn.requests).toHaveLength(1);
      expect(cdn.requests[0]?.bytesOut).toBeLessThan(30 * MIB);
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      expect(sha256(Buffer.concat(chunks))).toBe(blob.digest);
      expect(cdn.requests).toHaveLength(1);
    });

    test('a slow registry slows a push down', async () => {
      const { proxy, registry } = await simple();
      registry.fail(/PATCH/, { kind: 'slow-head', ms: 700 });
      const begun = await ask(`${proxy.url}/v2/team/app/blobs/uploads/`, { method: 'POST' });
      const bytes = payload(24 * MIB);
      const pieces = Array.from({ length: 96 }, (_, i) => bytes.subarray(i * (MIB / 4), (i + 1) * (MIB / 4)));
      const patched = await ask(begun.header('location') as string, { method: 'PATCH', body: pieces });
      expect([patched.status, patched.header('range')]).toEqual([202, `0-${bytes.length - 1}`]);
    });

    unless(runtime, 'departures')('a client that leaves before the head ends the upstream request', async () => {
      const { url, cdn } = await storedBlob(48 * MIB, { STALL_TIMEOUT: '10s' });
      cdn.fail(/blobs/, { kind: 'silence' });
      const client = begin(url);
      await until(() => cdn.requests.length === 1);
      client.leave();
      await expectOneEnded(cdn);
    });

    test('a client that leaves in the middle ends the upstream request', async () => {
      const { url, cdn } = await storedBlob(48 * MIB, { STALL_TIMEOUT: '10s' });
      const { response, leave } = await open(url);
      response.once('data', leave);
      response.on('error', () => {});
      await expectOneEnded(cdn);
    });

    async function expectOneEnded(cdn: Cdn) {
      expect(await until(() => cdn.requests[0]?.closedEarlyAt !== undefined)).toBe(true);
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(cdn.requests).toHaveLength(1);
    }

    test('a client that leaves while we try again is not tried for any more', async () => {
      const { app, registry } = await simple({}, { RETRY_TIMEOUT: '10s' });
      registry.fail(/./, { kind: 'status', status: 503 }, 1000);
      const client = begin(`${app}/manifests/v1`);
      await until(() => registry.requests.length >= 1);
      client.leave();
      await new Promise((resolve) => setTimeout(resolve, 300));
      const soon = registry.requests.length;
      await new Promise((resolve) => setTimeout(resolve, 1500));
      expect(registry.requests.length).toBeLessThanOrEqual(soon + 1);
    });

    test('a client that leaves in the middle of an upload ends it upstream', async () => {
      const { proxy, registry } = await simple();
      const begun = await ask(`${proxy.url}/v2/team/app/blobs/uploads/`, { method: 'POST' });
      const location = new URL(begun.header('location') as string);
      const { request } = await import('node:http');
      const uploading = request(location, { method: 'PATCH', headers: { 'content-length': 10_000_000 } });
      uploading.on('error', () => {});
      uploading.write(payload(100_000));
      expect(await until(() => registry.requests.length === 2)).toBe(true);
      uploading.destroy();
      expect(await until(() => registry.requests[1]?.closed === true)).toBe(true);
      expect(requestLines(proxy).length).toBeGreaterThan(0);
    });

    test.each<Record<string, string>>([
      {},
      { BODY_FRAMING: 'length' },
      { PLATFORM: 'aliyun-fc', BODY_FRAMING: 'length' },
    ])('with %j has its length; small ones and HEAD have it, too', (env) => expectFraming(env, false));

    unless(runtime, 'broken chunks').each<Record<string, string>>([
      { BODY_FRAMING: 'chunked' },
      { PLATFORM: 'aliyun-fc' },
    ])('with %j is chunked; small ones and HEAD always have their length', (env) => expectFraming(env, true));

    async function expectFraming(env: Record<string, string>, chunked: boolean) {
      const { url, blob, registry, proxy } = await storedBlob(5 * MIB, env);
      const large = await ask(url);
      expect(sha256(large.body)).toBe(blob.digest);
      expect([large.header('content-length'), large.header('transfer-encoding')]).toEqual(
        chunked ? [undefined, 'chunked'] : [String(5 * MIB), undefined],
      );
      expect((await ask(url, { method: 'HEAD' })).header('content-length')).toBe(String(5 * MIB));
      const { config } = smallImage(registry);
      const small = await ask(`${proxy.url}/v2/team/app/blobs/${config.digest}`);
      expect(small.header('content-length')).toBe(String(config.bytes.length));
      const manifest = await ask(`${proxy.url}/v2/team/app/manifests/v1`);
      expect(manifest.header('content-length')).toBe(String(manifest.body.length));
    }

    unless(runtime, 'process')(
      'a server that is told to stop finishes what is under way and takes nothing new',
      async () => {
        const { url, blob, cdn, proxy } = await storedBlob(4 * MIB, { SHUTDOWN_TIMEOUT: '5s', STALL_TIMEOUT: '5s' });
        cdn.fail(/blobs/, { kind: 'slow-head', ms: 400 });
        const pulling = ask(url, { agent: new Agent({ keepAlive: true }) });
        await until(() => cdn.requests.length === 1);
        const stopping = proxy.stop();
        await expect(ask(`${proxy.url}/v2/`)).rejects.toThrow(/ECONNREFUSED|ECONNRESET/);
        expect(sha256((await pulling).body)).toBe(blob.digest);
        await stopping;
      },
    );

    test('connections to the registry are used again', async () => {
      const { app, registry } = await simple();
      for (let i = 0; i < 5; i++) await ask(`${app}/manifests/v1`);
      expect(new Set(registry.requests.map(({ connection }) => connection)).size).toBeLessThan(3);
    });
  });

  describe('an error says what to do', () => {
    const DIGEST = `sha256:${'a'.repeat(64)}`;

    test.each([
      ['a name in capitals', '/v2/Team/App/manifests/v1', 400, 'NAME_INVALID'],
      ['a name with an odd end', '/v2/team/app-/manifests/v1', 400, 'NAME_INVALID'],
      ['a name beyond all length', `/v2/${'a/'.repeat(300)}b/manifests/v1`, 400, 'NAME_INVALID'],
      ['a tag with a space in it', '/v2/team/app/manifests/v%201', 400, /_INVALID$/],
      ['a tag beyond all length', `/v2/team/app/manifests/${'v'.repeat(129)}`, 400, /^(TAG|MANIFEST)_INVALID$/],
      ['a digest that is none', '/v2/team/app/manifests/sha256:abc', 400, 'DIGEST_INVALID'],
      ['a blob without a digest', '/v2/team/app/blobs/latest', 400, 'DIGEST_INVALID'],
      ['a digest in capitals', `/v2/team/app/blobs/sha256:${'A'.repeat(64)}`, 400, 'DIGEST_INVALID'],
      ['a referrer of a tag', '/v2/team/app/referrers/v1', 400, 'DIGEST_INVALID'],
      ['a percent sign alone', '/v2/team/app/manifests/v%', 400, /_INVALID$/],
      ['a percent-encoded letter', '/v2/te%61m/app/manifests/v1', 400, /_INVALID$/],
      ['no such endpoint', '/v2/team/app/nothing', 404, /./],
      ['no such endpoint of ours', '/-/nothing', 404, /./],
    ])('%s', async (_, target, status, code) => {
      const { proxy, registry } = await simple();
      const reply = await ask(proxy.url, { target });
      expect(reply.status).toBe(status);
      expect(reply.header('content-type')).toBe('application/json');
      const { errors } = reply.json() as { errors: { code: string; message: string }[] };
      expect(errors[0]?.code).toMatch(code);
      expect(errors[0]?.message.length).toBeGreaterThan(5);
      expect(registry.requests).toHaveLength(0);
    });

    test('a refused connection is a 502', async () => {
      const { registry, app, proxy } = await simple({}, { RETRY_TIMEOUT: '300ms' });
      await registry.stop();
      await expectFailure(await ask(`${app}/manifests/v1`), 502);
      await expectLogged(proxy, 502, /ECONNREFUSED|refused/i);
    });

    test('a name that does not resolve is a 502', async () => {
      const proxy = await stage.proxy('http://registry.does-not-exist.invalid', { RETRY_TIMEOUT: '300ms' });
      await expectFailure(await ask(`${proxy.url}/v2/team/app/manifests/v1`), 502);
      await expectLogged(proxy, 502, /ENOTFOUND|EAI_AGAIN|resolve/i);
    });

    test('a certificate that nobody vouches for is a 502, and nothing is sent over it', async () => {
      const { createAuthority } = await import('./upstream/certificates');
      const authority = await createAuthority();
      const registry = await stage.registry({ tls: await authority.issue(['127.0.0.1']) });
      const proxy = await stage.proxy(registry, { RETRY_TIMEOUT: '300ms' });
      await expectFailure(await ask(`${proxy.url}/v2/team/app/manifests/v1`), 502);
      expect(registry.requests).toHaveLength(0);
      await expectLogged(proxy, 502, /certificate/i);
    });

    test('a deadline is a 504', async () => {
      const { registry, app, proxy } = await simple({}, { RESPONSE_TIMEOUT: '300ms', RETRY_TIMEOUT: '500ms' });
      registry.fail(/./, { kind: 'silence' }, 100);
      await expectFailure(await ask(`${app}/blobs/${DIGEST}`), 504);
      await expectLogged(proxy, 504, /time|deadline/i);
    });

    async function expectFailure(reply: Reply, status: number) {
      expect([reply.status, reply.header('content-type')]).toEqual([status, 'application/json']);
      expect(reply.json()).toMatchObject({ errors: [{ code: 'UNAVAILABLE', message: expect.any(String) }] });
    }

    async function expectLogged(
      proxy: { url: string; logs(): Record<string, unknown>[] },
      status: number,
      why: RegExp,
    ) {
      await until(() => requestLines(proxy).length > 0);
      expect(requestLines(proxy)).toHaveLength(1);
      const reason = runtime.lacks?.reasons === undefined ? why : /./;
      expect(requestLines(proxy)[0]).toMatchObject({ status, why: expect.stringMatching(reason) });
      expect((await ask(`${proxy.url}/-/healthz`)).status).toBe(200);
    }
  });

  describe('the log', () => {
    test('has one line for each request, with what an operator asks for', async () => {
      const { proxy, app, registry, image } = await simple();
      await ask(`${app}/manifests/v1`);
      await ask(`${app}/blobs/${image.config.digest}`);
      await ask(`${app}/tags/list`);
      await ask(`${proxy.url}/v2/`);
      await ask(`${proxy.url}/v2/BAD/manifests/v1`);
      await until(() => requestLines(proxy).length >= 5);
      const lines = requestLines(proxy);
      expect(lines.map(({ route, status }) => [route, status])).toEqual([
        ['manifest', 200],
        ['blob', 200],
        ['tags', 200],
        ['ping', 200],
        [expect.any(String), 400],
      ]);
      expect(lines[1]).toMatchObject({
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
        level: 'info',
        id: expect.any(String),
        method: 'GET',
        path: `/v2/team/app/blobs/${image.config.digest}`,
        upstream: expect.stringContaining(new URL(registry.url).hostname),
        bytes: image.config.bytes.length,
        duration: expect.any(Number),
        resumed: 0,
        client: expect.stringMatching(/127\.0\.0\.1$/),
      });
      expect(new Set(lines.map(({ id }) => id)).size).toBe(5);
      expect(lines[4]).toMatchObject({ why: expect.any(String) });
    });

    unless(runtime, 'process')('begins with the address to listen on', async () => {
      const { proxy, registry } = await simple();
      expect(proxy.logs()[0]).toMatchObject({
        level: 'info',
        msg: 'listening',
        port: proxy.port,
        url: proxy.url,
        backend: registry.url,
      });
    });

    test('says that a client left and that a transfer broke', async () => {
      const { url, cdn, proxy } = await storedBlob(2 * MIB);
      cdn.fail(/blobs/, { kind: 'cut', after: 100_000 }, 100);
      await ask(url);
      await until(() => requestLines(proxy).length > 0);
      expect(requestLines(proxy)[0]).toMatchObject({ route: 'blob', why: expect.any(String), resumed: 3 });
    });

    test('holds its tongue with LOG_LEVEL=silent', async () => {
      const { proxy, app } = await simple({}, { LOG_LEVEL: 'silent' });
      await ask(`${app}/manifests/v1`);
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(proxy.logs()).toEqual([]);
    });
  });

  describe("Function Compute's hooks", () => {
    const FC = { PLATFORM: 'aliyun-fc' };

    unless(runtime, 'platforms').each([
      ['POST', '/initialize'],
      ['GET', '/pre-stop'],
    ])('%s %s is answered when the platform calls', async (method, path) => {
      const { proxy, registry } = await simple({}, FC);
      const hook = await ask(`${proxy.url}${path}`, { method, headers: { 'x-fc-control-path': path } });
      expect(hook.status).toBe(200);
      for (const control of ['/http-invoke', undefined]) {
        const headers = control === undefined ? {} : { 'x-fc-control-path': control };
        expect((await ask(`${proxy.url}${path}`, { method, headers })).status).toBe(404);
      }
      expect(registry.requests).toHaveLength(0);
    });

    test('do not exist elsewhere', async () => {
      const { proxy } = await simple({}, FOLLOW);
      for (const [method, path] of [
        ['POST', '/initialize'],
        ['GET', '/pre-stop'],
      ] as const) {
        const reply = await ask(`${proxy.url}${path}`, { method, headers: { 'x-fc-control-path': path } });
        expect([404, 405]).toContain(reply.status);
      }
    });
  });
});

/** Jest compares buffers element by element, which takes seconds for a layer. */
function expectBytes(actual: Buffer | undefined, expected: Buffer | undefined): void {
  expect(actual && sha256(actual)).toBe(expected && sha256(expected));
}

function requestLines(proxy: { logs(): Record<string, unknown>[] }): Record<string, unknown>[] {
  return proxy.logs().filter(({ msg, path }) => msg === 'request' && path !== '/-/healthz');
}
