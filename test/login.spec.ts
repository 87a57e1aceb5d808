import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashSync } from 'bcryptjs';
import { readConfig } from '../src/core/config';
import type { ConfigError } from '../src/core/config-error';
import { hashPassword, makePassword } from '../src/shell/made-passwords';
import { nodeOnly, runtimes } from './runtimes';
import { ask, basic } from './upstream/client';
import { pull, push } from './upstream/docker';
import { makeImage } from './upstream/image';
import { smallImage, stageFor, until } from './upstream/scene';

/** Made ones, which every runtime can check. */
const PASSWORDS = { alice: makePassword(), bob: makePassword() };
const HTPASSWD = Object.entries(PASSWORDS)
  .map(([name, password]) => `${name}:${hashPassword(password)}`)
  .join(',');
const SECRET = `s${randomBytes(12).toString('hex')}`;
const RIGHTS = 'alice: pull,push team/**; *: pull team/**';

const as = (user: keyof typeof PASSWORDS) => ({ user, password: PASSWORDS[user] });
const login = (user: keyof typeof PASSWORDS) => ({ authorization: basic(user, PASSWORDS[user]) });

describe('the settings of a login', () => {
  const faults = (env: Record<string, string>) => {
    try {
      return readConfig(env) && [];
    } catch (error) {
      return (error as ConfigError).faults;
    }
  };

  test.each<[string, Record<string, string>, string]>([
    ['a hash of another kind', { HTPASSWD: 'alice:{SHA}abc' }, 'HTPASSWD: line 1'],
    ['a file that is not there', { HTPASSWD_FILE: '/no' }, 'HTPASSWD_FILE=/no: '],
    ['no user', { HTPASSWD: ',' }, 'names no user; make one with "registry-proxy htpasswd USER"'],
    ['htpasswd without users', { REGISTRY_AUTH: 'htpasswd' }, 'REGISTRY_AUTH=htpasswd: set HTPASSWD_FILE'],
    ['another kind of login', { REGISTRY_AUTH: 'token' }, 'REGISTRY_AUTH=token: expected one of auto, htpasswd, none'],
    ['two places for users', { HTPASSWD, HTPASSWD_FILE: '/no' }, 'keep one of them'],
    ['rights of nobody', { ACCESS: 'alice: pull **' }, 'ACCESS: there is nobody to have these rights'],
    ['rights of somebody unknown', { HTPASSWD, ACCESS: 'carol: pull **' }, 'ACCESS: there is no user carol'],
    [
      'a secret that everybody would seem to have',
      { ACCESS_SECRET: SECRET, PUBLIC_URL: `https://${SECRET}.r.example.com` },
      'PUBLIC_URL: holds ACCESS_SECRET',
    ],
    ['a secret to be guessed', { ACCESS_SECRET: 'short' }, 'ACCESS_SECRET=***: expected 16 to 63'],
    [
      'a registry that wants the login itself',
      { HTPASSWD, REGISTRIES: '{"corp.test": {"auth": "relay"}}' },
      'corp.test.auth: relay needs the logins',
    ],
  ])('are refused with %s', (_, env, fault) => {
    expect(faults(env).join('\n')).toContain(fault);
  });

  test('are not looked at with REGISTRY_AUTH=none, and then close nothing that a login of the proxy opens', () => {
    const own = { REGISTRY_USERNAME: 'robot', REGISTRY_PASSWORD: randomUUID() };
    const none = { HTPASSWD, ACCESS_SECRET: SECRET, REGISTRY_AUTH: 'None' };
    expect(readConfig(none).gate).toBeUndefined();
    expect(readConfig({ HTPASSWD, REGISTRY_AUTH: 'HTPASSWD' }).gate?.users.size).toBe(2);
    expect(faults({ ...own, ...none })).toEqual([expect.stringContaining('ANONYMOUS_PULL=true')]);
    expect(faults({ ...none, ACCESS: 'alice: pull **' })).toEqual([expect.stringContaining('ACCESS: there is nobody')]);
  });

  test('close what a login of the proxy opens: no further word is needed', () => {
    const own = { REGISTRY_USERNAME: 'robot', REGISTRY_PASSWORD: randomUUID() };
    expect(faults(own)).toHaveLength(1);
    expect(faults({ ...own, HTPASSWD })).toEqual([]);
    expect(faults({ ...own, ACCESS_SECRET: SECRET })).toEqual([]);
  });
});

