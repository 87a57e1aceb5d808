import { randomBytes } from 'node:crypto';
import { readConfig } from '../src/core/config';
import type { ConfigError } from '../src/core/config-error';
import { runtimes } from './runtimes';
import { ask, basic } from './upstream/client';
import { pull } from './upstream/docker';
import { smallImage, stageFor } from './upstream/scene';

const SECRET = randomBytes(12).toString('hex');
const LOGIN = { REGISTRY_USERNAME: 'robot', REGISTRY_PASSWORD: SECRET, ANONYMOUS_PULL: 'true' };

describe('a login of the proxy’s own', () => {
  const faults = (env: Record<string, string>) => {
    try {
      readConfig(env);
      return [];
    } catch (error) {
      return (error as ConfigError).faults;
    }
  };

  test('does not open private images by accident: the start fails and names the word', () => {
    const { ANONYMOUS_PULL, ...login } = LOGIN;
    expect(faults(login)).toEqual([expect.stringContaining('ANONYMOUS_PULL=true')]);
    expect(faults({ ...login, ANONYMOUS_PULL: 'false' })).toHaveLength(1);
    expect(faults(LOGIN)).toEqual([]);
    expect(faults({ ...login, ALLOW_CLIENTS: 'private' })).toEqual([]);
  });

  test.each(['REGISTRY_USERNAME', 'REGISTRY_PASSWORD'])('is whole or not at all (%s alone)', (name) => {
    const found = faults({ [name]: SECRET, ANONYMOUS_PULL: 'true' });
    expect(found).toEqual([expect.stringContaining('set both or neither')]);
    expect(found.join()).not.toContain(SECRET);
  });
});

