import { randomBytes, randomUUID } from 'node:crypto';
import type { ImageReport, Refusal } from '../src/core/inspect/report';
import type { PageState } from '../src/core/inspect/state';
import { hashPassword, makePassword } from '../src/shell/made-passwords';
import { inspecting } from './inspecting';
import { ask, basic } from './upstream/client';
import { type Content, contentOf, descriptor, type Image, INDEX_TYPE, makeImage } from './upstream/image';
import type { Registry } from './upstream/registry';
import { smallImage, stageFor, USERS } from './upstream/scene';

interface Seen {
  report?: ImageReport;
  refused?: Refusal;
  state?: PageState;
}

const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json';
const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';

const json = (type: string, value: unknown) => contentOf(type, Buffer.from(JSON.stringify(value)));

/** An image whose config says this. */
function imageWith(config: object, sizes = [4000, 3000], seed = 1): Image {
  const { layers } = makeImage(sizes, 'oci', seed);
  const content = json(CONFIG_TYPE, config);
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: descriptor(content),
    layers: layers.map(descriptor),
  };
  return { manifest: json(MANIFEST_TYPE, manifest), config: content, layers };
}

const entry = (content: Content, platform: object, more = {}) => ({ ...descriptor(content), platform, ...more });

/** An index of `count` platforms and an attestation. */
function addIndex(registry: Registry, name: string, tag: string, count: number): Content {
  const names = ['amd64', 'arm64', 's390x', 'ppc64le', ...Array.from({ length: count }, (_, n) => `cpu${n}`)];
  const images = names.slice(0, count).map((architecture, index) => {
    const image = imageWith({ os: 'linux', architecture, created: '2026-05-04T03:02:01Z' }, [1000 + index], index + 7);
    registry.add(name, image.manifest.digest, image);
    return entry(image.manifest, { os: 'linux', architecture });
  });
  const attestation = makeImage([50], 'oci', 99);
  registry.add(name, attestation.manifest.digest, attestation);
  const about = entry(
    attestation.manifest,
    { os: 'unknown', architecture: 'unknown' },
    { annotations: { 'vnd.docker.reference.type': 'attestation-manifest' } },
  );
  const index = json(INDEX_TYPE, { schemaVersion: 2, mediaType: INDEX_TYPE, manifests: [...images, about] });
  registry.addManifest(name, tag, index);
  return index;
}

