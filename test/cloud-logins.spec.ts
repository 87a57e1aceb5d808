import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from '../src/core/config';
import { SettingFiles } from '../src/node/files';
import { nodeOnly, runtimes } from './runtimes';
import { createAuthority } from './upstream/certificates';
import { ask } from './upstream/client';
import { pull, push } from './upstream/docker';
import { makeImage } from './upstream/image';
import { pretendNames } from './upstream/names';
import { smallImage, stageFor } from './upstream/scene';

/** Logins that the cloud gives, one after the other; an Error is a refusal. test/shell/cloud-login.test.ts asks real stand-ins. */
let given: (string | Error)[] = [];
let asked = 0;
let lifetime = 43_200;

const mocked = { isReal: false };

jest.mock('../src/node/cloud-login', () => ({
  fetchCloudLogin: async (...all: unknown[]) => {
    if (mocked.isReal) return Reflect.apply(jest.requireActual('../src/node/cloud-login').fetchCloudLogin, null, all);
    asked += 1;
    const next = given.shift() ?? new Error('asked too often');
    if (next instanceof Error) throw next;
    return JSON.stringify({ username: 'AWS', password: next, expires_in: lifetime });
  },
}));

beforeEach(() => {
  given = [];
  asked = 0;
  lifetime = 43_200;
});

const KEYS = { accessKeyId: 'AKID', secretAccessKey: randomUUID() };

describe.each(nodeOnly)('with the $name runtime, a registry whose login comes from its cloud', (runtime) => {
  const stage = stageFor(runtime);

  afterEach(async () => expect(await stage.close()).toEqual([]));

  async function scene(auth: 'basic' | 'bearer', env: Record<string, string> = {}) {
    const users: Record<string, string> = {};
    const tokens = await stage.tokens({ users, privateRepositories: ['team/app', 'team/new'] });
    const registry = await stage.registry({
      auth: auth === 'basic' ? { kind: 'basic', users } : { kind: 'bearer', tokens },
    });
    const image = smallImage(registry);
    const cloud = { type: 'aws', region: 'eu-central-1', ...KEYS };
    const document = { 'ecr.test': { url: registry.url, default: true, cloud } };
    const settings: Record<string, string> = { REGISTRIES: JSON.stringify(document), ANONYMOUS_PULL: 'true', ...env };
    const proxy = await stage.proxy('', settings);
    /** From now on the registry takes this one, and the cloud has it. */
    const renew = (password: string = randomUUID()) => {
      users.AWS = password;
      given.push(password);
      return password;
    };
    return { registry, tokens, image, proxy, renew, base: proxy.url };
  }

  const MANIFEST = '/v2/team/app/manifests/v1';

  test.each(['basic', 'bearer'] as const)('is pulled from by one login for all (%s)', async (auth) => {
    const { base, image, renew, proxy } = await scene(auth);
    const password = renew();
    const pulled = await Promise.all(Array.from({ length: 5 }, () => pull({ base }, 'team/app', 'v1')));
    expect(new Set(pulled.map(({ digest }) => digest))).toEqual(new Set([image.manifest.digest]));
    expect(asked).toBe(1);
    const logged = JSON.stringify(proxy.logs());
    expect([logged.includes(password), logged.includes(KEYS.secretAccessKey)]).toEqual([false, false]);
  });

  test('whose login was taken back is asked once more, by a new one', async () => {
    const { base, renew } = await scene('basic');
    renew();
    expect((await ask(base + MANIFEST)).status).toBe(200);
    renew();
    expect([(await ask(base + MANIFEST)).status, asked]).toEqual([200, 2]);
  });

  test('that takes no login of its cloud is not asked for ever', async () => {
    const { base, registry } = await scene('basic');
    given.push(randomUUID(), randomUUID());
    const reply = await ask(base + MANIFEST);
    expect([reply.status, reply.header('www-authenticate'), asked]).toEqual([401, undefined, 1]);
    expect(registry.requests.length).toBe(2);
  });

  test.each(['basic', 'bearer'] as const)(
    'whose cloud gives logins that are over at once is not asked for ever (%s)',
    async (auth) => {
      const { base } = await scene(auth);
      lifetime = 1e-9;
      given.push(...Array.from({ length: 50 }, () => randomUUID()));
      expect((await ask(base + MANIFEST)).status).toBe(401);
      expect(asked).toBe(1);
    },
  );

  test('whose cloud refuses is 502, and only the log says why', async () => {
    const { base, proxy, renew } = await scene('basic');
    given.push(new Error('AccessDenied: nobody'));
    const reply = await ask(base + MANIFEST);
    expect([reply.status, reply.json()]).toMatchObject([502, { errors: [{ code: 'UNAVAILABLE' }] }]);
    expect(reply.text).not.toContain('AccessDenied');
    expect(JSON.stringify(proxy.logs())).toContain('AccessDenied: nobody');
    renew();
    expect((await ask(base + MANIFEST)).status).toBe(200);
  });

  test.each(['basic', 'bearer'] as const)('is pushed to by it, where a user may push (%s)', async (auth) => {
    const { base, registry, renew } = await scene(auth, await users());
    renew();
    await push({ base, login: USER }, 'team/new', 'v2', makeImage([900]));
    expect(registry.manifest('team/new', 'v2')).toBeDefined();
    expect(asked).toBe(1);
  });

  const USER = { user: 'alice', password: randomUUID() };
  async function users(): Promise<Record<string, string>> {
    const { hashSync } = await import('bcryptjs');
    return { HTPASSWD: `alice:${hashSync(USER.password, 4)}`, ACCESS: 'alice: push team/**', ANONYMOUS_PULL: '' };
  }
});

