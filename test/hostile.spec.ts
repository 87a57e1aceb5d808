import http from 'node:http';
import { runtimes, unless } from './runtimes';
import { type Authority, createAuthority } from './upstream/certificates';
import { ask, basic, exchangeRaw, open } from './upstream/client';
import { authorize, parseChallenge, pull, push } from './upstream/docker';
import { contentOf, makeImage, payload, sha256 } from './upstream/image';
import { pretendNames } from './upstream/names';
import type { Registry, RegistryOptions } from './upstream/registry';
import { smallImage, stageFor, USERS, until } from './upstream/scene';

/** Each test is named after the harm that must not happen. The upstreams accuse; see test/upstream. */

const ALICE = { user: 'alice', password: USERS.alice };
const FOLLOW = { HANDLE_REDIRECT: 'true' };

/** Addresses that are public as far as anybody can tell, and reached by nobody here. */
const PUBLIC = ['93.184.216.34', '151.101.1.69', '104.16.99.1'] as const;

describe.each(runtimes)('with the $name runtime', (runtime) => {
  const stage = stageFor(runtime);
  let forgetNames: (() => void) | undefined;

  afterEach(async () => {
    const accusations = await stage.close();
    forgetNames?.();
    forgetNames = undefined;
    expect(accusations).toEqual([]);
  });

  async function simple(options: RegistryOptions = {}, env: Record<string, string> = {}) {
    const registry = await stage.registry(options);
    const image = smallImage(registry);
    const proxy = await stage.proxy(registry, env);
    return { registry, image, proxy, app: `${proxy.url}/v2/team/app` };
  }

  async function guarded(env: Record<string, string> = {}) {
    const tokens = await stage.tokens({ privateRepositories: ['team/secret'] });
    const registry = await stage.registry({ auth: { kind: 'bearer', tokens } });
    const image = smallImage(registry, 'team/secret');
    const proxy = await stage.proxy(registry, env);
    return { tokens, registry, image, proxy };
  }

  describe('a credential that leaks', () => {
    const SECRETS = {
      cookie: 'session=SECRET',
      'x-fc-access-key-id': 'SECRET',
      'x-fc-access-key-secret': 'SECRET',
      'x-fc-security-token': 'SECRET',
      'x-scf-secret-key': 'SECRET',
      'x-api-key': 'SECRET',
      'x-amz-security-token': 'SECRET',
      'proxy-authorization': 'Basic SECRET',
      'x-forwarded-for': '203.0.113.9',
      'x-forwarded-user': 'SECRET',
      'x-real-ip': '203.0.113.9',
      'cf-connecting-ip': '203.0.113.9',
      'true-client-ip': '203.0.113.9',
      forwarded: 'for=203.0.113.9',
      referer: 'https://intranet.example/SECRET',
    };

    /** Everything an upstream was told, for a search. */
    const told = (upstream: { requests: { target: string; rawHeaders: [string, string][] }[] }) =>
      JSON.stringify(upstream.requests.map(({ target, rawHeaders }) => [target, rawHeaders]));

    test("the platform's keys, cookies and addresses, at the registry, the CDN or the token server", async () => {
      const { registry, proxy, tokens, image } = await guarded(FOLLOW);
      const cdn = await stage.cdn({ registry });
      registry.options.delivery = { kind: 'cdn', cdn, detour: { kind: 'hops', count: 2 } };
      const token = await authorize({ base: proxy.url, login: ALICE }, 'repository:team/secret:pull,push');
      const headers = { ...SECRETS, ...token };
      const blob = `/v2/team/secret/blobs/${image.config.digest}`;
      for (const [method, path] of [
        ['GET', '/v2/'],
        ['GET', '/v2/team/secret/manifests/v1'],
        ['GET', blob],
        ['HEAD', blob],
        ['POST', '/v2/team/secret/blobs/uploads/'],
      ] as const) {
        const reply = await ask(`${proxy.url}${path}`, { method, headers });
        expect(reply.status).toBeLessThan(300);
      }
      await ask(`${proxy.url}/token?scope=repository:team/app:pull`, { headers: SECRETS });
      for (const upstream of [registry, cdn, tokens]) {
        expect(upstream.requests.length).toBeGreaterThan(0);
        expect(told(upstream)).not.toMatch(/SECRET|203\.0\.113\.9/);
      }
    });

    test('cookies and tokens, at a page of the backend', async () => {
      const { registry, proxy } = await simple();
      const reply = await ask(`${proxy.url}/files/x`, { headers: { ...SECRETS, authorization: 'Bearer SECRET' } });
      expect(reply.status).toBe(200);
      expect(told(registry)).not.toMatch(/SECRET|203\.0\.113\.9/);
    });

    test.each([301, 302, 303, 307, 308])("the client's token, at the host that a %d leads to", async (status) => {
      const { registry, proxy, image } = await guarded(FOLLOW);
      const cdn = await stage.cdn({ registry });
      registry.options.delivery = { kind: 'cdn', cdn, status };
      const headers = await authorize({ base: proxy.url, login: ALICE }, 'repository:team/secret:pull');
      const reply = await ask(`${proxy.url}/v2/team/secret/blobs/${image.config.digest}`, { headers });
      expect(sha256(reply.body)).toBe(image.config.digest);
      expect(told(cdn)).not.toContain('secret-token');
    });

    test("the client's token, at the CDN, when a cut blob is continued", async () => {
      const { registry, proxy, image } = await guarded(FOLLOW);
      const cdn = await stage.cdn({ registry });
      registry.options.delivery = { kind: 'cdn', cdn };
      cdn.fail(/blobs/, { kind: 'cut', after: 1000 });
      const headers = await authorize({ base: proxy.url, login: ALICE }, 'repository:team/secret:pull');
      const layer = image.layers[0]?.digest as string;
      const reply = await ask(`${proxy.url}/v2/team/secret/blobs/${layer}`, { headers });
      expect(sha256(reply.body)).toBe(layer);
      expect(cdn.requests).toHaveLength(2);
    });

    test("the registry's own cookies and policies, at the client", async () => {
      const { registry, app } = await simple();
      registry.answer(
        /tags/,
        200,
        {
          'set-cookie': ['a=SECRET', 'b=SECRET'],
          'alt-svc': 'h3="evil.example:443"',
          'clear-site-data': '"*"',
          'keep-alive': 'timeout=5',
          'proxy-authenticate': 'Basic realm="x"',
          connection: 'docker-internal',
          'docker-internal': 'SECRET',
          'access-control-allow-origin': 'https://evil.example',
          'content-type': 'application/json',
        },
        '{}',
      );
      const reply = await ask(`${app}/tags/list`);
      expect([reply.status, reply.text]).toEqual([200, '{}']);
      expect(JSON.stringify(reply.headers)).not.toMatch(/SECRET|evil|clear-site|proxy-auth/);
    });

    test('a login, at a token server of another domain that the registry names', async () => {
      const authority = await createAuthority();
      const foreign = await stage.tokens({ foreign: true, tls: await authority.issue(['auth.evil.example.net']) });
      const { registry, proxy } = await publicRegistry(authority, { 'auth.evil.example.net': foreign.port });
      const realm = 'https://auth.evil.example.net/token';
      registry.options.auth = {
        kind: 'bearer',
        tokens: foreign,
        challenges: (scope) => [`Bearer realm="${realm}",service="${foreign.service}",scope="${scope}"`],
      };
      expect((await ask(`${proxy.url}/v2/team/app/manifests/v1`)).status).toBe(401);
      const login = { authorization: basic(ALICE.user, ALICE.password) };
      const refused = await ask(`${proxy.url}/token?scope=repository:team/app:pull`, { headers: login });
      expect(refused.status).toBeGreaterThanOrEqual(400);
      expect(refused.status).toBeLessThan(500);
      for (const fields of [
        { grant_type: 'password', username: 'alice', password: ALICE.password },
        { grant_type: 'refresh_token', refresh_token: 'secret-refresh-1' },
      ]) {
        const headers = { 'content-type': 'application/x-www-form-urlencoded' };
        const body = new URLSearchParams({ ...fields, scope: 'repository:team/app:pull' } as never).toString();
        expect((await ask(`${proxy.url}/token`, { method: 'POST', headers, body })).status).toBeGreaterThanOrEqual(400);
      }
      const anonymous = await ask(`${proxy.url}/token?scope=repository:team/app:pull`);
      expect(anonymous.status).toBe(200);
      expect(foreign.asked).toHaveLength(1);
    });

    test('a login, at a stranger that the token server redirects to', async () => {
      const { proxy, tokens } = await guarded();
      const stranger = await stage.tokens({ foreign: true });
      tokens.fail(/GET/, { kind: 'status', status: 307, headers: { location: stranger.realm } });
      const headers = { authorization: basic(ALICE.user, ALICE.password) };
      await ask(`${proxy.url}/token?scope=repository:team/secret:pull`, { headers });
      expect(stranger.requests).toHaveLength(0);
    });

    test('a login, through a realm that a stranger put into X-Forwarded-Host', async () => {
      const tokens = await stage.tokens();
      const registry = await stage.registry({ auth: { kind: 'bearer', tokens } });
      const proxy = await stage.proxy(registry, { TRUST_PROXY: '10.0.0.0/8' });
      const headers = { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https', 'x-forwarded-port': '444' };
      const { realm, service } = parseChallenge(
        (await ask(`${proxy.url}/v2/`, { headers })).header('www-authenticate') as string,
      );
      expect([realm, service]).toEqual([`${proxy.url}/token`, `127.0.0.1:${proxy.port}`]);
    });

    unless(runtime, 'request line').each([
      'evil.example", realm="https://evil.example',
      'evil.example/path',
      'user@evil.example',
      'a b',
      '',
    ])('a login, through a realm made of the Host %j', async (host) => {
      const tokens = await stage.tokens();
      const registry = await stage.registry({ auth: { kind: 'bearer', tokens } });
      const proxy = await stage.proxy(registry);
      const answer = await exchangeRaw(proxy.port, `GET /v2/ HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      expect(answer).not.toContain('realm=');
    });

    test('anything, in a log', async () => {
      const { registry, proxy, tokens, image } = await guarded({
        ...FOLLOW,
        LOG_LEVEL: 'debug',
        RETRY_TIMEOUT: '200ms',
      });
      const cdn = await stage.cdn({ registry });
      registry.options.delivery = { kind: 'cdn', cdn };
      registry.options.uploads = 'state';
      const login = { authorization: basic(ALICE.user, ALICE.password) };
      const token = await authorize({ base: proxy.url, login: ALICE }, 'repository:team/secret:pull,push');
      const blob = `${proxy.url}/v2/team/secret/blobs/${image.layers[0]?.digest}`;
      const bodies: string[] = [];
      const note = async (reply: ReturnType<typeof ask>) => bodies.push((await reply).text);

      await push({ base: proxy.url, login: ALICE }, 'team/secret', 'v2', makeImage([2_000], 'oci', 5), 500);
      registry.options.uploads = 'pkg-dev';
      await push({ base: proxy.url, login: ALICE }, 'team/secret', 'v3', makeImage([2_000], 'oci', 6), 500);
      await pull({ base: proxy.url, login: ALICE }, 'team/secret', 'v1');
      await ask(`${proxy.url}/token?account=alice&offline_token=true`, { headers: login });
      const form = new URLSearchParams({ grant_type: 'password', username: 'alice', password: ALICE.password });
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      await ask(`${proxy.url}/token`, { method: 'POST', headers, body: form.toString() });
      await note(ask(`${proxy.url}/token?password=${ALICE.password}&refresh_token=secret-refresh-9`));
      await note(
        ask(`${proxy.url}/v2/team/secret/tags/list?token=secret-token-9&X-Amz-Signature=secret-sig`, {
          headers: token,
        }),
      );
      cdn.fail(/./, { kind: 'status', status: 403 }, 20);
      await note(ask(blob, { headers: token }));
      registry.options.delivery = { kind: 'cdn', cdn, detour: { kind: 'loop' } };
      await note(ask(blob, { headers: token }));
      registry.options.delivery = { kind: 'cdn', cdn };
      await cdn.stop();
      await note(ask(blob, { headers: token }));
      tokens.fail(/./, { kind: 'refuse' }, 20);
      await note(ask(`${proxy.url}/token?scope=x`, { headers: login }));
      await note(ask(proxy.url, { target: `http://alice:${USERS.alice}@evil.example/v2/` }));
      await note(ask(proxy.url, { target: '/v2/BAD/manifests/v1?token=secret-token-9' }));
      await until(() => JSON.stringify(proxy.logs()).includes('BAD'));

      const logged = JSON.stringify(proxy.logs());
      expect(proxy.logs().length).toBeGreaterThan(15);
      const secrets = [
        /secret-token/,
        /secret-refresh/,
        new RegExp(USERS.alice),
        /X-Amz-Signature=[^*R]/,
        /_state=[^*R]/,
        /secret-sig/,
      ];
      secrets.push(new RegExp(login.authorization.slice(6)), /AKIA/, /uploads\/~/);
      for (const secret of secrets) {
        expect(logged).not.toMatch(secret);
        if (!secret.source.includes('token')) expect(bodies.join('\n')).not.toMatch(secret);
      }
    });
  });

  /** A TLS registry under a public name; the proxy knows nothing of loopback. Other names lead to these local ports. */
  async function publicRegistry(
    authority: Authority,
    others: Record<string, number> = {},
    env: Record<string, string> = {},
    options: RegistryOptions = {},
  ) {
    const tls = await authority.issue(['registry.example.com']);
    const registry = await stage.registry({ tls, host: 'registry.example.com', ...options });
    const image = smallImage(registry);
    const names = { 'registry.example.com': registry.port, ...others };
    forgetNames = pretendNames(
      Object.fromEntries(
        Object.entries(names).map(([name, port], i) => [name, { address: PUBLIC[i % 3] as string, port }]),
      ),
      authority.cert,
    );
    const proxy = await stage.proxy('https://registry.example.com', { RETRY_TIMEOUT: '300ms', ...env });
    return { registry, proxy, image };
  }

  describe('a request to a place that was never meant', () => {
    let authority: Authority;

    beforeAll(async () => {
      authority = await createAuthority();
    });

    /** A server in the private network that nobody may be led to. */
    async function victim(): Promise<Registry> {
      const registry = await stage.registry();
      smallImage(registry);
      return registry;
    }

    test('first of all: without any setting, docker pull nginx works against Docker Hub', async () => {
      const tokens = await stage.tokens({
        service: 'registry.docker.io',
        tls: await authority.issue(['auth.docker.io']),
      });
      const challenges = (scope: string) => [
        `Bearer realm="https://auth.docker.io/token",service="registry.docker.io"${scope && `,scope="${scope}"`}`,
      ];
      const registry = await stage.registry({
        hub: true,
        host: 'registry-1.docker.io',
        tls: await authority.issue(['registry-1.docker.io']),
        auth: { kind: 'bearer', tokens, challenges },
      });
      const image = smallImage(registry, 'library/nginx', 'latest');
      const store = 'production.cloudflare.docker.com';
      const cdn = await stage.cdn({ registry, tls: await authority.issue([store]) });
      for (const { digest } of [image.config, ...image.layers]) {
        const { pathname, search } = new URL(cdn.link(digest));
        registry.answer(new RegExp(`GET .*${digest}`), 307, { location: `https://${store}${pathname}${search}` });
      }
      forgetNames = pretendNames(
        {
          'registry-1.docker.io': { address: PUBLIC[0], port: registry.port },
          'auth.docker.io': { address: PUBLIC[1], port: tokens.port },
          [store]: { address: PUBLIC[2], port: cdn.port },
        },
        authority.cert,
      );
      const proxy = await runtime.start(FOLLOW);
      try {
        const pulled = await pull({ base: proxy.url, login: ALICE, ns: 'docker.io' }, 'nginx', 'latest');
        expect(pulled.digest).toBe(image.manifest.digest);
      } finally {
        await proxy.stop();
      }
      expect(tokens.asked[0]).toMatchObject({ scopes: ['repository:library/nginx:pull'], account: 'alice' });
    });

    test.each([
      'http://127.0.0.1:PORT/x',
      'http://2130706433:PORT/x',
      'http://0x7f.0.0.1:PORT/x',
      'http://0177.0.0.1:PORT/x',
      'http://0.0.0.0:PORT/x',
      'http://[::1]:PORT/x',
      'http://[::ffff:127.0.0.1]:PORT/x',
      'http://localhost:PORT/x',
      'http://localhost.:PORT/x',
      'https://127.0.0.1:PORT/x',
      'https://10.0.0.1/x',
      'https://169.254.169.254/latest/meta-data/',
      'https://100.100.100.200/latest/meta-data/',
      'https://[fd00::1]/x',
      'https://metadata.google.internal/x',
      'https://user:password@registry.example.com/x',
      'ftp://registry.example.com/x',
      'file:///etc/passwd',
      'javascript:alert(1)',
    ])('in the private network, by a redirect to %s', expectNoVisit);

    unless(runtime, 'connect-time check')(
      'in the private network, by a redirect to a name whose DNS answers with an address of ours',
      () => expectNoVisit('https://rebound.example.org/x'),
    );

    async function expectNoVisit(location: string) {
      const prey = await victim();
      const { registry, proxy, image } = await publicRegistry(authority, {}, FOLLOW);
      forgetNames?.();
      forgetNames = pretendNames(
        {
          'registry.example.com': { address: PUBLIC[0], port: registry.port },
          // The DNS of a stranger may answer with an address of ours.
          'rebound.example.org': { address: '10.0.0.7', port: prey.port },
        },
        authority.cert,
      );
      registry.answer(/blobs/, 307, { location: location.replace('PORT', String(prey.port)) });
      const reply = await ask(`${proxy.url}/v2/team/app/blobs/${image.config.digest}`);
      expect(reply.status).toBe(502);
      expect(reply.json()).toMatchObject({ errors: [{ code: 'UNAVAILABLE' }] });
      expect(prey.requests).toHaveLength(0);
    }

    test('unless that is said to be meant', async () => {
      const prey = await victim();
      const { registry, proxy, image } = await publicRegistry(
        authority,
        {},
        { ...FOLLOW, ALLOW_PRIVATE_ADDRESSES: 'true' },
      );
      registry.answer(/blobs/, 307, { location: `${prey.url}/v2/team/app/blobs/${image.config.digest}` });
      const reply = await ask(`${proxy.url}/v2/team/app/blobs/${image.config.digest}`);
      expect([reply.status, prey.requests.length]).toEqual([200, 1]);
    });

    test.each(['http://127.0.0.1:PORT/token', 'https://10.0.0.1/token', 'https://localhost:PORT/token'])(
      'in the private network, by a token realm of %s',
      async (realm) => {
        const prey = await stage.tokens({ foreign: true });
        const { registry, proxy } = await publicRegistry(authority);
        registry.answer(/./, 401, {
          'www-authenticate': `Bearer realm="${realm.replace('PORT', String(prey.port))}",service="registry.test"`,
        });
        const headers = { authorization: basic(ALICE.user, ALICE.password) };
        expect((await ask(`${proxy.url}/token`, { headers })).status).toBeGreaterThanOrEqual(400);
        expect((await ask(`${proxy.url}/token`)).status).toBe(502);
        expect(prey.requests).toHaveLength(0);
      },
    );

    unless(runtime, 'connect-time check')('a backend whose name turns out to be a private address', async () => {
      const prey = await victim();
      forgetNames = pretendNames({ 'registry.example.org': { address: '192.168.1.5', port: prey.port } });
      const proxy = await stage.proxy('http://registry.example.org', { RETRY_TIMEOUT: '300ms' });
      const reply = await ask(`${proxy.url}/v2/team/app/manifests/v1`);
      expect([reply.status, prey.requests.length]).toEqual([502, 0]);
      expect(reply.text).toContain('ALLOW_PRIVATE_ADDRESSES');
    });

    test('over plain http, by a redirect of a registry that is reached by https', async () => {
      const store = await stage.registry({ host: 'store.example.com' });
      const { registry, proxy, image } = await publicRegistry(authority, { 'store.example.com': store.port }, FOLLOW);
      registry.answer(/blobs/, 307, { location: 'http://store.example.com/files/x' });
      expect((await ask(`${proxy.url}/v2/team/app/blobs/${image.config.digest}`)).status).toBe(502);
      expect(store.requests).toHaveLength(0);
    });

    test('with a login, at another host of the same domain over plain http', async () => {
      const tokens = await stage.tokens({ foreign: true });
      const { registry, proxy } = await publicRegistry(authority, { 'auth.example.com': tokens.port });
      registry.answer(/./, 401, {
        'www-authenticate': 'Bearer realm="http://auth.example.com/token",service="registry.test"',
      });
      const headers = { authorization: basic(ALICE.user, ALICE.password) };
      expect((await ask(`${proxy.url}/token`, { headers })).status).toBeGreaterThanOrEqual(400);
    });

    test('but a login does reach the own token server on another host of the domain', async () => {
      const tls = await authority.issue(['auth.example.com']);
      const tokens = await stage.tokens({ tls });
      const { registry, proxy } = await publicRegistry(authority, { 'auth.example.com': tokens.port });
      registry.answer(/./, 401, {
        'www-authenticate': 'Bearer realm="https://auth.example.com/token",service="registry.test"',
      });
      const headers = { authorization: basic(ALICE.user, ALICE.password) };
      expect((await ask(`${proxy.url}/token`, { headers })).status).toBe(200);
      expect(tokens.asked[0]?.account).toBe('alice');
    });

    test('a host whose certificate is made for another name', async () => {
      const { registry, proxy, image } = await publicRegistry(authority, {}, { ...FOLLOW, RETRY_TIMEOUT: '3s' });
      forgetNames?.();
      forgetNames = pretendNames(
        {
          'registry.example.com': { address: PUBLIC[0], port: registry.port },
          'store.example.com': { address: PUBLIC[1], port: registry.port },
        },
        authority.cert,
      );
      registry.answer(/blobs/, 307, { location: 'https://store.example.com/files/x' });
      expect((await ask(`${proxy.url}/v2/team/app/blobs/${image.config.digest}`)).status).toBe(502);
      expect(registry.requests.some(({ path }) => path.startsWith('/files'))).toBe(false);
    });

    unless(runtime, 'request line').each([
      'GET http://evil.example/v2/ HTTP/1.1',
      'GET https://evil.example/v2/team/app/manifests/v1 HTTP/1.1',
      'POST http://169.254.169.254/latest/api/token HTTP/1.1',
      'GET evil.example:443 HTTP/1.1',
    ])('as a forward proxy: %s', async (line) => {
      const { registry, proxy } = await simple();
      const answer = await exchangeRaw(proxy.port, `${line}\r\nHost: evil.example\r\nConnection: close\r\n\r\n`);
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      expect(registry.requests).toHaveLength(0);
    });

    test.each(['TRACE /v2/', 'PROPFIND /v2/', 'PURGE /v2/'])('by a method of others: %s', expectRefused);

    unless(runtime, 'request line').each(['CONNECT evil.example:443', 'TRACK /v2/'])(
      'by a method of others: %s',
      expectRefused,
    );

    async function expectRefused(line: string) {
      const { registry, proxy } = await simple();
      const request = `${line} HTTP/1.1\r\nHost: x\r\nX-Echo: SECRET\r\nConnection: close\r\n\r\n`;
      const answer = await exchangeRaw(proxy.port, request);
      expect(answer).toMatch(/^HTTP\/1\.1 40[05] /);
      if (/^(CONNECT|TRACE)/.test(line)) expect(answer).toMatch(/^HTTP\/1\.1 405 /);
      expect(answer).not.toContain('SECRET');
      expect(registry.requests).toHaveLength(0);
      expect((await ask(`${proxy.url}/v2/`)).status).toBe(200);
    }

    test('round and round, when the proxy is its own backend', async () => {
      const { registry, proxy } = await simple();
      const via = Array.from({ length: 6 }, () => '1.1 registry-proxy').join(', ');
      expect((await ask(`${proxy.url}/v2/`, { headers: { via } })).status).toBe(508);
      expect(registry.requests).toHaveLength(0);
      await ask(`${proxy.url}/v2/`, { headers: { via: '1.1 registry-proxy, 1.1 nginx' } });
      expect(registry.requests[0]?.header('via')?.match(/registry-proxy/g)).toHaveLength(2);
    });
  });

  describe('another path than the one that was checked', () => {
    test.each([
      '/v2/../secret',
      '/v2/team/../../secret/manifests/v1',
      '/v2/team/%2e%2e/secret/manifests/v1',
      '/v2/team/.%2E/secret/manifests/v1',
      '/v2/team/%252e%252e/secret/manifests/v1',
      '/v2/team/..%2fsecret/manifests/v1',
      '/v2/team%2fsecret/manifests/v1',
      '/v2//team/app/manifests/v1',
      '/v2/team//app/manifests/v1',
      '/v2/team/app//manifests/v1',
      '/v2/team/app/manifests//v1',
      '/v2/team/app/manifests/..',
      '/v2/team/app/manifests/v1/',
      '/v2/team/app/manifests/v1%00',
      '/v2/team/app/manifests/v1%0d%0aX-Evil:1',
      '/v2/team\\..\\secret/manifests/v1',
      '/v2/team/app/manifests/v1;jsessionid=1',
      '/v2/team/app/blobs/uploads/..',
      '//evil.example/v2/',
      '/V2/team/app/manifests/v1',
      '/files/%2e%2e/v2/team/secret/manifests/v1',
      '/files/..%2fsecret',
      '/\\evil.example/x',
    ])('%s', expectNowhere);

    unless(runtime, 'request line').each([
      '/v2/..',
      '/v2/team/app/../secret/manifests/v1',
      '/v2/team/./app/manifests/v1',
      '/v2/team/app/blobs/uploads/../../../secret/manifests/v1',
      '/files/../v2/team/secret/manifests/v1',
    ])('%s', expectNowhere);

    async function expectNowhere(target: string) {
      const { registry, proxy } = await simple({}, { DEFAULT_BACKEND_HOST: 'https://registry.invalid' });
      const headers = { authorization: 'Bearer SECRET' };
      const reply = await ask(proxy.url, { target, headers });
      expect(reply.status).toBeGreaterThanOrEqual(400);
      expect(registry.requests.map((request) => request.target)).toEqual([]);
      expect(reply.headers.some(([name]) => name === 'x-evil')).toBe(false);
    }

    const session = (path: string) => `~${Buffer.from(path).toString('base64url')}`;

    test.each([
      '/v2/team/secret/manifests/v1',
      '/v2/team/secret/blobs/uploads/x',
      '/v2/team/app-other/blobs/uploads/x',
      '/v2/team/app/blobs/uploads/../../../secret/manifests/v1',
      '/v2/team/app/blobs/uploads/%2e%2e/x',
      '/artifacts-uploads/../v2/team/secret/manifests/v1',
      '//evil.example/upload',
      'http://evil.example/upload',
      '/\\evil.example/upload',
      '/admin',
      '/x\r\nX-Evil: 1/upload',
    ])('in a made-up upload session: %s', async (path) => {
      const { registry, app } = await simple();
      for (const method of ['GET', 'PATCH', 'PUT', 'DELETE']) {
        const reply = await ask(`${app}/blobs/uploads/${session(path)}`, {
          method,
          headers: { authorization: 'Bearer t' },
        });
        expect(reply.status).toBeGreaterThanOrEqual(400);
      }
      expect(registry.requests).toHaveLength(0);
    });
  });

  describe('a request smuggled in the body of another', () => {
    const INNER = 'GET /v2/smuggled/app/manifests/v1 HTTP/1.1\r\nHost: x\r\n\r\n';
    const CHUNKED = `${INNER.length.toString(16)}\r\n${INNER}\r\n0\r\n\r\n`;
    const SIZE = `Content-Length: ${INNER.length}`;

    test.each([
      ['chunks on DELETE', 'DELETE /v2/team/app/manifests/v9', ['Transfer-Encoding: chunked'], CHUNKED],
      ['chunks on OPTIONS', 'OPTIONS /v2/team/app/manifests/v1', ['Transfer-Encoding: chunked'], CHUNKED],
      ['chunks on GET', 'GET /v2/team/app/manifests/v1', ['Transfer-Encoding: chunked'], CHUNKED],
      ['chunks on HEAD', 'HEAD /v2/team/app/manifests/v1', ['Transfer-Encoding: chunked'], CHUNKED],
      ['a length on GET', 'GET /v2/team/app/manifests/v1', [SIZE], INNER],
      ['a length on DELETE', 'DELETE /v2/team/app/manifests/v9', [SIZE], INNER],
      ['both framings', 'POST /v2/team/app/blobs/uploads/', ['Transfer-Encoding: chunked', SIZE], CHUNKED],
      [
        'both framings, other order',
        'POST /v2/team/app/blobs/uploads/',
        ['Content-Length: 5', 'Transfer-Encoding: chunked'],
        `0\r\n\r\n${INNER}`,
      ],
      ['two lengths', 'POST /v2/team/app/blobs/uploads/', ['Content-Length: 0', SIZE], INNER],
      ['a length with a sign', 'POST /v2/team/app/blobs/uploads/', [`Content-Length: +${INNER.length}`], INNER],
      [
        'a coding that is not the last',
        'POST /v2/team/app/blobs/uploads/',
        ['Transfer-Encoding: chunked, identity'],
        CHUNKED,
      ],
      ['a coding nobody knows', 'POST /v2/team/app/blobs/uploads/', ['Transfer-Encoding: xchunked'], CHUNKED],
      ['a blank before the colon', 'POST /v2/team/app/blobs/uploads/', ['Transfer-Encoding : chunked'], CHUNKED],
      ['a folded line', 'POST /v2/team/app/blobs/uploads/', ['Transfer-Encoding:', ' chunked'], CHUNKED],
      ['a length named by Connection', 'POST /v2/team/app/blobs/uploads/', [SIZE, 'Connection: content-length'], INNER],
      [
        'chunks named by Connection',
        'POST /v2/team/app/blobs/uploads/',
        ['Transfer-Encoding: chunked', 'Connection: transfer-encoding'],
        CHUNKED,
      ],
    ])('by %s', async (_, line, headers, body) => {
      const { registry, proxy } = await simple();
      // The registry's connection is warm: what is left over on it would be read as the next request.
      await ask(`${proxy.url}/v2/`);
      const host = `Host: 127.0.0.1:${proxy.port}`;
      await exchangeRaw(proxy.port, `${line} HTTP/1.1\r\n${[host, ...headers].join('\r\n')}\r\n\r\n${body}`, 250);
      expect((await ask(`${proxy.url}/v2/team/app/tags/list`)).status).toBe(200);
      // Behind a request without a body of its own, the inner one is a request of its own: refused by nobody, seen as such.
      const isOwnRequest = headers[0]?.startsWith('Content-Length: 5');
      if (!isOwnRequest) expect(registry.requests.map(({ path }) => path).join()).not.toContain('smuggled');
    });

    test('by a header with a line break in it', async () => {
      const { registry, app } = await simple();
      const reply = await ask(`${app}/tags/list?n=1%0d%0aX-Evil:%201&last=%0aX-Evil:%201`);
      expect(reply.status).toBeLessThan(500);
      expect(registry.requests.some(({ rawHeaders }) => rawHeaders.some(([name]) => /evil/i.test(name)))).toBe(false);
    });

    test('by hop-by-hop fields and those that Connection names', async () => {
      const { registry, proxy } = await simple();
      const fields = [
        'Connection: keep-alive, X-Hop, Accept',
        'X-Hop: 1',
        'Accept: text/plain',
        'Keep-Alive: timeout=5',
        'TE: trailers',
        'Trailer: X-Hop',
        'Upgrade: h2c',
        'HTTP2-Settings: AAMAAABkAAQAAP__',
        'Proxy-Connection: keep-alive',
        'Proxy-Authorization: Basic eA==',
      ];
      const host = `Host: 127.0.0.1:${proxy.port}`;
      await exchangeRaw(proxy.port, `GET /v2/ HTTP/1.1\r\n${[host, ...fields].join('\r\n')}\r\n\r\n`, 250);
      expect((await ask(`${proxy.url}/v2/`)).status).toBe(200);
      expect(registry.requests[0]?.header('accept')).toBeUndefined();
      for (const { rawHeaders } of registry.requests) {
        const names = rawHeaders.map(([name]) => name.toLowerCase());
        for (const name of [
          'x-hop',
          'te',
          'trailer',
          'upgrade',
          'http2-settings',
          'proxy-connection',
          'proxy-authorization',
        ]) {
          expect(names).not.toContain(name);
        }
      }
    });
  });

  describe('a server brought to its knees', () => {
    unless(runtime, 'request line')('by headers without end: 431', async () => {
      const { registry, proxy } = await simple();
      const huge = `GET /v2/ HTTP/1.1\r\nHost: x\r\nX-Big: ${'x'.repeat(40_000)}\r\n\r\n`;
      expect(await exchangeRaw(proxy.port, huge)).toMatch(/^HTTP\/1\.1 431 /);
      const many = `GET /v2/ HTTP/1.1\r\nHost: x\r\n${'A: b\r\n'.repeat(10_000)}\r\n`;
      expect(await exchangeRaw(proxy.port, many)).toMatch(/^HTTP\/1\.1 431 /);
      const long = `GET /v2/${'a'.repeat(40_000)} HTTP/1.1\r\nHost: x\r\n\r\n`;
      expect(await exchangeRaw(proxy.port, long)).toMatch(/^HTTP\/1\.1 (431|414) /);
      expect(registry.requests).toHaveLength(0);
      await until(() => proxy.logs().filter(({ status }) => status === 431).length >= 2);
      expect(proxy.logs().filter(({ msg, status }) => msg === 'request' && status === 431).length).toBeGreaterThan(1);
      expect((await ask(`${proxy.url}/v2/`)).status).toBe(200);
    });

    test.each([
      '\r\n\r\n\r\n',
      'GET\r\n\r\n',
      'GET /v2/ HTTP/9.9\r\n\r\n',
      'GET /v2/ HTTP/1.1\r\n\r\n',
      'GET /v2/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
      'GET /v2/\u0000 HTTP/1.1\r\nHost: a\r\n\r\n',
      'GET /v2/\u00e9 HTTP/1.1\r\nHost: a\r\n\r\n',
      'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003',
      'GET /v2/ HTTP/1.1\r\nHost: a\r\nX: \u0000\r\n\r\n',
      'GET /v2/ HTTP/1.1\r\nHost: a\r\n: empty\r\n\r\n',
    ])('by %j', async (bytes) => {
      const { proxy } = await simple();
      await exchangeRaw(proxy.port, Buffer.from(bytes, 'latin1'), 150);
      expect((await ask(`${proxy.url}/v2/`)).status).toBe(200);
    });

    unless(runtime, 'process')(
      'by heads that never end: the time for one is limited, outside a platform with a gateway of its own',
      async () => {
        const servers: http.Server[] = [];
        const real = http.createServer;
        const spy = jest.spyOn(http, 'createServer').mockImplementation(((...args: unknown[]) => {
          const server = Reflect.apply(real, http, args) as http.Server;
          servers.push(server);
          return server;
        }) as never);
        const registry = await stage.registry();
        servers.length = 0;
        const proxy = await stage.proxy(registry);
        spy.mockRestore();
        const limits = servers.map(({ headersTimeout }) => headersTimeout);
        expect(limits.length).toBeGreaterThan(0);
        for (const limit of limits) expect(limit > 0 && limit <= 60_000).toBe(true);
        const slow = Array.from({ length: 50 }, () =>
          exchangeRaw(proxy.port, 'GET /v2/ HTTP/1.1\r\nHost: x\r\nX-', 300),
        );
        expect((await ask(`${proxy.url}/v2/`)).status).toBe(200);
        await Promise.all(slow);
      },
    );

    test('by a reader who takes nothing: he is disconnected, and the upstream with him', async () => {
      const registry = await stage.registry();
      const blob = contentOf('application/octet-stream', payload(48 * 1024 * 1024));
      registry.blobs.set(blob.digest, blob.bytes);
      const proxy = await stage.proxy(registry, { CLIENT_TIMEOUT: '400ms' });
      const { response } = await open(`${proxy.url}/v2/team/app/blobs/${blob.digest}`);
      response.on('error', () => {});
      expect(await until(() => registry.requests[0]?.closedEarlyAt !== undefined, 5000)).toBe(true);
      response.destroy();
    });

    test('by a sender who stops in the middle: he is disconnected, it is not the registry that is blamed', async () => {
      const { registry, proxy } = await simple({}, { CLIENT_TIMEOUT: '400ms' });
      const begun = await ask(`${proxy.url}/v2/team/app/blobs/uploads/`, { method: 'POST' });
      const { pathname } = new URL(begun.header('location') as string);
      const head = `PATCH ${pathname} HTTP/1.1\r\nHost: 127.0.0.1:${proxy.port}\r\nContent-Length: 100000\r\n\r\nabc`;
      const startedAt = Date.now();
      const answer = await exchangeRaw(proxy.port, head, 5000);
      expect(await until(() => registry.requests[1]?.closed === true)).toBe(true);
      expect(answer).not.toMatch(/^HTTP\/1\.1 5/);
      expect(Date.now() - startedAt).toBeLessThan(4000);
    });

    test('by a token request without end: 413', async () => {
      const { proxy, tokens } = await guarded();
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      const body = Buffer.alloc(2_000_000, 'a=b&');
      const reply = await ask(`${proxy.url}/token`, { method: 'POST', headers, body });
      expect(reply.status).toBe(413);
      expect(tokens.asked).toHaveLength(0);
    });

    test('by a token document without end', async () => {
      const tokens = await stage.tokens();
      const other = await stage.registry({ auth: { kind: 'bearer', tokens } });
      const image = smallImage(other);
      const { registry, proxy } = await simple({}, FOLLOW);
      registry.answer(/manifests/, 307, { location: `${other.url}/v2/team/app/manifests/v1` });
      tokens.fail(/./, { kind: 'status', status: 200, body: JSON.stringify({ token: 'x'.repeat(20_000_000) }) }, 10);
      const reply = await ask(`${proxy.url}/v2/team/app/manifests/v1`);
      expect(reply.status).toBe(502);
      expect(reply.body.length).toBeLessThan(10_000);
      expect(image.manifest.digest).toBeDefined();
    });

    test.each([
      ['no JSON', '<html>'],
      ['no object', '[]'],
      ['no token in it', '{}'],
      ['a token of another type', '{"token":{"a":1}}'],
      ['a line break in the token', '{"token":"a\\r\\nX-Evil: 1"}'],
      ['null', 'null'],
    ])('by a token document that is %s', async (_, body) => {
      const tokens = await stage.tokens();
      const other = await stage.registry({ auth: { kind: 'bearer', tokens } });
      const { registry, proxy } = await simple({}, FOLLOW);
      registry.answer(/manifests/, 307, { location: `${other.url}/v2/team/app/manifests/v1` });
      tokens.fail(/./, { kind: 'status', status: 200, body }, 10);
      expect((await ask(`${proxy.url}/v2/team/app/manifests/v1`)).status).toBe(502);
    });

    test('by a challenge that nobody can read', async () => {
      const { registry, proxy } = await simple();
      for (const line of [
        'Bearer',
        'Bearer realm',
        'Bearer realm="',
        '"',
        ',,,,',
        'Bearer realm="x\\',
        `Bearer ${'a'.repeat(6000)}`,
      ]) {
        registry.fail(/v2/, { kind: 'status', status: 401, headers: { 'www-authenticate': line } });
        expect((await ask(`${proxy.url}/v2/`)).status).toBe(401);
      }
    });
  });
});