describe.each(inspecting)('with the $name runtime, a look at an image', (runtime) => {
  const stage = stageFor(runtime);
  afterEach(async () => expect(await stage.close()).toEqual([]));

  async function scene(env: Record<string, string> = {}, options: Parameters<typeof stage.registry>[0] = {}) {
    const registry = await stage.registry(options);
    const proxy = await stage.proxy(registry, env);
    const look = async (image: string, headers: Record<string, string> = {}, mount = '') =>
      (await ask(`${proxy.url}${mount}/?image=${encodeURIComponent(image)}`, { headers })).json() as Seen;
    const asked = () => registry.requests.map(({ method, path }) => `${method} ${path.split('/').slice(-2)[0]}`);
    return { registry, proxy, look, asked };
  }

  test('shows layers, sizes, age and the commands that made them', async () => {
    const { registry, look } = await scene();
    const image = imageWith({
      os: 'linux',
      architecture: 'arm64',
      variant: 'v8',
      created: '2026-01-02T03:04:05.678Z',
      history: [{ created_by: 'ADD rootfs' }, { created_by: 'ENV A=1', empty_layer: true }, { created_by: 'RUN make' }],
    });
    registry.add('team/app', 'v1', image);
    const { report } = await look('team/app:v1');
    const [first, second] = image.layers as [Content, Content];
    expect(report).toEqual({
      image: 'team/app:v1',
      registry: registry.authority,
      repository: 'team/app',
      reference: 'v1',
      digest: image.manifest.digest,
      mediaType: MANIFEST_TYPE,
      kind: 'image',
      platforms: [
        {
          platform: 'linux/arm64/v8',
          digest: image.manifest.digest,
          size: image.config.bytes.length + 7000,
          created: '2026-01-02T03:04:05.678Z',
          layers: [
            { digest: first.digest, size: 4000, mediaType: first.type, createdBy: 'ADD rootfs' },
            { digest: second.digest, size: 3000, mediaType: second.type, createdBy: 'RUN make' },
          ],
        },
      ],
      omitted: 0,
      others: [],
    });
  });

  test('shows every platform of an index but what is about them, and no more than so many', async () => {
    const { registry, look, asked } = await scene();
    const few = addIndex(registry, 'team/app', 'few', 3);
    const { report } = await look('team/app:few');
    expect(report).toMatchObject({ kind: 'index', digest: few.digest, mediaType: INDEX_TYPE, omitted: 0 });
    expect(report?.platforms.map(({ platform, created, layers }) => [platform, created, layers[0]?.size])).toEqual([
      ['linux/amd64', '2026-05-04T03:02:01Z', 1000],
      ['linux/arm64', '2026-05-04T03:02:01Z', 1001],
      ['linux/s390x', '2026-05-04T03:02:01Z', 1002],
    ]);
    const before = asked().length;
    addIndex(registry, 'team/app', 'many', 40);
    const many = (await look('team/app:many')).report;
    expect([many?.platforms.length, many?.omitted, many?.others.length]).toEqual([12, 28, 28]);
    expect(
      asked()
        .slice(before)
        .filter((line) => line === 'GET manifests').length,
    ).toBe(13);
  });

  test('spends few of the pulls that Docker Hub counts, and none for what is as it was', async () => {
    const { registry, look, asked } = await scene({ REGISTRY_NAME: 'docker.io' }, { expectsNs: true });
    const index = addIndex(registry, 'library/app', 'latest', 5);
    const first = await look('app');
    expect(first.report).toMatchObject({ image: 'app:latest', repository: 'library/app', omitted: 3 });
    expect(first.report?.platforms.map(({ platform }) => platform)).toEqual(['linux/amd64', 'linux/arm64']);
    expect(first.report?.others).toEqual(['linux/s390x', 'linux/ppc64le', 'linux/cpu0']);
    const before = asked().length;
    expect((await look('docker.io/library/app')).report).toEqual(first.report);
    expect(asked().slice(before)).toEqual(['HEAD manifests']);
    addIndex(registry, 'library/app', 'latest', 1);
    const after = (await look('app')).report;
    expect([after?.platforms.length, after?.digest === index.digest]).toEqual([1, false]);
  });

  test('reads names as clients have them, with the proxy in front of them too', async () => {
    const other = await stage.registry({ address: '127.0.0.2' });
    smallImage(other, 'owner/app');
    const { registry, proxy, look } = await scene(
      { REGISTRIES: `corp.test=${other.url}`, REGISTRY_NAME: 'docker.io' },
      { expectsNs: true },
    );
    registry.add('library/app', 'latest', makeImage([500]));
    const host = new URL(proxy.url).host;
    const named = async (text: string) => {
      const { report, refused } = await look(text);
      return report ? [report.image, report.registry, report.repository] : refused;
    };
    const hub = ['app:latest', 'docker.io', 'library/app'];
    expect(await named('app')).toEqual(hub);
    expect(await named(` ${host}/app `)).toEqual(hub);
    expect(await named('index.docker.io/library/app:latest')).toEqual(hub);
    const corp = ['corp.test/owner/app:v1', 'corp.test', 'owner/app'];
    expect(await named('corp.test/owner/app:v1')).toEqual(corp);
    expect(await named(`http://${host}/corp.test/owner/app:v1`)).toEqual(corp);
    expect(await named('quay.io/owner/app')).toMatchObject({ status: 404, code: 'NAME_UNKNOWN' });
    for (const text of ['javascript:alert(1)', 'UPPER/case', 'a b', '../etc', 'x'.repeat(5000)])
      expect(await named(text)).toMatchObject({ status: 400, code: 'NAME_INVALID' });
    expect(await named('app:missing')).toMatchObject({ status: 404, code: 'MANIFEST_UNKNOWN' });
  });

  test('shows what clients see behind REPO_PREFIX', async () => {
    const { registry, look } = await scene({ REPO_PREFIX: 'team' });
    smallImage(registry);
    expect((await look('app:v1')).report).toMatchObject({ image: 'app:v1', repository: 'app' });
  });

  test('says of a chart and of other artifacts what they are', async () => {
    const { registry, look } = await scene();
    const config = json('application/vnd.cncf.helm.config.v1+json', { name: 'chart' });
    const chart = contentOf('application/vnd.cncf.helm.chart.content.v1.tar+gzip', randomBytes(900));
    const manifest = json(MANIFEST_TYPE, { schemaVersion: 2, config: descriptor(config), layers: [descriptor(chart)] });
    registry.add('team/chart', '1', { manifest, config, layers: [chart] });
    expect((await look('team/chart:1')).report).toMatchObject({
      kind: 'artifact',
      artifactType: 'application/vnd.cncf.helm.config.v1+json',
      platforms: [{ platform: '', size: 900 + config.bytes.length, layers: [{ mediaType: chart.type }] }],
    });
    const old = json('application/vnd.docker.distribution.manifest.v1+prettyjws', { schemaVersion: 1, fsLayers: [] });
    registry.addManifest('team/old', '1', old);
    const { refused } = await look('team/old:1');
    expect([refused?.status, refused?.message]).toEqual([502, expect.stringContaining('docker schema 1')]);
  });

  test('gets a token as a client does, for nobody, and tells a private image from a public one', async () => {
    const tokens = await stage.tokens({ privateRepositories: ['team/private'] });
    const { registry, look } = await scene({}, { auth: { kind: 'bearer', tokens } });
    addIndex(registry, 'team/app', 'v1', 3);
    smallImage(registry, 'team/private');
    expect((await look('team/app:v1')).report?.platforms.length).toBe(3);
    // One token for all of it.
    expect(tokens.asked.length).toBe(1);
    expect((await look('team/private:v1')).refused).toMatchObject({ status: 401, code: 'UNAUTHORIZED' });
    const [[user, password]] = Object.entries(USERS) as [[string, string]];
    const mine = await look('team/private:v1', { authorization: basic(user, password) });
    expect(mine.report?.kind).toBe('image');
    // What one has seen is no answer to another.
    expect((await look('team/private:v1')).refused?.status).toBe(401);
  });

  test('passes on what asks for a login, and takes one', async () => {
    const users = { alice: randomUUID() };
    const { registry, look } = await scene({}, { auth: { kind: 'basic', users } });
    smallImage(registry);
    const { refused } = await look('team/app:v1');
    expect(refused).toMatchObject({ status: 401, challenge: expect.stringMatching(/^Basic realm=/) });
    expect((await look('team/app:v1', { authorization: basic('alice', users.alice) })).report?.kind).toBe('image');
    const wrong = await look('team/app:v1', { authorization: basic('alice', randomUUID()) });
    expect(wrong.refused?.status).toBe(401);
  });

  test('lets the rules of the gate decide: rights, images, addresses, the secret', async () => {
    const secret = randomBytes(12).toString('hex');
    const locked = await scene({ ACCESS_SECRET: secret });
    smallImage(locked.registry);
    const image = { kind: 'image', image: 'team/app:v1' };
    const nobody = (await locked.look('team/app:v1')).refused;
    expect(nobody?.status).toBeGreaterThanOrEqual(401);
    expect(nobody?.status).toBeLessThan(404);
    expect((await locked.look('team/app:v1', {}, `/${secret}`)).report).toMatchObject(image);
    const typed = await locked.look(`${secret}/team/app:v1`);
    expect(typed.report).toMatchObject(image);
    expect(JSON.stringify([typed, nobody, await locked.look(`${secret}/x/${secret}`)])).not.toContain(secret);

    const listed = await scene({ ALLOW_IMAGES: 'other/**' });
    smallImage(listed.registry);
    expect((await listed.look('team/app:v1')).refused).toMatchObject({ status: 403, code: 'DENIED' });
    expect(listed.registry.requests).toEqual([]);

    const far = await scene({ ALLOW_CLIENTS: '203.0.113.7' });
    smallImage(far.registry);
    expect((await far.look('team/app:v1')).refused?.status).toBe(403);
    expect(far.registry.requests).toEqual([]);
  });

  test.each([false, true])(
    'follows a redirect to another path of the registry itself, absolute: %s',
    async (absolute) => {
      const other = await stage.registry({ delivery: { kind: 'own-host', absolute } });
      const image = imageWith({ os: 'linux', architecture: 'amd64', created: '2026-01-02T03:04:05Z' });
      other.add('team/app', 'v1', image);
      const { look } = await scene({ REGISTRIES: `other.test=${other.url}` });
      expect((await look('other.test/team/app:v1')).report?.platforms[0]?.created).toBe('2026-01-02T03:04:05Z');
    },
  );

  test('fetches nothing past the budget of a registry, wherever a redirect leads', async () => {
    for (const isElsewhere of [false, true]) {
      const env = { BUDGET_UPSTREAM_BYTES: '1', BUDGET_ACTION: 'redirect' };
      const { registry, look } = await scene(env);
      const cdn = await stage.cdn({ registry });
      registry.options.delivery = isElsewhere ? { kind: 'cdn', cdn } : { kind: 'own-host' };
      registry.add('team/app', 'v1', imageWith({ os: 'linux', created: '2026-01-02T03:04:05Z' }));
      // The first is let in, and spends all there is.
      await look('team/app:v1');
      registry.requests.length = 0;
      cdn.requests.length = 0;
      const { report } = await look('team/app:v1');
      expect([report?.kind, report?.platforms[0]?.created]).toEqual(['image', undefined]);
      expect(registry.requests.filter(({ path }) => path.includes('/storage/'))).toEqual([]);
      expect(cdn.requests).toEqual([]);
    }
  });

  test('asks a browser for a login of the gate, by Basic, and goes by its rights', async () => {
    const password = makePassword();
    const users = { HTPASSWD: `alice:${hashPassword(password)}` };
    const mine = { authorization: basic('alice', password) };
    const cases: readonly Record<string, string>[] = [{}, { ACCESS: 'alice: pull team/**; anonymous: pull open/*' }];
    for (const more of cases) {
      const { registry, look } = await scene({ ...users, ...more });
      smallImage(registry);
      smallImage(registry, 'open/app');
      smallImage(registry, 'closed/app');
      const nobody = (await look('team/app:v1')).refused;
      expect(nobody).toMatchObject({ status: 401, challenge: expect.stringMatching(/^Basic realm=/) });
      expect((await look('team/app:v1', mine)).report?.kind).toBe('image');
      const isRuled = Object.keys(more).length > 0;
      expect((await look('open/app:v1')).refused?.status).toBe(isRuled ? undefined : 401);
      expect((await look('closed/app:v1', mine)).refused?.status).toBe(isRuled ? 403 : undefined);
      const wrong = await look('team/app:v1', { authorization: basic('alice', makePassword()) });
      expect(wrong.refused).toMatchObject({ status: 401, challenge: expect.stringMatching(/^Basic/) });
    }
  });

  test('counts as a pull by the visitor: RATE_LIMIT, with when to come again', async () => {
    const { registry, look } = await scene({ RATE_LIMIT: '1/m burst 3' });
    addIndex(registry, 'team/app', 'v1', 4);
    const first = (await look('team/app:v1')).report;
    expect([first?.omitted, first?.platforms.length].reduce((sum, each) => (sum ?? 0) + (each ?? 0), 0)).toBe(4);
    expect(first?.omitted).toBeGreaterThan(0);
    const { refused } = await look('team/app:v1');
    expect(refused).toMatchObject({ status: 429, code: 'TOOMANYREQUESTS', retryAfter: expect.stringMatching(/^\d+$/) });
  });

  test('is served by the cache, and fills it', async () => {
    const { registry, look, asked } = await scene({ CACHE: 'memory' });
    addIndex(registry, 'team/app', 'v1', 2);
    addIndex(registry, 'team/same', 'v1', 2);
    expect((await look('team/app:v1')).report?.omitted).toBe(0);
    const before = asked().length;
    expect((await look('team/app:v1')).report?.omitted).toBe(0);
    expect(asked().length).toBe(before);
  });

  test('follows a config to where the registry keeps it', async () => {
    const { registry, look } = await scene();
    const cdn = await stage.cdn({ registry });
    registry.options.delivery = { kind: 'cdn', cdn };
    registry.add('team/app', 'v1', imageWith({ os: 'linux', architecture: 'amd64' }));
    expect((await look('team/app:v1')).report?.platforms[0]?.platform).toBe('linux/amd64');
    expect(cdn.requests.length).toBeGreaterThan(0);
  });

  test('says why nothing came', async () => {
    const { registry, look } = await scene({ RETRY_TIMEOUT: '100ms' });
    registry.answer(
      /busy/,
      429,
      { 'retry-after': '77', 'content-type': 'application/json' },
      JSON.stringify({ errors: [{ code: 'TOOMANYREQUESTS', message: 'enough' }] }),
    );
    registry.answer(/page/, 403, { 'content-type': 'text/html' }, '<script>alert(1)</script>');
    const busy = { status: 429, code: 'TOOMANYREQUESTS', message: 'enough', retryAfter: '77' };
    expect((await look('team/busy:v1')).refused).toEqual(busy);
    const page = (await look('team/page:v1')).refused;
    expect([page?.status, page?.message]).toEqual([403, expect.not.stringContaining('<')]);
    await registry.stop();
    expect((await look('team/app:v1')).refused).toMatchObject({ status: 502, code: 'UNAVAILABLE' });
  });

  describe('of a hostile registry', () => {
    const hostile: [string, (registry: Registry) => void, Partial<Refusal>][] = [
      [
        'a manifest of more than 4 MiB',
        (registry) =>
          registry.answer(/GET .*v1/, 200, { 'content-type': MANIFEST_TYPE }, `{"a":"${'x'.repeat(5_000_000)}"}`),
        { code: 'MANIFEST_INVALID', message: expect.stringContaining('4 MiB') },
      ],
      [
        'one that nests without end',
        (registry) => registry.answer(/v1/, 200, { 'content-type': MANIFEST_TYPE }, '['.repeat(2_000_000)),
        { code: 'MANIFEST_INVALID' },
      ],
      [
        'one with another digest than it says',
        (registry) =>
          registry.answer(
            /v1/,
            200,
            { 'content-type': MANIFEST_TYPE, 'docker-content-digest': `sha256:${'0'.repeat(64)}` },
            '{}',
          ),
        { status: 502 },
      ],
      [
        'a page',
        (registry) => registry.answer(/v1/, 200, { 'content-type': 'text/html' }, '<html>'),
        { code: 'MANIFEST_INVALID' },
      ],
      [
        'an index that is a manifest too',
        (registry) =>
          registry.addManifest('team/app', 'v1', json(INDEX_TYPE, { manifests: [], layers: [], config: {} })),
        { code: 'MANIFEST_INVALID' },
      ],
      [
        'things in place of others',
        (registry) =>
          registry.addManifest('team/app', 'v1', json(MANIFEST_TYPE, { config: [], layers: { length: 1e9 } })),
        { code: 'MANIFEST_INVALID' },
      ],
      [
        'sizes below nothing',
        (registry) =>
          registry.addManifest(
            'team/app',
            'v1',
            json(MANIFEST_TYPE, { layers: [{ digest: `sha256:${'1'.repeat(64)}`, size: -1 }] }),
          ),
        { code: 'MANIFEST_INVALID' },
      ],
      [
        'layers without end',
        (registry) =>
          registry.addManifest(
            'team/app',
            'v1',
            json(MANIFEST_TYPE, {
              layers: Array.from({ length: 6000 }, () => ({ digest: `sha256:${'1'.repeat(64)}`, size: 1 })),
            }),
          ),
        { code: 'MANIFEST_INVALID' },
      ],
    ];

    test.each(hostile)('%s is refused', async (_, prepare, expected) => {
      const { registry, look } = await scene();
      prepare(registry);
      expect((await look('team/app:v1')).refused).toMatchObject({ status: 502, ...expected });
    });

    test('an entry that lies about its size, or is an index itself, is left out; the others are shown', async () => {
      const { registry, look } = await scene();
      const good = imageWith({ os: 'linux', architecture: 'amd64' }, [10], 3);
      const lying = imageWith({ os: 'linux', architecture: 'arm64' }, [10], 4);
      for (const image of [good, lying]) registry.add('team/app', image.manifest.digest, image);
      const inner = addIndex(registry, 'team/app', 'inner', 1);
      const index = json(INDEX_TYPE, {
        schemaVersion: 2,
        manifests: [
          entry(good.manifest, { os: 'linux', architecture: 'amd64' }),
          { ...entry(lying.manifest, { os: 'linux', architecture: 'arm64' }), size: 1 },
          { ...entry(lying.manifest, { os: 'linux', architecture: 'huge' }), size: 2 ** 52 },
          entry(inner, { os: 'javascript:alert(1)', architecture: '\u001b[31m\u202ered' }),
        ],
      });
      registry.addManifest('team/app', 'v1', index);
      const { report } = await look('team/app:v1');
      expect(report?.platforms.map(({ platform }) => platform)).toEqual(['linux/amd64']);
      expect(report?.omitted).toBe(3);
      // Raw, but for what moves other text about: whoever shows it escapes it.
      expect(report?.others).toEqual(['linux/arm64', 'linux/huge', 'javascript:alert(1)/ [31m red']);
    });

    test('a config that is too large, or no config, takes nothing from the rest', async () => {
      const { registry, look } = await scene();
      const { manifest, layers } = imageWith({ os: 'linux', architecture: 'amd64' });
      const document = JSON.parse(manifest.bytes.toString());
      const huge = { ...document, config: { ...document.config, size: 2 ** 40 } };
      registry.add('team/app', 'huge', { manifest: json(MANIFEST_TYPE, huge), config: layers[0] as Content, layers });
      const report = (await look('team/app:huge')).report;
      expect(report?.platforms).toMatchObject([{ platform: '', size: 2 ** 40 + 7000, layers: [{ size: 4000 }, {}] }]);
    });
  });

  test('shows to whom the owner lets see it what the cache did, and what registries let pull yet', async () => {
    const { proxy, registry, look } = await scene({ LANDING_PAGE_STATE: 'true', CACHE: 'memory' });
    smallImage(registry);
    await look('team/app:v1');
    await look('team/app:v1');
    const seen = await ask(`${proxy.url}/?state`).then((reply) => (reply.json() as Seen).state);
    expect(seen?.quotas).toEqual([{ registry: registry.authority, account: 'anonymous', remaining: 99, limit: 100 }]);
    if (runtime.name === 'Node') {
      expect(seen?.cache).toMatchObject({ hits: expect.any(Number), misses: 2, entries: expect.any(Number) });
      expect(seen?.cache?.hits).toBeGreaterThan(0);
      expect(seen?.cache?.bytes).toBeGreaterThan(0);
    } else expect(seen?.cache).toBeUndefined();
  });
});
