import { randomBytes, randomUUID } from 'node:crypto';
import { runtimes } from './runtimes';
import { ask } from './upstream/client';
import { makeImage } from './upstream/image';
import { smallImage, stageFor } from './upstream/scene';

interface Hop {
  purpose: string;
  method: string;
  url: string;
  status: number | null;
  failure?: string;
}

interface Explained {
  image: string;
  ok: boolean;
  reading?: Record<string, string>;
  refused?: { status: number; code: string; message: string };
  platform?: string;
  delivery?: string | null;
  cache?: Record<string, unknown> | null;
  requests: { step: string; method: string; url: string; status: number | null; upstream: Hop[] }[];
  findings: { step: string; mark: string; says: string; set?: string; message: string }[];
}

const IMAGE = '?image=team/app:v1';

describe.each(runtimes)('with the $name runtime, /-/explain', (runtime) => {
  const stage = stageFor(runtime);
  afterEach(async () => expect(await stage.close()).toEqual([]));

  async function scene(env: Record<string, string> = {}, options: Parameters<typeof stage.registry>[0] = {}) {
    const token = randomUUID();
    const registry = await stage.registry(options);
    const image = smallImage(registry);
    const proxy = await stage.proxy(registry, { ADMIN_TOKEN: token, ...env });
    const call = (query: string, headers: Record<string, string> = {}, method = 'GET') =>
      ask(`${proxy.url}/-/explain${query}`, { method, headers: { authorization: `Bearer ${token}`, ...headers } });
    const told = async (query: string, headers?: Record<string, string>) =>
      (await call(query, headers)).json() as Explained;
    return { registry, image, proxy, call, told, token };
  }

  const bad = ({ findings }: Explained) =>
    findings.filter(({ mark }) => mark === 'bad').map(({ step, says, set }) => `${step} ${says} → ${set}`);

  test('is not there without a token: its path is like any other', async () => {
    const proxy = await stage.proxy(await stage.registry());
    const [one, other] = await Promise.all(['explain', 'nothing'].map((path) => ask(`${proxy.url}/-/${path}`)));
    expect([one?.status, one?.text.replace('explain', 'nothing')]).toEqual([404, other?.text]);
  });

  test('is for its owner, who says what is to be explained', async () => {
    const { proxy, call } = await scene();
    const url = `${proxy.url}/-/explain${IMAGE}`;
    const wrong = { authorization: `Bearer ${randomUUID()}` };
    expect((await ask(url)).status).toBe(401);
    expect((await ask(url, { headers: wrong })).status).toBe(401);
    const status = async (...given: Parameters<typeof call>) => (await call(...given)).status;
    expect([await status(''), await status('?image=A'), await status(`${IMAGE}&x=1`)]).toEqual([400, 400, 400]);
    expect([await status(`${IMAGE}&lang=fr`), await status(IMAGE, {}, 'POST')]).toEqual([400, 405]);
    expect([await status(IMAGE), await status(IMAGE, {}, 'HEAD')]).toEqual([200, 200]);
    const reply = await call(IMAGE, { origin: 'https://evil.example' });
    expect([reply.header('access-control-allow-origin'), reply.header('cache-control')]).toEqual([
      undefined,
      'no-store',
    ]);
    for (let n = 0; n < 9; n++) await ask(url, { headers: wrong });
    // The count is one for all that take the token.
    const late = await ask(`${proxy.url}/-/api/registries`, { headers: wrong });
    expect([late.status, await status(IMAGE)]).toEqual([runtime.name === 'Node' ? 404 : 429, 429]);
  });

  test('shows how a name is read, and each hop with what the upstream answered', async () => {
    const tokens = await stage.tokens();
    const { told, registry, proxy, image } = await scene({}, { auth: { kind: 'bearer', tokens } });
    const seen = await told(IMAGE);
    expect(bad(seen)).toEqual([]);
    expect(seen).toMatchObject({
      image: 'team/app:v1',
      ok: true,
      reading: {
        ...{ registry: registry.authority, repository: 'team/app', reference: 'v1', rule: 'default' },
        ...{ address: registry.url, auth: 'auth: relay', redirect: 'rewrite' },
      },
      platform: runtime.name === 'Node' ? 'node' : 'cloudflare-workers',
      delivery: 'stream',
      cache: null,
    });
    const steps = seen.requests.map(({ step, method, status }) => `${step} ${method} ${status}`);
    expect(steps).toEqual([
      ...['ping GET 401', 'challenge HEAD 401', 'token GET 200', 'manifest HEAD 200', 'manifest GET 200'],
      ...['config GET 200', 'layer HEAD 200', 'layer GET 206'],
    ]);
    const manifest = seen.requests.find(({ step, method }) => step === 'manifest' && method === 'GET');
    expect(manifest?.upstream).toMatchObject([
      { purpose: 'registry', method: 'GET', status: 200, url: `${registry.url}/v2/team/app/manifests/v1` },
    ]);
    expect(seen.requests.find(({ step }) => step === 'token')?.upstream[0]).toMatchObject({
      purpose: 'realm',
      status: 200,
    });
    expect(JSON.stringify(seen)).not.toContain('secret-token');
    expect(seen.findings.find(({ says }) => says === 'manifest.good')?.message).toContain(image.manifest.digest);
    expect(proxy.logs().filter(({ msg }) => msg === 'image explained')).toMatchObject([{ image: 'team/app:v1' }]);
  });

  test('shows what the cache has, before and after a pull', async () => {
    const { told } = await scene({ CACHE: 'memory' });
    expect((await told(IMAGE)).cache).toMatchObject({ isManifestKept: false });
    const { cache, findings } = await told(IMAGE);
    expect(cache).toMatchObject({ isManifestKept: true, config: true, tag: { age: expect.any(Number) } });
    expect(findings.map(({ says }) => says)).toEqual(expect.arrayContaining(['kept.tag', 'kept.there']));
  });

  test('says by which rule a registry is chosen, and what is not served', async () => {
    const other = await stage.registry({ address: '127.0.0.2' });
    smallImage(other, 'owner/app');
    const name = 'corp.test';
    const { told, registry } = await scene(
      { REGISTRIES: `${name}=${other.url}`, REGISTRY_NAME: 'docker.io' },
      { expectsNs: true },
    );
    registry.add('library/app', 'latest', makeImage([500]));
    const byPath = await told(`?image=${name}/owner/app:v1`);
    expect([byPath.ok, byPath.reading]).toMatchObject([
      true,
      { registry: name, rule: 'path', auth: 'auth: proxy (anonymous)' },
    ]);
    expect((await told(`?image=owner/app:v1&ns=${name}`)).reading).toMatchObject({ registry: name, rule: 'ns' });
    expect((await told('?image=app')).reading).toMatchObject({
      repository: 'library/app',
      reference: 'latest',
      rule: 'default',
    });
    const refused = await told('?image=quay.io/owner/app');
    expect([refused.ok, refused.refused]).toMatchObject([false, { status: 404, code: 'NAME_UNKNOWN' }]);
    expect(bad(refused)).toEqual(['reads reads.refused → set.missing']);
  });

  test('names the hop that fails, and what to set', async () => {
    const { told, registry } = await scene({ RETRY_TIMEOUT: '300ms' });
    const cdn = await stage.cdn({ registry });
    registry.options.delivery = { kind: 'cdn', cdn };
    const led = await told(IMAGE);
    expect([led.ok, led.delivery]).toEqual([true, 'redirect']);
    expect(JSON.stringify(led)).not.toMatch(/Signature|X-Amz/);
    cdn.fail(/./, { kind: 'status', status: 403 }, 99);
    expect(bad(await told(IMAGE))).toEqual(['redirect redirect.refused → set.signed']);
    registry.fail(/manifests/, { kind: 'status', status: 429 }, 99);
    expect(bad(await told(IMAGE))).toEqual(expect.arrayContaining(['upstream hop.status → set.wait']));
    await registry.stop();
    const gone = bad(await told(IMAGE));
    expect(gone).toContain('ping ping.status → set.upstream');
    expect(gone.join()).toMatch(/upstream hop\.failed → set\./);
  });

  test('comes in words, in the language that is liked', async () => {
    const { call } = await scene();
    const text = async (query: string, headers: Record<string, string> = {}) => {
      const reply = await call(query, { accept: 'text/plain', ...headers });
      expect(reply.header('content-type')).toBe('text/plain; charset=utf-8');
      return reply.text;
    };
    expect(await text(IMAGE)).toMatch(
      /^✓ reads as +team\/app:v1 is team\/app:v1 of .*\n(.*\n)+.*nothing stands in the way of team\/app:v1\n$/,
    );
    const wanted = await text(`${IMAGE}&lang=zh`);
    expect(wanted).toMatch(/^✓ 解读 +team\/app:v1 是/);
    expect(await text(IMAGE, { 'accept-language': 'zh-CN,en;q=0.5' })).toMatch(/^✓ 解读/);
  });

  test('holds no secret, whichever are configured', async () => {
    const secrets = Array.from({ length: 4 }, () => `s${randomBytes(12).toString('hex')}`);
    const [password, header, word, path] = secrets as [string, string, string, string];
    const tokens = await stage.tokens({ users: { robot: password }, privateRepositories: ['team/app'] });
    const far = await stage.registry({ basePath: `/${path}`, address: '127.0.0.2' });
    smallImage(far, 'owner/app');
    const registries = JSON.stringify({
      registries: {
        'far.test': { url: far.url, authHeader: `X ${header}` },
      },
    });
    const { call, token } = await scene(
      {
        ...{ REGISTRIES: registries, ACCESS_SECRET: word },
        ...{ REGISTRY_USERNAME: 'robot', REGISTRY_PASSWORD: password },
      },
      { auth: { kind: 'bearer', tokens } },
    );
    const texts = await Promise.all(
      [IMAGE, `?image=${word}/team/app:v1`, '?image=far.test/owner/app:v1', '?image=far.test/owner/no:v1'].flatMap(
        (query) =>
          [{}, { accept: 'text/plain' }].map(
            async (headers) => (await call(query, headers as Record<string, string>)).text,
          ),
      ),
    );
    expect(texts.every((text) => text.includes('manifest'))).toBe(true);
    expect(texts[0]).toContain('auth: proxy (login)');
    for (const secret of [...secrets, token]) expect(texts.join()).not.toContain(secret);
    expect(texts.join()).not.toContain('secret-token');
  });
});