describe.each(runtimes)('with the $name runtime, users of the proxy itself', (runtime) => {
  const stage = stageFor(runtime);

  afterEach(async () => expect(await stage.close()).toEqual([]));

  /** A registry with a private repository that only the proxy's own account may touch. */
  async function scene(env: Record<string, string> = {}) {
    const robot = randomUUID();
    const tokens = await stage.tokens({ users: { robot }, privateRepositories: ['team/app', 'team/new', 'other/app'] });
    const registry = await stage.registry({ auth: { kind: 'bearer', tokens } });
    const image = smallImage(registry);
    const account = { REGISTRY_USERNAME: 'robot', REGISTRY_PASSWORD: robot };
    const proxy = await stage.proxy(registry, { ...account, HTPASSWD, ...env });
    const get = (headers: Record<string, string> = {}, name = 'team/app') =>
      ask(`${proxy.url}/v2/${name}/manifests/v1`, { headers });
    return { robot, tokens, registry, image, proxy, get, base: proxy.url };
  }

  test('pull by their login what the proxy may pull, and nobody else does', async () => {
    const { base, image, get, tokens, registry, proxy } = await scene({ AUTH_REALM: 'our "images"' });
    expect((await pull({ base, login: as('alice') }, 'team/app', 'v1')).digest).toBe(image.manifest.digest);
    expect((await get(login('bob'))).status).toBe(200);
    const seen = [...tokens.requests, ...registry.requests].map((each) => each.header('authorization') ?? '');
    expect(
      seen.filter((value) => [login('alice'), login('bob')].some(({ authorization }) => value === authorization)),
    ).toEqual([]);
    const count = registry.requests.length;
    const wrong: Record<string, string>[] = [
      {},
      { authorization: basic('alice', randomUUID()) },
      { authorization: basic('carol', PASSWORDS.bob) },
    ];
    for (const headers of wrong) {
      const refused = await get(headers);
      expect([refused.status, refused.header('www-authenticate'), refused.json()]).toMatchObject([
        401,
        'Basic realm="our \\"images\\""',
        { errors: [{ code: 'UNAUTHORIZED' }] },
      ]);
    }
    expect(registry.requests).toHaveLength(count);
    expect(JSON.stringify(proxy.logs())).not.toMatch(new RegExp(`${PASSWORDS.alice}|${PASSWORDS.bob}`));
  });

  test.each(['Basic', 'Basic !', 'Bearer anonymous', 'Bearer rp1.e30.AAAA', 'Digest x', 'Basic Og=='])(
    'are not whoever sends "%s"',
    async (authorization) => {
      const { get, registry } = await scene();
      expect([(await get({ authorization })).status, registry.requests.length]).toEqual([401, 0]);
    },
  );

  test('are told to log in where a client sends an empty login, as podman does that has none', async () => {
    const { get } = await scene();
    const refused = await get({ authorization: basic('', '') });
    expect([refused.status, refused.json()]).toMatchObject([401, { errors: [{ message: 'log in first' }] }]);
  });

  test('log in: the ping says yes to them and to nobody else', async () => {
    const { base } = await scene();
    const ping = (headers: Record<string, string>) => ask(`${base}/v2/`, { headers });
    const replies = [await ping({}), await ping(login('alice')), await ping({ authorization: basic('alice', 'no') })];
    expect(replies.map(({ status }) => status)).toEqual([401, 200, 401]);
  });

  test('push nothing unless they have the right to', async () => {
    const { base, registry } = await scene();
    const begun = await ask(`${base}/v2/team/new/blobs/uploads/`, { method: 'POST', headers: login('alice') });
    expect([begun.status, begun.json()]).toMatchObject([403, { errors: [{ code: 'DENIED' }] }]);
    expect(registry.requests).toEqual([]);
  });

  test('push by the proxy’s account what ACCESS lets them, with a token before the first byte', async () => {
    const { base, registry, tokens } = await scene({ ACCESS: RIGHTS });
    const image = makeImage([30_000, 500]);
    await push({ base, login: as('alice') }, 'team/new', 'v2', image, 10_000);
    expect(registry.manifest('team/new', 'v2')?.digest).toBe(image.manifest.digest);
    expect(registry.requests.filter(({ status, method }) => status === 401 && method !== 'GET')).toEqual([]);
    expect(tokens.asked.filter(({ scopes }) => scopes.join().includes('push'))).toEqual([
      expect.objectContaining({ account: 'robot', scopes: ['repository:team/new:pull,push'] }),
    ]);
    const refusals = [
      await ask(`${base}/v2/team/new/manifests/v2`, { method: 'PUT', headers: login('bob'), body: '{}' }),
      await ask(`${base}/v2/team/new/manifests/v2`, { method: 'DELETE', headers: login('alice') }),
      await ask(`${base}/v2/other/app/blobs/uploads/`, { method: 'POST', headers: login('alice') }),
      await ask(`${base}/v2/other/app/manifests/v1`, { headers: login('alice') }),
      await ask(`${base}/v2/_catalog`, { headers: login('alice') }),
    ];
    expect(refusals.map(({ status }) => status)).toEqual([403, 403, 403, 403, 403]);
  });

  test('mount no blob of a repository that they may not pull, or that nobody names, but upload it', async () => {
    const { base, registry, tokens, image } = await scene({ ACCESS: RIGHTS });
    const mount = (query: string, name = 'team/new') =>
      ask(`${base}/v2/${name}/blobs/uploads/?mount=${image.layers[0]?.digest}${query}`, {
        method: 'POST',
        headers: login('alice'),
      });
    expect([(await mount('&from=team/app', 'other/app')).status, registry.requests.length]).toEqual([403, 0]);
    expect((await mount('&from=other/app')).status).toBe(202);
    expect((await mount('')).status).toBe(202);
    expect(registry.requests.filter(({ method }) => method === 'POST').map(({ target }) => target)).toEqual(
      Array(2).fill('/v2/team/new/blobs/uploads/'),
    );
    expect(tokens.asked.flatMap(({ scopes }) => scopes).join()).not.toContain('other/app');
    expect((await mount('&from=team/app')).status).toBe(201);
  });
});