describe.each(runtimes)('with the $name runtime, a proxy with a login of its own', (runtime) => {
  const stage = stageFor(runtime);

  afterEach(async () => expect(await stage.close()).toEqual([]));

  test('pulls private images for everybody, with one token for all, and logs no secret', async () => {
    const tokens = await stage.tokens({ users: { robot: SECRET }, privateRepositories: ['team/app'] });
    const registry = await stage.registry({ auth: { kind: 'bearer', tokens } });
    const image = smallImage(registry);
    const proxy = await stage.proxy(registry, LOGIN);
    const pulled = await Promise.all(Array.from({ length: 5 }, () => pull({ base: proxy.url }, 'team/app', 'v1')));
    expect(new Set(pulled.map(({ digest }) => digest))).toEqual(new Set([image.manifest.digest]));
    expect(tokens.asked.map(({ account, scopes }) => [account, scopes])).toEqual([
      ['robot', ['repository:team/app:pull']],
    ]);
    expect(registry.requests.filter((each) => each.header('authorization')?.startsWith('Basic'))).toEqual([]);
    expect(JSON.stringify(proxy.logs())).not.toContain(SECRET);
  });

  test('logs in at the registry itself where that has no token server, and remembers it', async () => {
    const registry = await stage.registry({ auth: { kind: 'basic', users: { robot: SECRET } } });
    smallImage(registry);
    const proxy = await stage.proxy(registry, LOGIN);
    const url = `${proxy.url}/v2/team/app/manifests/v1`;
    expect([(await ask(url)).status, (await ask(url)).status]).toEqual([200, 200]);
    expect(registry.requests.map(({ status }) => status)).toEqual([401, 200, 200]);
  });

  test('says 401 once where its login is refused, and asks nobody for another', async () => {
    const registry = await stage.registry({ auth: { kind: 'basic', users: { robot: 'other' } } });
    const proxy = await stage.proxy(registry, LOGIN);
    const reply = await ask(`${proxy.url}/v2/team/app/manifests/v1`);
    expect([reply.status, reply.header('www-authenticate'), registry.requests.length]).toEqual([401, undefined, 2]);
  });

  test('shows its login to no storage host, and carries nobody else’s', async () => {
    const tokens = await stage.tokens({ users: { robot: SECRET }, privateRepositories: ['team/app'] });
    const registry = await stage.registry({ auth: { kind: 'bearer', tokens } });
    const cdn = await stage.cdn({ registry });
    registry.options.delivery = { kind: 'cdn', cdn };
    const image = smallImage(registry);
    const proxy = await stage.proxy(registry, { ...LOGIN, HANDLE_REDIRECT: 'true' });
    const [layer] = image.layers;
    const reply = await ask(`${proxy.url}/v2/team/app/blobs/${layer?.digest}`, {
      headers: { authorization: basic('alice', 'stolen') },
    });
    expect([reply.status, reply.body.equals(layer?.bytes as Buffer)]).toEqual([200, true]);
    expect(cdn.requests.map((each) => each.header('authorization'))).toEqual([undefined]);
    const login = await ask(`${proxy.url}/token?service=x`, { headers: { authorization: basic('alice', 'stolen') } });
    expect(login.status).toBe(404);
    expect(tokens.asked.map(({ account }) => account)).toEqual(['robot']);
  });

  test.each(['Basic', 'Bearer'])(
    'gives a storage host that asks for one (%s) neither its login nor a token got by it',
    async (scheme) => {
      const tokens = await stage.tokens({ users: { robot: SECRET }, privateRepositories: ['team/app'] });
      const registry = await stage.registry({ auth: { kind: 'bearer', tokens } });
      const [layer] = smallImage(registry).layers;
      const storage = await stage.registry();
      const realm = `${tokens.url}/token`;
      const scope = 'repository:team/app:pull';
      const challenge =
        scheme === 'Basic' ? 'Basic realm="x"' : `Bearer realm="${realm}",service="registry.test",scope="${scope}"`;
      const proxy = await stage.proxy(registry, { ...LOGIN, HANDLE_REDIRECT: 'true' });
      const url = `${proxy.url}/v2/team/app/blobs/${layer?.digest}`;
      expect((await ask(url)).status).toBe(200);
      registry.answer(/blobs/, 307, { location: `${storage.url}/storage/x` }, '');
      storage.answer(/storage/, 401, { 'www-authenticate': challenge }, '{}');
      expect((await ask(url)).status).not.toBe(200);
      const shown = storage.requests.map((each) => each.header('authorization') ?? '');
      const kept = registry.requests.flatMap((each) => each.header('authorization') ?? []);
      expect([shown.length > 0, kept.length > 0]).toEqual([true, true]);
      expect(shown.filter((each) => each.startsWith('Basic') || kept.includes(each))).toEqual([]);
      expect(tokens.asked.slice(1).filter(({ account }) => account === 'robot')).toEqual([]);
    },
  );

  test('writes nothing by its login, and looks at nobody’s uploads', async () => {
    const registry = await stage.registry({ auth: { kind: 'basic', users: { robot: SECRET } } });
    const proxy = await stage.proxy(registry, LOGIN);
    const path = `${proxy.url}/v2/team/app`;
    const replies = await Promise.all([
      ask(`${path}/blobs/uploads/`, { method: 'POST' }),
      ask(`${path}/manifests/v1`, { method: 'PUT', body: '{}' }),
      ask(`${path}/manifests/v1`, { method: 'DELETE' }),
      ask(`${path}/blobs/uploads/abc`),
      ask(`${path}/blobs/uploads/~${Buffer.from('/artifacts-uploads/1').toString('base64url')}`),
      ask(`${path}/blobs/uploads/~${Buffer.from('/admin/uploads/1').toString('base64url')}`),
    ]);
    expect(replies.map(({ status }) => status)).toEqual([405, 405, 405, 405, 405, 400]);
    expect(registry.requests).toEqual([]);
  });

  test('keeps its login from a token server of another domain', async () => {
    const registry = await stage.registry();
    const challenge = 'Bearer realm="https://tokens.example.net/token",service="s"';
    registry.answer(/manifests/, 401, { 'www-authenticate': challenge }, '{}');
    const proxy = await stage.proxy(registry, LOGIN);
    const reply = await ask(`${proxy.url}/v2/team/app/manifests/v1`);
    expect([reply.status, reply.json()]).toMatchObject([403, { errors: [{ code: 'DENIED' }] }]);
    expect(reply.text).not.toContain(SECRET);
  });

  test('continues a private blob with a new token when the old one has run out in the middle', async () => {
    const tokens = await stage.tokens({ users: { robot: SECRET }, privateRepositories: ['team/app'] });
    const registry = await stage.registry({ auth: { kind: 'bearer', tokens } });
    const image = smallImage(registry, 'team/app', 'v1', [3_000_000]);
    const proxy = await stage.proxy(registry, LOGIN);
    const [layer] = image.layers;
    await ask(`${proxy.url}/v2/team/app/manifests/v1`);
    registry.fail(/blobs/, { kind: 'cut', after: 1_000_000 });
    const pulling = ask(`${proxy.url}/v2/team/app/blobs/${layer?.digest}`);
    setTimeout(() => tokens.expireAll(), 1);
    const reply = await pulling;
    expect([reply.ending, reply.body.equals(layer?.bytes as Buffer)]).toEqual(['clean', true]);
  });
});
