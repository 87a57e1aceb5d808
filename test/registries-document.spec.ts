import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from '../src/core/config';
import { runtimes, unless } from './runtimes';
import { createAuthority } from './upstream/certificates';
import { ask, basic } from './upstream/client';
import { pull, push } from './upstream/docker';
import { makeImage } from './upstream/image';
import { smallImage, stageFor } from './upstream/scene';

const OPEN = { ANONYMOUS_PULL: 'true' };
const fromEnv = (name: string) => `$\{${name}}`;
const secret = () => randomBytes(9).toString('hex');
const folder = mkdtempSync(join(tmpdir(), 'registries-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, `${randomUUID()}-${name}`);
  writeFileSync(path, text);
  return path;
}

describe('REGISTRIES as a document', () => {
  const upstreams = (document: object, env: Record<string, string> = {}) =>
    readConfig({ REGISTRIES: JSON.stringify(document), ...OPEN, ...env }).upstreams;
  const faults = (document: object, env: Record<string, string> = {}) => {
    try {
      return upstreams(document, env) && [];
    } catch (error) {
      return (error as { faults: string[] }).faults;
    }
  };

  test('may make one of them the default, and may say more of the one that is', () => {
    expect(upstreams({ 'ghcr.io': { default: true }, 'quay.io': {} }).map(({ name }) => name)).toEqual([
      'ghcr.io',
      'quay.io',
    ]);
    const [hub] = upstreams({ 'docker.io': { username: 'a', password: 'b', redirect: 'follow' } });
    expect(hub).toMatchObject({ name: 'docker.io', auth: 'proxy', handleRedirect: true, proxyRedirect: false });
    expect(hub.url.hostname).toBe('registry-1.docker.io');
  });

  test('leaves the client to authenticate where it stands alone, and where it says so', () => {
    expect(upstreams({ 'docker.io': { redirect: 'follow' } })[0].auth).toBe('relay');
    expect(upstreams({ 'ghcr.io': { auth: 'relay' }, 'quay.io': {} }).map(({ auth }) => auth)).toEqual([
      'proxy',
      'relay',
      'proxy',
    ]);
  });

  test.each<[string, object, Record<string, string>, string]>([
    ['two defaults', { 'ghcr.io': { default: true }, 'quay.io': { default: true } }, {}, 'both the default'],
    ['a name twice', [{ name: 'ghcr.io' }, { name: 'GHCR.io' }], {}, 'names ghcr.io twice'],
    [
      'the default twice, by another of its names',
      [{ name: 'docker.io' }, { name: 'Index.docker.io', redirect: 'follow' }],
      {},
      'REGISTRIES names docker.io twice',
    ],
    [
      'two defaults, one of them a setting',
      { 'ghcr.io': { default: true } },
      { REGISTRY_BACKEND: 'quay.io' },
      'REGISTRY_BACKEND and REGISTRIES have two defaults, quay.io and ghcr.io',
    ],
    [
      'a login that was meant for another default',
      { 'evil.test': { default: true } },
      { REGISTRY_PROXY_USERNAME: 'a', REGISTRY_PASSWORD: 'b' },
      'REGISTRY_PROXY_USERNAME is for docker.io, and evil.test is the default',
    ],
    [
      'a header that was meant for another default',
      { 'evil.test': { default: true } },
      { AUTH_HEADER: 'Key x' },
      'AUTH_HEADER is for docker.io',
    ],
    [
      'one host for two',
      { 'ghcr.io': { hosts: ['a.example.com'] }, 'quay.io': { hosts: ['A.example.com'] } },
      {},
      'two registries have the host a.example.com',
    ],
    [
      'a host that is never seen',
      { 'ghcr.io': { hosts: ['a.example.com'] } },
      { PUBLIC_URL: 'https://r.example.com' },
      'PUBLIC_URL: no other host is looked at then, and a.example.com would lead to docker.io',
    ],
    [
      'a login at a registry that is left to its clients',
      { 'docker.io': { auth: 'relay' } },
      { AUTH_HEADER: 'Key x' },
      'docker.io.auth: relay leaves the login to clients',
    ],
    [
      'a login of its own at such a registry',
      { 'ghcr.io': { auth: 'relay', username: 'a', password: 'b' } },
      {},
      'ghcr.io.auth: relay leaves the login to clients',
    ],
    [
      'a login that everybody may use',
      { 'ghcr.io': { username: 'a', password: 'b' } },
      { ANONYMOUS_PULL: '' },
      'ghcr.io',
    ],
    [
      'two addresses of one registry',
      { 'docker.io': 'https://mirror.example.com' },
      { REGISTRY_BACKEND: 'https://registry-1.docker.io' },
      'REGISTRY_BACKEND and REGISTRIES have two addresses for docker.io',
    ],
    [
      'two logins at one registry',
      { 'docker.io': { username: 'a', password: 'b' } },
      { REGISTRY_PROXY_USERNAME: 'c', REGISTRY_PROXY_PASSWORD: 'd' },
      'REGISTRY_PROXY_USERNAME and REGISTRIES both hold a login for docker.io',
    ],
    [
      'a file that is not there',
      [],
      { REGISTRIES: './absent.yaml' },
      'REGISTRIES=./absent.yaml: there are no files here',
    ],
  ])('is refused with %s', (_, document, env, fault) => {
    expect(faults(document, env)).toEqual([expect.stringContaining(fault)]);
  });
});

describe.each(runtimes)('with the $name runtime, registries of a document', (runtime) => {
  const stage = stageFor(runtime);

  afterEach(async () => expect(await stage.close()).toEqual([]));

  unless(runtime, 'files')('are each asked by their own login, and none of them sees another’s', async () => {
    const [one, two, three] = [secret(), secret(), secret()];
    const first = await stage.tokens({ users: { one }, privateRepositories: ['team/app'] });
    const second = await stage.tokens({ users: { two }, privateRepositories: ['team/app'] });
    const bearer = await stage.registry({ auth: { kind: 'bearer', tokens: first } });
    const other = await stage.registry({ auth: { kind: 'bearer', tokens: second } });
    const basic = await stage.registry({ auth: { kind: 'basic', users: { three } } });
    const open = await stage.registry();
    const path = file(
      'registries.yaml',
      `registries:
  other.test: { url: "${other.url}", username: two, passwordFile: "${file('two', `${two}\n`)}" }
  basic.test: { url: "${basic.url}", username: three, password: "${three}", hosts: [basic.example.com] }
  open.test: { url: "${open.url}" }
`,
    );
    const env = { REGISTRIES: path, REGISTRY_USERNAME: 'one', REGISTRY_PASSWORD: one, ...OPEN };
    const proxy = await stage.proxy(bearer, env);
    for (const [registry, prefix] of [
      [bearer, ''],
      [other, 'other.test/'],
      [basic, 'basic.test/'],
      [open, 'open.test/'],
    ] as const) {
      const image = smallImage(registry);
      expect((await pull({ base: proxy.url }, `${prefix}team/app`, 'v1')).digest).toBe(image.manifest.digest);
    }
    const hosted = await ask(`${proxy.url}/v2/team/app/manifests/v1`, { headers: { host: 'basic.example.com' } });
    expect(hosted.status).toBe(200);
    const seen = (places: { requests: { header(name: string): string | undefined }[] }[]) =>
      places.flatMap(({ requests }) => requests.map((each) => each.header('authorization') ?? ''));
    const encoded = (user: string, password: string) => Buffer.from(`${user}:${password}`).toString('base64');
    expect(seen([bearer, first, open]).join()).not.toContain(encoded('two', two));
    expect(seen([bearer, first, other, second, open]).join()).not.toContain(encoded('three', three));
    expect(new Set(seen([open]))).toEqual(new Set(['']));
    expect(JSON.stringify(proxy.logs())).not.toMatch(new RegExp([one, two, three].join('|')));
  });

  test('that share an address keep their rights apart, also where their accounts have one name', async () => {
    const [right, wrong] = [secret(), secret()];
    const tokens = await stage.tokens({ users: { robot: right }, privateRepositories: ['team/app'] });
    const registry = await stage.registry({ auth: { kind: 'bearer', tokens } });
    smallImage(registry);
    const entry = (password: string) => ({ url: registry.url, username: 'robot', password });
    const REGISTRIES = JSON.stringify({ 'one.test': entry(right), 'two.test': entry(wrong) });
    const proxy = await stage.proxy(await stage.registry(), { REGISTRIES, ...OPEN });
    const get = async (name: string) => (await ask(`${proxy.url}/v2/${name}/team/app/manifests/v1`)).status;
    expect([await get('one.test'), await get('two.test'), await get('one.test')]).toEqual([200, 401, 200]);
  });

  unless(runtime, 'files')('may be behind a certificate of their own, and only that one trusts it', async () => {
    const authority = await createAuthority();
    const trusted = await stage.registry({ tls: await authority.issue(['127.0.0.1']), expectsNs: true });
    const image = smallImage(trusted);
    const open = await stage.registry();
    const entry = { url: trusted.url, allowPrivateAddresses: true };
    const ca = file('ca.pem', authority.cert);
    const proxy = await stage.proxy(open, {
      REGISTRIES: JSON.stringify({ 'known.test': { ...entry, ca }, 'unknown.test': entry }),
    });
    expect((await pull({ base: proxy.url }, 'known.test/team/app', 'v1')).digest).toBe(image.manifest.digest);
    const refused = await ask(`${proxy.url}/v2/unknown.test/team/app/manifests/v1`);
    expect([refused.status, refused.json()]).toMatchObject([502, { errors: [{ detail: { reason: 'tls' } }] }]);
  });

  test('follow redirects or pass them, each as it says, and have deadlines of their own', async () => {
    const registry = await stage.registry({ expectsNs: true });
    const cdn = await stage.cdn({ registry });
    registry.options.delivery = { kind: 'cdn', cdn };
    const image = smallImage(registry);
    const slow = await stage.registry();
    smallImage(slow);
    slow.fail(/manifests/, { kind: 'silence' }, 10);
    const document = {
      'follow.test': { url: registry.url, redirect: 'follow' },
      'pass.test': { url: registry.url, redirect: 'pass' },
      'slow.test': { url: slow.url, timeouts: { response: '150ms', retry: 0 } },
    };
    const proxy = await stage.proxy(await stage.registry(), { REGISTRIES: JSON.stringify(document) });
    const blob = (name: string) => ask(`${proxy.url}/v2/${name}/team/app/blobs/${image.layers[0]?.digest}`);
    expect([(await blob('follow.test')).status, (await blob('pass.test')).status]).toEqual([200, 307]);
    expect((await ask(`${proxy.url}/v2/slow.test/team/app/manifests/v1`)).status).toBe(504);
  });
});

describe.each(runtimes)(
  'with the $name runtime, a registry beside others that leaves the login to its clients',
  (runtime) => {
    const stage = stageFor(runtime);

    afterEach(async () => expect(await stage.close()).toEqual([]));

    async function mixed() {
      const users = { alice: secret() };
      const nobodys = await stage.tokens({ foreign: true });
      const open = await stage.registry({ auth: { kind: 'bearer', tokens: nobodys } });
      const tokens = await stage.tokens({ users, privateRepositories: ['team/app'] });
      const corp = await stage.registry({ auth: { kind: 'bearer', tokens } });
      const image = smallImage(corp);
      const document = { 'corp.test': { url: corp.url, auth: 'relay' } };
      const proxy = await stage.proxy(open, { REGISTRIES: JSON.stringify(document) });
      return { login: { user: 'alice', password: users.alice }, open, tokens, corp, image, proxy };
    }

    test('is pulled from with the client’s own login, by path and by ns, and not without', async () => {
      const { login, tokens, image, proxy } = await mixed();
      const base = proxy.url;
      expect((await pull({ base, login }, 'corp.test/team/app', 'v1')).digest).toBe(image.manifest.digest);
      expect(tokens.asked.map(({ account, scopes }) => [account, scopes])).toEqual([
        ['alice', ['repository:team/app:pull']],
      ]);
      const refused = await ask(`${base}/v2/team/app/manifests/v1?ns=corp.test`);
      expect([refused.status, refused.header('www-authenticate')]).toEqual([
        401,
        `Bearer realm="${base}/token",service="${base.slice(7)}",scope="repository:corp.test/team/app:pull"`,
      ]);
      await expect(pull({ base }, 'corp.test/team/app', 'v1')).rejects.toThrow();
    });

    test('takes pushes, and the others do not', async () => {
      const { login, corp, open, proxy } = await mixed();
      await push({ base: proxy.url, login }, 'corp.test/team/new', 'v2', makeImage([2000]));
      expect(corp.manifest('team/new', 'v2')).toBeDefined();
      const token = { authorization: 'Bearer anonymous' };
      const refused = await ask(`${proxy.url}/v2/team/new/blobs/uploads/`, { method: 'POST', headers: token });
      expect([refused.status, open.requests.filter(({ method }) => method === 'POST')]).toEqual([405, []]);
    });

    test('verifies a login, while a client that pulls from the others gets a token that says nothing', async () => {
      const { login, open, proxy } = await mixed();
      const image = smallImage(open);
      const base = proxy.url;
      expect((await ask(`${base}/v2/`)).status).toBe(401);
      expect((await pull({ base, login }, 'team/app', 'v1')).digest).toBe(image.manifest.digest);
      const logIn = (password: string) =>
        ask(`${base}/token?account=alice&service=x`, { headers: { authorization: basic('alice', password) } });
      expect([(await logIn(login.password)).status, (await logIn(secret())).status]).toEqual([200, 401]);
    });
  },
);

describe.each(runtimes)('with the $name runtime, a token server that the operator has named', (runtime) => {
  const stage = stageFor(runtime);

  afterEach(async () => expect(await stage.close()).toEqual([]));

  async function scene(entry: object, challenges: (strange: string) => string[]) {
    const users = { alice: secret() };
    const tokens = await stage.tokens({ users, privateRepositories: ['team/app'] });
    const strange = await stage.tokens({ foreign: true });
    const other = `Bearer realm="${strange.realm}",service="registry.test"`;
    const auth = { kind: 'bearer' as const, tokens, challenges: () => challenges(other) };
    const registry = await stage.registry({ auth });
    const image = smallImage(registry);
    const document = {
      'corp.test': { url: registry.url, authEndpoint: `${tokens.realm}?service=registry.test`, ...entry },
    };
    const proxy = await stage.proxy(await stage.registry(), {
      REGISTRIES: JSON.stringify(document),
      ROW_PASSWORD: users.alice,
      ...OPEN,
    });
    return { login: { user: 'alice', password: users.alice }, image, proxy, tokens, strange, registry };
  }

  const cases: [string, (strange: string) => string[]][] = [
    ['names another', (strange) => [strange]],
    ['names none', () => []],
    ['asks for a login', () => ['Basic realm="x"']],
  ];

  test.each(cases)('gives the proxy its tokens where the registry %s', async (_, challenges) => {
    const login = { username: 'alice', password: fromEnv('ROW_PASSWORD') };
    const { image, proxy, tokens, strange, registry } = await scene(login, challenges);
    expect((await pull({ base: proxy.url }, 'corp.test/team/app', 'v1')).digest).toBe(image.manifest.digest);
    expect(tokens.asked.map(({ account, scopes }) => [account, scopes])).toEqual([
      ['alice', ['repository:team/app:pull']],
    ]);
    expect(strange.requests).toEqual([]);
    expect(registry.requests.every((each) => !/^Basic/.test(each.header('authorization') ?? ''))).toBe(true);
  });

  test.each(cases.slice(0, 2))('is where clients log in, where the registry %s', async (_, challenges) => {
    const { login, image, proxy, tokens, strange } = await scene({ auth: 'relay' }, challenges);
    const base = proxy.url;
    expect((await pull({ base, login }, 'corp.test/team/app', 'v1')).digest).toBe(image.manifest.digest);
    expect(tokens.asked.map(({ account }) => account)).toEqual(['alice']);
    expect(strange.requests).toEqual([]);
    const refused = await ask(`${base}/v2/team/app/manifests/v1?ns=corp.test`);
    expect([refused.status, refused.header('www-authenticate')]).toEqual([
      401,
      expect.stringContaining(`realm="${base}/token"`),
    ]);
  });
});

describe.each(runtimes)('with the $name runtime, rows of a document', (runtime) => {
  const stage = stageFor(runtime);

  afterEach(async () => expect(await stage.close()).toEqual([]));

  test('are pulled from by host, by name and by ns, and a bad one takes none of the others down', async () => {
    const registry = await stage.registry();
    const image = smallImage(registry);
    const rows = { corp: { targetDomain: registry.url }, bad: { targetDomain: '' } };
    const proxy = await stage.proxy(await stage.registry(), { REGISTRIES: JSON.stringify({ rows }) });
    const name = registry.authority;
    expect((await pull({ base: proxy.url }, `${name}/team/app`, 'v1')).digest).toBe(image.manifest.digest);
    const manifest = `${proxy.url}/v2/team/app/manifests/v1`;
    const hosted = await ask(manifest, { headers: { host: 'corp.r.example.com' } });
    const named = await ask(`${manifest}?ns=${name}`);
    expect([hosted.status, named.status]).toEqual([200, 200]);
    const unknown = await ask(`${manifest}?ns=other.test`);
    expect([unknown.status, JSON.stringify(unknown.json())]).toEqual([404, expect.stringContaining(name)]);
  });
});

describe.each(runtimes)('with the $name runtime, several accounts of a registry', (runtime) => {
  const stage = stageFor(runtime);

  afterEach(async () => expect(await stage.close()).toEqual([]));

  async function pool() {
    const users = { one: secret(), two: secret() };
    const tokens = await stage.tokens({ users });
    const registry = await stage.registry({ auth: { kind: 'bearer', tokens } });
    smallImage(registry);
    const accounts = Object.entries(users).map((pair) => pair.join(':'));
    const proxy = await stage.proxy(registry, { REGISTRY_ACCOUNTS: accounts.join(','), ...OPEN });
    const get = () => ask(`${proxy.url}/v2/team/app/manifests/v1`);
    return { users, tokens, registry, proxy, get };
  }

  test('the one with most pulls left asks', async () => {
    const { registry, tokens, proxy, get } = await pool();
    const asked = () => tokens.asked.map(({ account }) => account);
    await get();
    expect(asked()).toEqual(['one']);
    registry.answer(/latest/, 200, { 'ratelimit-remaining': '7;w=21600' }, '{}');
    await ask(`${proxy.url}/v2/team/app/manifests/latest`);
    await get();
    expect(asked()).toEqual(['one', 'two']);
  });

  test('the next one asks where one got 429, and the client sees nothing of it', async () => {
    const { registry, tokens, get } = await pool();
    const first = await get();
    registry.fail(/manifests\/v1/, { kind: 'status', status: 429 });
    const replies = [first, await get(), await get()];
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(tokens.asked.map(({ account }) => account)).toEqual(['one', 'two']);
  });

  test('the next one asks where one has no right to an image, and may ask for others', async () => {
    const { registry, tokens, get } = await pool();
    expect([(await get()).status, (await get()).status]).toEqual([200, 200]);
    registry.fail(/manifests\/v1/, { kind: 'status', status: 403 });
    expect([(await get()).status, (await get()).status]).toEqual([200, 200]);
    expect(tokens.asked.map(({ account }) => account)).toEqual(['one', 'two']);
    registry.fail(/manifests\/v1/, { kind: 'status', status: 403 }, 2);
    expect((await get()).status).toBe(403);
    expect(registry.requests.filter(({ status }) => status === 403)).toHaveLength(3);
  });

  test('none asks in place of another where the answer was to nobody', async () => {
    const { registry, get } = await pool();
    registry.fail(/manifests\/v1/, { kind: 'status', status: 403 });
    expect((await get()).status).toBe(403);
    expect((await get()).status).toBe(200);
  });

  test('429 goes to the client when all of them are used up', async () => {
    const { registry, get } = await pool();
    registry.fail(/manifests\/v1/, { kind: 'status', status: 429 }, 2);
    expect((await get()).status).toBe(429);
    expect((await get()).status).toBe(200);
  });

  test('one whose password is wrong does not stop the others', async () => {
    const { users, get } = await pool();
    users.one = secret();
    expect((await get()).status).toBe(200);
  });
});

describe.each(runtimes)('with the $name runtime, AUTH_HEADER', (runtime) => {
  const stage = stageFor(runtime);

  afterEach(async () => expect(await stage.close()).toEqual([]));

  test('goes to the registry with every request, and nowhere else', async () => {
    const key = secret();
    const registry = await stage.registry();
    const cdn = await stage.cdn({ registry });
    registry.options.delivery = { kind: 'cdn', cdn };
    const image = smallImage(registry);
    const proxy = await stage.proxy(registry, { AUTH_HEADER: `Key ${key}`, HANDLE_REDIRECT: 'true', ...OPEN });
    expect((await pull({ base: proxy.url }, 'team/app', 'v1')).digest).toBe(image.manifest.digest);
    expect(new Set(registry.requests.map((each) => each.header('authorization')))).toEqual(new Set([`Key ${key}`]));
    expect(new Set(cdn.requests.map((each) => each.header('authorization')))).toEqual(new Set([undefined]));
    expect(JSON.stringify(proxy.logs())).not.toContain(key);
  });

  test('is a login where it is one: the token server gets it, the registry a token', async () => {
    const password = secret();
    const tokens = await stage.tokens({ users: { robot: password }, privateRepositories: ['team/app'] });
    const registry = await stage.registry({ auth: { kind: 'bearer', tokens } });
    smallImage(registry);
    const login = Buffer.from(`robot:${password}`).toString('base64');
    const proxy = await stage.proxy(registry, { AUTH_HEADER: `Basic ${login}`, ...OPEN });
    await pull({ base: proxy.url }, 'team/app', 'v1');
    expect(tokens.asked.map(({ account }) => account)).toEqual(['robot']);
  });
});