/** bcrypt takes threads, and there are files. */
describe.each(nodeOnly)('with the $name runtime, users who chose their passwords', (runtime) => {
  const stage = stageFor(runtime);
  const chosen = `${randomUUID()}:ü`;
  const folder = mkdtempSync(join(tmpdir(), 'login-'));

  afterEach(async () => expect(await stage.close()).toEqual([]));
  afterAll(() => rmSync(folder, { recursive: true }));

  async function scene(htpasswd: string, env: Record<string, string> = {}) {
    const registry = await stage.registry();
    smallImage(registry);
    const { url: base } = await stage.proxy(registry, { HTPASSWD: htpasswd, ...env });
    const get = (user: string, password: string) =>
      ask(`${base}/v2/team/app/manifests/v1`, { headers: { authorization: basic(user, password) } });
    return { base, get };
  }

  test('pull by them, beside others who have made ones', async () => {
    const { get } = await scene(`carol:${hashSync(chosen, 4)},${HTPASSWD}`);
    const tries = [
      ['carol', chosen],
      ['alice', PASSWORDS.alice],
      ['carol', PASSWORDS.alice],
      ['alice', chosen],
      ['carol', randomUUID()],
    ];
    const replies = await Promise.all(tries.map(([user, password]) => get(user, password)));
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 401, 401, 401]);
  });

  test('may stand in a file, as distribution names it', async () => {
    const path = join(folder, randomUUID());
    writeFileSync(path, `# ours\ncarol:${hashSync(chosen, 4)}\n${HTPASSWD.replace(',', '\n')}\n`);
    const names = { REGISTRY_AUTH: 'htpasswd', REGISTRY_AUTH_HTPASSWD_PATH: path, REGISTRY_AUTH_HTPASSWD_REALM: 'x' };
    const { get } = await scene('', names);
    const replies = [await get('carol', chosen), await get('bob', PASSWORDS.bob), await get('carol', '')];
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 401]);
    expect(replies[2].header('www-authenticate')).toBe('Basic realm="x"');
  });

  test('do not make others wait: a hundred logins at once, while pulls go on', async () => {
    const { get, base } = await scene(`bob:${hashSync(chosen, 8)}`);
    await get('bob', chosen);
    const others = Array.from({ length: 100 }, (_, index) => get(`user${index}`, 'x'));
    let isOver = false;
    const all = Promise.all(others).then((replies) => {
      isOver = true;
      return replies.map(({ status }) => status);
    });
    const pulled = await get('bob', chosen);
    expect([pulled.status, isOver]).toEqual([200, false]);
    expect((await ask(`${base}/-/healthz`)).status).toBe(200);
    expect(new Set(await all)).toEqual(new Set([401]));
  });
});

