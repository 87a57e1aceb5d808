import nock from 'nock';
import supertest from 'supertest';
import { readConfig } from '../../src/core/config';
import { createApp } from '../../src/node/app';
import { Contexts } from '../../src/node/contexts';
import { Transport } from '../../src/node/transport';
import { Counts } from '../../src/shell/counts';
import { Guard } from '../../src/shell/guard';
import { createLog } from '../../src/shell/log';
import { createMemory } from '../../src/shell/token-store';

const UPSTREAM = 'http://registry.example.com';
const AUTH = 'http://registry.example.com';

function app(env: Record<string, string> = {}) {
  const config = readConfig({ REGISTRY_BACKEND: UPSTREAM, ALLOW_PRIVATE_ADDRESSES: 'true', ...env });
  const lines: Record<string, unknown>[] = [];
  const log = createLog({ level: 'debug', format: 'json', write: (line) => lines.push(JSON.parse(line)) });
  const transport = new Transport(config.timeouts);
  const shared = { memory: createMemory(), guard: new Guard(), counts: new Counts() };
  return { ask: supertest(createApp(new Contexts({ config, ...shared, transport, log }))), lines };
}

beforeAll(() => {
  nock.disableNetConnect();
  nock.enableNetConnect(/127\.0\.0\.1/);
});

afterEach(() => {
  expect(nock.pendingMocks()).toEqual([]);
  nock.cleanAll();
});

afterAll(() => nock.restore());

describe('our own pages', () => {
  test('/ names the registry', async () => {
    const { text, headers, status } = await app().ask.get('/');
    expect([status, headers['content-type']]).toEqual([200, 'text/plain; charset=utf-8']);
    expect(text).toContain('registry.example.com');
    expect(headers).not.toHaveProperty('x-powered-by');
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' });
  });

  test('/ names all registries of several, and no address of those that have many', async () => {
    const { text } = await app({ REGISTRIES: 'ghcr.io,*.pkg.dev' }).ask.get('/');
    expect(text).toMatch(/^ {2}ghcr\.io \(https:\/\/ghcr\.io\)\n {2}\*\.pkg\.dev$/m);
  });

  test.each(['/', '/-/healthz'])('HEAD %s has a length and no body', async (path) => {
    const { ask } = app();
    const [get, head] = [await ask.get(path), await ask.head(path)];
    expect([head.status, head.headers['content-length'], head.text ?? '']).toEqual([
      200,
      get.headers['content-length'],
      '',
    ]);
  });

  test.each([
    ['get', '/-/healthz', 200],
    ['get', '/-/healthz/', 404],
    ['get', '/-/HEALTHZ', 404],
    ['get', '/-/', 404],
    ['get', '/favicon.ico', 200],
    ['get', '/robots.txt', 200],
    ['post', '/robots.txt', 405],
    ['post', '/', 405],
    ['delete', '/-/healthz', 405],
    ['options', '/', 204],
    ['options', '/-/healthz', 204],
    ['trace', '/', 405],
  ] as const)('%s %s is %d', async (method, path, status) => {
    const reply = await app().ask[method](path);
    expect(reply.status).toBe(status);
    if (status >= 400) expect(reply.body).toMatchObject({ errors: [{ code: expect.stringMatching(/^[A-Z_]+$/) }] });
  });

  test('are readable by other pages', async () => {
    const { headers } = await app().ask.get('/v2/nosuch').set('origin', 'https://ui.example.org');
    expect(headers['access-control-allow-origin']).toBe('*');
  });
});