describe('GOOGLE_APPLICATION_CREDENTIALS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'google-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  function keyFile(): string {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const path = join(folder, `${randomUUID()}.json`);
    const key = {
      type: 'service_account',
      client_email: 'robot@project.iam.gserviceaccount.com',
      private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
      token_uri: 'https://oauth2.googleapis.com/token',
    };
    writeFileSync(path, JSON.stringify(key));
    return path;
  }
  const read = (env: Record<string, string>) => readConfig(env, [], {}, new SettingFiles());

  test.each(['gcr.io', 'eu.gcr.io', 'us-docker.pkg.dev'])('is the account at %s', (backend) => {
    const env = { REGISTRY_BACKEND: backend, GOOGLE_APPLICATION_CREDENTIALS: keyFile(), ANONYMOUS_PULL: 'true' };
    expect(read(env).upstreams[0]).toMatchObject({
      auth: 'proxy',
      accounts: [{ kind: 'cloud', account: { kind: 'google-key', email: 'robot@project.iam.gserviceaccount.com' } }],
    });
  });

  test('needs the word that opens private images', () => {
    expect(() => read({ REGISTRY_BACKEND: 'gcr.io', GOOGLE_APPLICATION_CREDENTIALS: keyFile() })).toThrow(
      'ANONYMOUS_PULL=true',
    );
  });

  test('is refused where it is no key', () => {
    const path = join(folder, 'other.json');
    writeFileSync(path, '{"type": "external_account"}');
    const env = { REGISTRY_BACKEND: 'gcr.io', GOOGLE_APPLICATION_CREDENTIALS: path, ANONYMOUS_PULL: 'true' };
    expect(() => read(env)).toThrow(/GOOGLE_APPLICATION_CREDENTIALS.*expected service_account or authorized_user/);
  });

  test('that is meant for something else is not used, and that is said', () => {
    const { notes, upstreams } = read({ GOOGLE_APPLICATION_CREDENTIALS: '/no/such/file' });
    expect([notes, upstreams[0].auth]).toEqual([
      ['GOOGLE_APPLICATION_CREDENTIALS is not used: registry-1.docker.io is no registry of Google'],
      'relay',
    ]);
  });
});

describe.each(runtimes)('with the $name runtime, a cloud that is asked for a login', (runtime) => {
  const stage = stageFor(runtime);

  afterEach(async () => expect(await stage.close()).toEqual([]));

  test('answers a signed request over TLS, once for many pulls', async () => {
    mocked.isReal = true;
    const authority = await createAuthority();
    const password = randomUUID();
    const host = 'api.ecr.eu-central-1.amazonaws.com';
    const seen: string[] = [];
    const cloud = createServer(await authority.issue([host]), (req, res) => {
      seen.push(`${req.method} ${req.headers['x-amz-target']} ${req.headers.authorization?.split(' ')[0]}`);
      const authorizationToken = Buffer.from(`AWS:${password}`).toString('base64');
      const expiresAt = Date.now() / 1000 + 43_200;
      res.setHeader('content-type', 'application/x-amz-json-1.1');
      res.end(JSON.stringify({ authorizationData: [{ authorizationToken, expiresAt }] }));
    }).listen(0, '127.0.0.1');
    await once(cloud, 'listening');
    const { port } = cloud.address() as AddressInfo;
    const forget = pretendNames({ [host]: { address: '93.184.216.34', port } }, authority.cert);
    try {
      const registry = await stage.registry({ auth: { kind: 'basic', users: { AWS: password } } });
      const image = smallImage(registry);
      const account = { type: 'aws', region: 'eu-central-1', ...KEYS };
      const document = { 'ecr.test': { url: registry.url, default: true, cloud: account } };
      const proxy = await stage.proxy('', { REGISTRIES: JSON.stringify(document), ANONYMOUS_PULL: 'true' });
      const pulled = await Promise.all([1, 2, 3].map(() => pull({ base: proxy.url }, 'team/app', 'v1')));
      expect(pulled.map(({ digest }) => digest)).toEqual(Array(3).fill(image.manifest.digest));
      expect(seen).toEqual(['POST AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken AWS4-HMAC-SHA256']);
      expect(JSON.stringify(proxy.logs())).not.toContain(password);
    } finally {
      forget();
      cloud.close();
      cloud.closeAllConnections();
    }
  });
});