describe.each(runtimes)('with the $name runtime, where everybody may pull and users may push', (runtime) => {
  const stage = stageFor(runtime);

  afterEach(async () => expect(await stage.close()).toEqual([]));

  async function scene(env: Record<string, string> = { ANONYMOUS_PULL: 'true', ACCESS: RIGHTS }) {
    const registry = await stage.registry();
    const image = smallImage(registry);
    const proxy = await stage.proxy(registry, { HTPASSWD, ...env });
    return { registry, image, base: proxy.url, proxy };
  }

  test('clients without a login get a token, and pull', async () => {
    const { base, image } = await scene();
    const ping = await ask(`${base}/v2/`);
    expect([ping.status, ping.header('www-authenticate')]).toEqual([
      401,
      `Bearer realm="${base}/token",service="${base.slice(7)}"`,
    ]);
    expect((await pull({ base }, 'team/app', 'v1')).digest).toBe(image.manifest.digest);
    const manifest = `${base}/v2/team/app/manifests/v1`;
    expect((await ask(manifest)).status).toBe(200);
    expect((await ask(manifest, { headers: { authorization: basic('', '') } })).status).toBe(200);
    expect((await ask(manifest, { headers: { authorization: basic('alice', '') } })).status).toBe(401);
  });

  test('users push by theirs, and nobody else', async () => {
    const { base, registry } = await scene();
    const image = makeImage([700]);
    await push({ base, login: as('alice') }, 'team/new', 'v2', image);
    expect(registry.manifest('team/new', 'v2')).toBeDefined();
    for (const session of [{ base }, { base, login: as('bob') }]) {
      await expect(push(session, 'team/new', 'v3', image)).rejects.toThrow();
    }
    const refused = await ask(`${base}/v2/team/new/blobs/uploads/`, { method: 'POST' });
    expect([refused.status, refused.header('www-authenticate')]).toEqual([
      401,
      `Bearer realm="${base}/token",service="${base.slice(7)}",scope="repository:team/new:pull,push"`,
    ]);
    expect(registry.manifest('team/new', 'v3')).toBeUndefined();
  });

  test('a wrong login gets no token, and a form is sent on to GET', async () => {
    const { base } = await scene();
    const wrong = await ask(`${base}/token?service=x`, { headers: { authorization: basic('alice', randomUUID()) } });
    const form = await ask(`${base}/token`, { method: 'POST', headers: login('alice'), body: 'grant_type=password' });
    expect([wrong.status, form.status, form.header('allow')]).toEqual([401, 405, 'GET, OPTIONS']);
  });

  test('a token gets no other one, or whoever finds one has it for ever', async () => {
    const { base } = await scene();
    const token = async (headers: Record<string, string>) => {
      const reply = await ask(`${base}/token`, { headers });
      return [reply.status, (reply.json() as { token?: string }).token] as const;
    };
    const [, first] = await token(login('alice'));
    const renewed = [
      await token({ authorization: `Bearer ${first}` }),
      await token({ authorization: `bearer  ${first}` }),
    ];
    expect(renewed).toEqual([
      [401, undefined],
      [401, undefined],
    ]);
    const [, nobodys] = await token({});
    expect((await token({ authorization: `Bearer ${nobodys}` }))[0]).toBe(200);
  });

  test('ACCESS alone can say what is for everybody', async () => {
    const { base } = await scene({ ACCESS: `${RIGHTS}; anonymous: pull team/app` });
    expect((await ask(`${base}/v2/team/app/manifests/v1`)).status).toBe(200);
    expect((await ask(`${base}/v2/team/new/manifests/v1`)).status).toBe(401);
  });
});