describe('the hooks of Function Compute', () => {
  const FC = { PLATFORM: 'aliyun-fc' };

  test.each([
    ['post', '/initialize'],
    ['get', '/pre-stop'],
  ] as const)('%s %s answers the platform wherever clients must be', async (method, path) => {
    const { ask } = app({ ...FC, ALLOW_CLIENTS: '203.0.113.7', TRUST_PROXY: 'loopback' });
    expect((await ask[method](path).set('x-fc-control-path', path)).status).toBe(200);
    expect((await ask[method](path)).status).toBe(403);
    expect((await ask[method](path).set('x-forwarded-for', '203.0.113.7')).status).toBe(404);
  });

  test.each([
    ['post', '/initialize'],
    ['get', '/pre-stop'],
  ] as const)('%s %s answers the platform, as often as it asks, and nobody else', async (method, path) => {
    const { ask, lines } = app({ ...FC, HANDLE_REDIRECT: 'true' });
    for (let i = 0; i < 2; i++) {
      expect((await ask[method](path).set('x-fc-control-path', path).set('x-fc-request-id', 'request-1')).status).toBe(
        200,
      );
    }
    expect(lines.filter(({ id, msg }) => id === 'request-1' && msg !== 'request')).toHaveLength(2);
    expect((await ask[method](path)).status).toBe(404);
    expect((await ask[method](path).set('x-fc-control-path', '/other')).status).toBe(404);
    expect((await ask.get('/-/healthz')).status).toBe(200);
  });

  test.each(['/initialize', '/pre-stop'])('do not exist elsewhere: %s', async (path) => {
    const { ask } = app({ HANDLE_REDIRECT: 'true' });
    expect((await ask.get(path).set('x-fc-control-path', path)).status).toBe(404);
    expect((await ask.post(path).set('x-fc-control-path', path)).status).toBe(405);
  });
});

describe('the token endpoint', () => {
  const challenge = { 'www-authenticate': `Bearer realm="${AUTH}/auth",service="reg"` };

  test('asks the registry for its realm once, then the realm', async () => {
    nock(UPSTREAM).get('/v2/').reply(401, '', challenge);
    nock(AUTH, {
      reqheaders: { authorization: 'Basic YTpi', 'accept-encoding': 'identity', via: '1.1 registry-proxy' },
    })
      .get('/auth')
      .query({ service: 'reg', scope: 'repository:a:pull', account: 'a' })
      .twice()
      .reply(200, { token: 't' }, { 'cache-control': 'public', 'set-cookie': 'x=y' });
    const { ask } = app();
    for (let i = 0; i < 2; i++) {
      const reply = await ask.get('/token?service=us&scope=repository:a:pull&account=a').auth('a', 'b');
      expect([reply.status, reply.body]).toEqual([200, { token: 't' }]);
      expect(reply.headers).toMatchObject({ 'cache-control': 'no-store', 'content-length': '13' });
      expect(reply.headers).not.toHaveProperty('set-cookie');
    }
  });

  test('sends a form on as a form', async () => {
    nock(UPSTREAM).get('/v2/').reply(401, '', challenge);
    nock(AUTH)
      .post('/auth', { grant_type: 'password', username: 'a', password: 'b+ c', scope: 'x', service: 'reg' })
      .matchHeader('content-type', 'application/x-www-form-urlencoded')
      .reply(200, { access_token: 't' });
    const form = { grant_type: 'password', username: 'a', password: 'b+ c', scope: 'x' };
    expect((await app().ask.post('/token').type('form').send(form)).body).toEqual({ access_token: 't' });
  });

  test.each([401, 403, 404, 405, 429])('passes on that the realm says %d', async (status) => {
    nock(UPSTREAM).get('/v2/').reply(401, '', challenge);
    nock(AUTH).get('/auth').query(true).reply(status, { details: 'x' }, { 'retry-after': '7' });
    const reply = await app().ask.get('/token');
    expect([reply.status, reply.body, reply.headers['retry-after']]).toEqual([status, { details: 'x' }, '7']);
  });

  test('logs no login and no token', async () => {
    nock(UPSTREAM).get('/v2/').reply(401, '', challenge);
    nock(AUTH).get('/auth').query(true).reply(200, { token: 'secret-token' });
    const { ask, lines } = app();
    await ask.get('/token?refresh_token=secret-refresh').auth('a', 'secret-password');
    expect(lines.length).toBeGreaterThan(0);
    expect(JSON.stringify(lines)).not.toMatch(/secret|YTpzZWNyZXQ/);
  });
});
