import { hashPassword, makePassword } from '../src/shell/made-passwords';
import { runtimes, unless } from './runtimes';
import { ask, basic } from './upstream/client';
import { stageFor, until } from './upstream/scene';
import { HITS, type Hit } from './upstream/search';

interface Found {
  query: string;
  num_results: number;
  num_pages: number;
  page: number;
  page_size: number;
  results: Hit[];
}

describe.each(runtimes)('with the $name runtime, a search', (runtime) => {
  const stage = stageFor(runtime);
  afterEach(async () => expect(await stage.close()).toEqual([]));

  /** In front of Docker Hub, or so it seems. */
  async function scene(env: Record<string, string> = {}, hits?: readonly Hit[]) {
    const registry = await stage.registry();
    const search = await stage.search(hits);
    const proxy = await stage.proxy(registry, { REGISTRY_NAME: 'docker.io', SEARCH_BACKEND: search.url, ...env });
    const call = (query: string, headers: Record<string, string> = {}, method = 'GET') =>
      ask(`${proxy.url}/v1/search${query}`, { headers, method });
    const found = async (query: string, headers?: Record<string, string>) =>
      (await call(query, headers)).json() as Found;
    const names = async (query: string, headers?: Record<string, string>) =>
      (await found(query, headers)).results.map(({ name }) => name);
    return { registry, search, proxy, call, found, names };
  }

  const saidBy = (reply: { status: number; json(): unknown }) => {
    const [{ code, message }] = (reply.json() as { errors: { code: string; message: string }[] }).errors as [
      { code: string; message: string },
    ];
    return `${reply.status} ${code}: ${message}`;
  };

  test('is pinged first, and needs no login for that', async () => {
    const { proxy, search } = await scene({ HTPASSWD: `alice:${hashPassword(makePassword())}` });
    const pinged = await ask(`${proxy.url}/v1/_ping`);
    expect([pinged.status, pinged.text]).toEqual([200, 'true']);
    expect(pinged.header('x-docker-registry-standalone')).toBe('true');
    expect(pinged.header('x-docker-registry-version')).toMatch(/^\d/);
    expect(search.requests).toEqual([]);
  });

  test('brings what docker reads, and nothing else that the backend says', async () => {
    const { call, search } = await scene({}, [
      { ...HITS[0], evil: '<script>', is_trusted: true } as Hit,
      ...HITS.slice(1),
    ]);
    const reply = await call('?q=nginx&n=25');
    expect([reply.status, reply.header('content-type')]).toEqual([200, 'application/json']);
    expect(reply.header('set-cookie')).toBeUndefined();
    expect(reply.json()).toEqual({
      query: 'nginx',
      num_results: 3,
      num_pages: 1,
      page: 1,
      page_size: 25,
      results: HITS,
    });
    expect(search.requests.map(({ method, target }) => `${method} ${target}`)).toEqual(['GET /v1/search?q=nginx&n=25']);
  });

  test('shows the backend nothing of the client’s but its term and its program', async () => {
    const { call, search } = await scene();
    const login = { authorization: basic('alice', makePassword()), 'x-docker-token': 'true', cookie: 'a=b' };
    const reply = await call('?q=r%C3%A9seau+%26+co&n=5', {
      ...login,
      'user-agent': 'docker/28',
      'x-forwarded-for': '1.2.3.4',
    });
    expect(reply.status).toBe(200);
    const [asked] = search.requests;
    expect([asked?.query.get('q'), asked?.query.get('n')]).toEqual(['réseau & co', '5']);
    // Cloudflare is told to keep nothing by two fields.
    const usual = /^(host|connection|via|user-agent|accept|accept-encoding|cf-.*|cache-control|pragma)$/i;
    expect(asked?.rawHeaders.filter(([name]) => !usual.test(name))).toEqual([]);
    expect([asked?.header('user-agent'), asked?.header('accept')]).toEqual(['docker/28', 'application/json']);
  });

  test('comes page by page', async () => {
    const { found, names } = await scene();
    expect(await names('?q=nginx&n=2')).toEqual(['nginx', 'nginx/nginx-ingress']);
    expect(await found('?q=nginx&n=2&page=2')).toMatchObject({ page: 2, page_size: 2, num_pages: 2, num_results: 3 });
    expect(await names('?q=nginx&n=2&page=2')).toEqual(['bitnami/nginx']);
  });

  test('has for HEAD what it has for GET, but for the body', async () => {
    const { call } = await scene();
    const [head, whole] = [await call('?q=nginx', {}, 'HEAD'), await call('?q=nginx')];
    expect([head.status, head.text, head.header('content-type')]).toEqual([200, '', whole.header('content-type')]);
  });

  test('is there for pages of other sites, and for GET and HEAD alone', async () => {
    const { call } = await scene();
    const reply = await call('?q=nginx', { origin: 'https://ui.example.org' });
    expect(reply.header('access-control-allow-origin')).toBe('*');
    expect((await call('?q=nginx', {}, 'OPTIONS')).status).toBe(204);
    const posted = await call('?q=nginx', { 'content-length': '0' }, 'POST');
    expect([posted.status, posted.header('allow')]).toEqual([405, 'GET, HEAD, OPTIONS']);
  });

  test.each([
    ['nothing', ''],
    ['an empty term', '?q='],
    ['what every official image has', '?q=library/'],
    ['two terms', '?q=a&q=b'],
    ['a term that is too long', `?q=${'a'.repeat(256)}`],
    ['a control character', '?q=a%1bb'],
    ['no number', '?q=a&n=x'],
    ['no hits', '?q=a&n=0'],
    ['a page that is none', '?q=a&page=-1'],
    ['a page far away', '?q=a&page=1001'],
  ])('for %s is refused, and nobody is asked', async (_, query) => {
    const { call, search } = await scene();
    expect((await call(query)).status).toBe(400);
    expect(search.requests).toEqual([]);
  });

  test('for more hits than there are on a page brings a page', async () => {
    const { call, search } = await scene();
    expect((await call('?q=a&n=500')).status).toBe(200);
    expect(search.requests[0]?.query.get('n')).toBe('100');
  });

  describe('of names', () => {
    test('brings names as they are pulled where Docker Hub is not the default registry', async () => {
      const registry = await stage.registry();
      const search = await stage.search();
      const proxy = await stage.proxy(registry, { REGISTRIES: 'docker.io', SEARCH_BACKEND: search.url });
      const reply = await ask(`${proxy.url}/v1/search?q=docker.io/library/nginx`);
      expect((reply.json() as Found).results.map(({ name }) => name)).toEqual([
        'docker.io/nginx',
        'docker.io/nginx/nginx-ingress',
        'docker.io/bitnami/nginx',
      ]);
      expect(search.requests[0]?.query.get('q')).toBe('nginx');
    });

    test('says of other registries that they have no search, and of unknown ones that they are unknown', async () => {
      const { call, search } = await scene({ REGISTRIES: 'ghcr.io' });
      expect(saidBy(await call('?q=ghcr.io/app'))).toBe('404 UNSUPPORTED: ghcr.io has no search');
      expect(saidBy(await call('?q=quay.io/app'))).toMatch(/^404 NAME_UNKNOWN: this proxy does not serve quay.io/);
      expect(search.requests).toEqual([]);
    });

    unless(runtime, 'request line')('by the host name of another registry says the same', async () => {
      const { call } = await scene({ REGISTRIES: 'ghcr.io' });
      expect(saidBy(await call('?q=app', { host: 'ghcr.r.example.com' }))).toBe(
        '404 UNSUPPORTED: ghcr.io has no search',
      );
    });

    test('brings what lies below REPO_PREFIX alone, under the names of clients', async () => {
      const hits = ['acme/app', 'acme/team/tool', 'acmeother/app', 'nginx'].map((name) => ({ name }));
      const { names, search } = await scene({ REPO_PREFIX: 'acme' }, hits);
      expect(await names('?q=app')).toEqual(['app', 'team/tool']);
      expect(search.requests[0]?.query.get('q')).toBe('acme/app');
    });

    test('leaves out what rules on images refuse', async () => {
      const denying = await scene({ DENY_IMAGES: 'bitnami/**' });
      expect(await denying.names('?q=nginx')).toEqual(['nginx', 'nginx/nginx-ingress']);
      const allowing = await scene({ ALLOW_IMAGES: 'library/*' });
      expect(await allowing.names('?q=nginx')).toEqual(['nginx']);
    });
  });

  describe('behind a gate', () => {
    const password = makePassword();
    const HTPASSWD = `alice:${hashPassword(password)}`;
    const alice = { authorization: basic('alice', password) };

    test('is for users, by Basic, as docker shows its login', async () => {
      const { call, names, search } = await scene({ HTPASSWD });
      const refused = await call('?q=nginx');
      expect([refused.status, refused.header('www-authenticate')]).toEqual([401, expect.stringMatching(/^Basic /)]);
      expect((await call('?q=nginx', { authorization: basic('alice', makePassword()) })).status).toBe(401);
      expect(search.requests).toEqual([]);
      expect(await names('?q=nginx', alice)).toHaveLength(3);
    });

    test('finds for each what they may pull', async () => {
      const env = { HTPASSWD, ACCESS: 'alice: pull bitnami/**; anonymous: pull library/*' };
      const { names } = await scene(env);
      expect(await names('?q=nginx')).toEqual(['nginx']);
      expect(await names('?q=nginx', alice)).toEqual(['nginx', 'bitnami/nginx']);
    });

    test('takes the secret before the term, and sends it nowhere', async () => {
      const secret = 'a-word-that-nobody-knows';
      const { names, call, search, proxy } = await scene({ ACCESS_SECRET: secret });
      expect((await call('?q=nginx')).status).toBe(403);
      expect(await names(`?q=${secret}/nginx`)).toHaveLength(3);
      expect((await ask(`${proxy.url}/${secret}/v1/search?q=nginx`)).status).toBe(200);
      expect((await call(`?q=${secret}`)).status).toBe(400);
      expect(search.requests.map(({ query }) => query.get('q'))).toEqual(['nginx', 'nginx']);
      await until(() => proxy.logs().filter(({ route }) => route === 'search').length >= 3);
      expect(JSON.stringify(proxy.logs())).not.toContain(secret);
    });

    test('is counted, and none of a stranger’s business', async () => {
      const { call, proxy, search } = await scene({
        ALLOW_CLIENTS: '203.0.113.7',
        TRUST_PROXY: 'loopback',
        RATE_LIMIT: '1/h burst 1',
      });
      const at = (address: string) => ({ 'x-forwarded-for': address });
      for (const [path, address] of [
        ['/v1/_ping', '198.51.100.1'],
        ['/v1/search?q=nginx', '198.51.100.2'],
      ] as const) {
        expect([path, (await ask(proxy.url + path, { headers: at(address) })).status]).toEqual([path, 403]);
      }
      expect((await call('?q=nginx', at('203.0.113.7'))).status).toBe(200);
      expect((await call('?q=nginx', at('203.0.113.7'))).status).toBe(429);
      expect(search.requests).toHaveLength(1);
    });
  });

  describe('where the backend', () => {
    test.each<[string, number, Record<string, string>, string]>([
      ['has had enough', 429, { 'retry-after': '30' }, '429 TOOMANYREQUESTS: the search backend answers 429'],
      ['refuses', 403, {}, '403 DENIED: the search backend answers 403'],
      ['has no search', 404, {}, '404 UNSUPPORTED: the search backend answers 404'],
      [
        'wants a login',
        401,
        { 'www-authenticate': 'Basic realm="theirs"' },
        '502 UNAVAILABLE: the search backend answers 401',
      ],
      ['redirects', 302, { location: 'https://example.com/' }, '502 UNAVAILABLE: the search backend answers 302'],
      ['has nothing to say', 204, {}, '502 UNAVAILABLE: the search backend answers 204'],
      ['is out of order', 503, { 'retry-after': '3600' }, '503 UNAVAILABLE: the search backend answers 503'],
    ])('%s, says so', async (_, status, headers, said) => {
      const { call, search } = await scene();
      search.fail(/search/, { kind: 'status', status, headers, body: '<html>secret of theirs</html>' }, 9);
      const reply = await call('?q=nginx');
      expect(saidBy(reply)).toBe(said);
      expect(reply.header('retry-after')).toBe(headers['retry-after']);
      expect([reply.header('www-authenticate'), reply.header('location')]).toEqual([undefined, undefined]);
      expect(reply.text).not.toContain('secret of theirs');
    });

    test('fails once, asks again', async () => {
      const { call, search } = await scene();
      search.fail(/search/, { kind: 'status', status: 503 });
      expect((await call('?q=nginx')).status).toBe(200);
      expect(search.requests).toHaveLength(2);
    });

    test.each<[string, string]>([
      ['says something that is no JSON', '<html>\u001b[31m</html>'],
      ['says a list', '[]'],
      ['has no list of results', '{"results": {"name": "nginx"}}'],
      ['says nothing', ''],
      ['says too much', JSON.stringify({ results: [], more: 'x'.repeat(5 << 20) })],
    ])('%s, says that it cannot be read', async (_, body) => {
      const { call, search } = await scene();
      search.fail(/search/, { kind: 'status', status: 200, body });
      expect(saidBy(await call('?q=nginx'))).toBe("502 UNAVAILABLE: the search backend's answer cannot be read");
    });

    test('stops in the middle, does not wait for ever', async () => {
      const { call, search } = await scene({ RESPONSE_TIMEOUT: '500ms' });
      search.fail(/search/, { kind: 'silence' }, 9);
      expect(saidBy(await call('?q=nginx'))).toMatch(/^504 UNAVAILABLE: the search backend cannot be reached/);
    });
  });

  test('is not there with SEARCH_BACKEND=none, nor in front of another registry than Docker Hub', async () => {
    const registry = await stage.registry();
    for (const env of [{ SEARCH_BACKEND: 'none', REGISTRY_NAME: 'docker.io' }, {}] as Record<string, string>[]) {
      const proxy = await stage.proxy(registry, env);
      for (const path of ['/v1/_ping', '/v1/search?q=nginx']) {
        expect(saidBy(await ask(proxy.url + path))).toBe('404 UNSUPPORTED: there is no search here');
      }
    }
    expect(registry.requests).toEqual([]);
  });
});