describe.each(runtimes)('with the $name runtime, where an address does in place of a login', (runtime) => {
  const stage = stageFor(runtime);

  afterEach(async () => expect(await stage.close()).toEqual([]));

  async function scene(env: Record<string, string> = {}) {
    const registry = await stage.registry();
    const image = smallImage(registry);
    const near = { ALLOW_CLIENTS: 'loopback', SATISFY: 'any', TRUST_PROXY: 'loopback' };
    const proxy = await stage.proxy(registry, { HTPASSWD, ACCESS: RIGHTS, ...near, ...env });
    return { registry, image, base: proxy.url };
  }

  const far = { 'x-forwarded-for': '203.0.113.7' };
  const MANIFEST = 'team/app/manifests/v1';

  test('clients there pull without a login', async () => {
    const { base, image } = await scene();
    expect((await pull({ base }, 'team/app', 'v1')).digest).toBe(image.manifest.digest);
    expect((await ask(`${base}/v2/${MANIFEST}`)).status).toBe(200);
  });

  test('users there push by theirs, and nobody else: docker logs in where the ping asks for it, or nowhere', async () => {
    const { base, registry } = await scene();
    const image = makeImage([700]);
    await push({ base, login: as('alice') }, 'team/new', 'v2', image);
    expect(registry.manifest('team/new', 'v2')).toBeDefined();
    for (const session of [{ base }, { base, login: as('bob') }]) {
      await expect(push(session, 'team/new', 'v3', image)).rejects.toThrow();
    }
    expect(registry.manifest('team/new', 'v3')).toBeUndefined();
    expect((await ask(`${base}/token?service=x`, { headers: { authorization: basic('alice', 'no') } })).status).toBe(
      401,
    );
  });

  test('others log in, and a token that says nobody opens nothing to them', async () => {
    const { base, registry } = await scene();
    const token = JSON.parse((await ask(`${base}/token?service=x`, { headers: far })).text).token;
    const count = registry.requests.length;
    const refusals = [
      await ask(`${base}/v2/${MANIFEST}`, { headers: far }),
      await ask(`${base}/v2/${MANIFEST}`, { headers: { ...far, authorization: `Bearer ${token}` } }),
      await ask(`${base}/storage/x`, { headers: { ...far, authorization: `Bearer ${token}` } }),
      await ask(`${base}/v2/_catalog`, { headers: { ...far, authorization: `Bearer ${token}` } }),
    ];
    expect(refusals.map(({ status }) => status)).toEqual([401, 401, 401, 401]);
    expect(registry.requests).toHaveLength(count);
    expect((await ask(`${base}/v2/${MANIFEST}`, { headers: { ...far, ...login('bob') } })).status).toBe(200);
  });
});

describe.each(runtimes)('with the $name runtime, SATISFY', (runtime) => {
  const stage = stageFor(runtime);

  afterEach(async () => expect(await stage.close()).toEqual([]));

  const statuses = async (env: Record<string, string>) => {
    const registry = await stage.registry();
    smallImage(registry);
    const proxy = await stage.proxy(registry, { HTPASSWD, TRUST_PROXY: 'loopback', ...env });
    const get = async (address: string, headers: Record<string, string>) =>
      (await ask(`${proxy.url}/v2/team/app/manifests/v1`, { headers: { 'x-forwarded-for': address, ...headers } }))
        .status;
    const [near, far] = ['203.0.113.7', '198.51.100.7'];
    return [await get(near, {}), await get(near, login('bob')), await get(far, {}), await get(far, login('bob'))];
  };
  const ALLOW_CLIENTS = '203.0.113.0/24';

  test('all wants an address on ALLOW_CLIENTS and a login', async () => {
    expect(await statuses({ ALLOW_CLIENTS })).toEqual([401, 200, 403, 403]);
  });

  test('any wants one of them', async () => {
    expect(await statuses({ ALLOW_CLIENTS, SATISFY: 'any' })).toEqual([200, 200, 401, 200]);
  });

  test('any lets nobody push by an address alone', async () => {
    const registry = await stage.registry();
    const env = { HTPASSWD, ALLOW_CLIENTS: 'loopback', SATISFY: 'any', ACCESS: 'alice: push **; *: pull **' };
    const proxy = await stage.proxy(registry, env);
    const url = `${proxy.url}/v2/team/new/blobs/uploads/`;
    const post = async (headers: Record<string, string>) => (await ask(url, { method: 'POST', headers })).status;
    expect([await post({}), await post(login('bob')), await post(login('alice'))]).toEqual([401, 403, 202]);
  });

  test('any takes the address of a proxy that nobody has named for nobody’s', async () => {
    const env = { ALLOW_CLIENTS: 'loopback', SATISFY: 'any', TRUST_PROXY: '' };
    expect(await statuses(env)).toEqual([401, 200, 401, 200]);
  });

  test('any without addresses is a mistake', () => {
    expect(() => readConfig({ HTPASSWD, SATISFY: 'any' })).toThrow('set ALLOW_CLIENTS');
  });
});

describe.each(runtimes)('with the $name runtime, a secret in the address', (runtime) => {
  const stage = stageFor(runtime);

  afterEach(async () => expect(await stage.close()).toEqual([]));

  async function scene(env: Record<string, string> = {}) {
    const registry = await stage.registry();
    const image = smallImage(registry);
    const proxy = await stage.proxy(registry, { ACCESS_SECRET: SECRET, ...env });
    return { registry, image, base: proxy.url, proxy };
  }

  const MANIFEST = 'team/app/manifests/v1';

  test('lets in whoever has it: before the path, before the name, before the host', async () => {
    const { base, image, proxy } = await scene();
    expect((await pull({ base: `${base}/${SECRET}` }, 'team/app', 'v1')).digest).toBe(image.manifest.digest);
    expect((await pull({ base }, `${SECRET}/team/app`, 'v1')).digest).toBe(image.manifest.digest);
    const hosted = await ask(`${base}/v2/${MANIFEST}`, { headers: { host: `${SECRET}.r.example.com` } });
    expect(hosted.status).toBe(200);
    await until(() => proxy.logs().length > 8);
    expect(JSON.stringify(proxy.logs())).not.toContain(SECRET);
  });

  test('is in no line of the log where clients ask for a token, and goes to no token server', async () => {
    const tokens = await stage.tokens();
    const registry = await stage.registry({ auth: { kind: 'bearer', tokens } });
    const image = smallImage(registry);
    const proxy = await stage.proxy(registry, { ACCESS_SECRET: SECRET });
    const base = proxy.url;
    expect((await pull({ base }, `${SECRET}/team/app`, 'v1')).digest).toBe(image.manifest.digest);
    const host = `${SECRET}.r.example.com`;
    const ping = await ask(`${base}/v2/`, { headers: { host } });
    expect(ping.header('www-authenticate')).toContain(`service="${host}"`);
    await ask(`${base}/token?scope=repository:team/app:pull&service=${host}`, { headers: { host } });
    await until(() => proxy.logs().filter(({ route }) => route === 'token').length === 2);
    expect(JSON.stringify(proxy.logs())).not.toContain(SECRET);
    expect(JSON.stringify([...tokens.requests, ...registry.requests].map(({ target }) => target))).not.toContain(
      SECRET,
    );
  });

  test('keeps from everybody else which registries there are, and where', async () => {
    const { base } = await scene({ REGISTRIES: 'corp.example.com=https://corp-internal.example.com' });
    for (const target of ['/', '/v2/?ns=x.test', '/v2/x.test/a/manifests/v1?ns=x.test', '/v2/x.test/a/manifests/v1']) {
      const { text } = await ask(`${base}${target}`);
      expect([target, text.includes('corp')]).toEqual([target, false]);
    }
  });

  test('keeps everybody else out, and says nothing upstream', async () => {
    const { base, registry } = await scene();
    const near = `${SECRET.slice(0, -1)}${SECRET.endsWith('0') ? '1' : '0'}`;
    const targets = [`/v2/${MANIFEST}`, `/${near}/v2/${MANIFEST}`, `/v2/${near}/${MANIFEST}`, `/storage/x`];
    for (const target of targets) {
      const { status, ...reply } = await ask(`${base}${target}`);
      expect([target, status, reply.header('www-authenticate')]).toEqual([target, 403, undefined]);
    }
    const hosts = [`${near}.r.example.com`, `x.${SECRET}.example.com`, SECRET];
    for (const host of hosts) expect((await ask(`${base}/v2/${MANIFEST}`, { headers: { host } })).status).toBe(403);
    expect(registry.requests).toEqual([]);
  });

  test('leads back to itself: Location, Link and realm', async () => {
    const tokens = await stage.tokens();
    const registry = await stage.registry({ auth: { kind: 'bearer', tokens } });
    const image = smallImage(registry);
    registry.options.delivery = { kind: 'own-host' };
    const proxy = await stage.proxy(registry, { ACCESS_SECRET: SECRET });
    const base = `${proxy.url}/${SECRET}`;
    const ping = await ask(`${base}/v2/`);
    expect([ping.status, ping.header('www-authenticate')]).toMatchObject([
      401,
      expect.stringContaining(`"${base}/token"`),
    ]);
    const pulled = await pull({ base, login: { user: 'alice', password: '' } }, 'team/app', 'v1').catch(
      (error) => error,
    );
    expect(String(pulled)).toMatch(/401|403/);
    const anonymous = await pull({ base }, 'team/app', 'v1');
    expect(anonymous.digest).toBe(image.manifest.digest);
  });

  test('opens pulls beside users who log in, and pushes to nobody', async () => {
    const { base, image } = await scene({ HTPASSWD, ACCESS: 'alice: all **; *: pull **' });
    expect((await pull({ base: `${base}/${SECRET}` }, 'team/app', 'v1')).digest).toBe(image.manifest.digest);
    expect((await ask(`${base}/v2/${MANIFEST}`, { headers: login('alice') })).status).toBe(200);
    expect((await ask(`${base}/v2/${MANIFEST}`)).status).toBe(401);
    const pushed = await ask(`${base}/${SECRET}/v2/team/new/blobs/uploads/`, { method: 'POST' });
    expect(pushed.status).toBe(401);
  });
});
