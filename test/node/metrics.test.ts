import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashPassword, makePassword } from '../../src/shell/made-passwords';
import { type Instance, runtimes } from '../runtimes';
import { type Ask, ask, open } from '../upstream/client';
import { payload, sha256 } from '../upstream/image';
import { smallImage, stageFor, USERS, until } from '../upstream/scene';
import { processFrom } from './process';

const MIB = 1024 * 1024;
const METRICS = '/-/metrics';
const OPEN_METRICS = 'application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
const stage = stageFor(runtimes[0]);

afterEach(async () => {
  expect(await stage.close()).toEqual([]);
});

const shown = (token: string): Ask => ({ headers: { authorization: `Bearer ${token}` } });

/** Every value of a scrape, by its name with its labels as they are printed. */
async function scrape({ url }: Pick<Instance, 'url'>, options: Ask = {}): Promise<Map<string, number>> {
  const { status, text } = await ask(url + METRICS, options);
  expect(status).toBe(200);
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at).replace(/^registry_proxy_/, ''), Number(line.slice(at + 1))] as const;
    }),
  );
}

/** The sum of all values of a metric whose labels hold these. */
function sum(values: Map<string, number>, name: string, labels: Record<string, string> = {}): number {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  const fitting = [...values].filter(
    ([key]) => key.split('{')[0] === name && wanted.every((label) => key.includes(label)),
  );
  return fitting.reduce((total, [, value]) => total + value, 0);
}

/** The next scrape of which something holds: a request is counted when its response is closed, a moment after its end. */
async function scrapeWhen(instance: Pick<Instance, 'url'>, holds: (values: Map<string, number>) => boolean) {
  let values = await scrape(instance);
  for (const end = Date.now() + 8000; Date.now() < end && !holds(values); values = await scrape(instance)) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return values;
}

describe('who may read', () => {
  const token = randomUUID();
  const admin = randomUUID();

  test.each([
    ['nobody, where no token is set', {}, {}, 404],
    ['nobody, where it is off', { METRICS: 'off', ADMIN_TOKEN: admin }, shown(admin), 404],
    ['everybody, where it is public', { METRICS: 'public' }, {}, 200],
    ['whoever shows the token for it', { METRICS_TOKEN: token }, shown(token), 200],
    ['whoever shows the token of the administrator', { METRICS_TOKEN: token, ADMIN_TOKEN: admin }, shown(admin), 200],
    ['nobody without a token', { METRICS_TOKEN: token }, {}, 401],
    ['nobody with another one', { METRICS_TOKEN: token }, shown(randomUUID()), 401],
    ['nobody at another address', { METRICS: 'public', ALLOW_CLIENTS: '192.0.2.1' }, {}, 403],
    [
      'nobody at another address, where users may come from anywhere',
      {
        METRICS: 'public',
        ALLOW_CLIENTS: '192.0.2.1',
        SATISFY: 'any',
        HTPASSWD: `alice:${hashPassword(makePassword())}`,
      },
      {},
      403,
    ],
    [
      'nobody at another address, with the token',
      { METRICS_TOKEN: token, ALLOW_CLIENTS: '192.0.2.1' },
      shown(token),
      403,
    ],
    ['nobody by another method', { METRICS: 'public' }, { method: 'POST' }, 405],
  ])('%s', async (_, env, options, status) => {
    const { url } = await stage.proxy('http://127.0.0.1:1', { ANONYMOUS_PULL: 'true', ...env });
    const reply = await ask(url + METRICS, options);
    expect(reply.status).toBe(status);
    expect(reply.text.includes('registry_proxy_')).toBe(status === 200);
    if (status === 401) expect(reply.header('www-authenticate')).toBe('Bearer realm="registry-proxy metrics"');
  });

  test('whoever guesses is soon refused', async () => {
    const proxy = await stage.proxy('http://127.0.0.1:1', { METRICS_TOKEN: token });
    for (let n = 0; n < 10; n++) expect((await ask(proxy.url + METRICS, shown(randomUUID()))).status).toBe(401);
    const reply = await ask(proxy.url + METRICS, shown(token));
    expect([reply.status, reply.header('retry-after')]).toEqual([429, '60']);
  });
});

test('both formats are served, as Accept asks for them', async () => {
  const { url } = await stage.proxy('http://127.0.0.1:1', { METRICS: 'public' });
  const text = await ask(url + METRICS);
  expect(text.header('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(text.text).toContain('# TYPE registry_proxy_requests_total counter\n');
  expect(text.text).not.toMatch(/ (NaN|Nan|[+-]Inf)$/m);
  const other = await ask(url + METRICS, { headers: { accept: OPEN_METRICS } });
  expect(other.header('content-type')).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
  expect(other.text).toContain('# TYPE registry_proxy_requests counter\n');
  expect(other.text).toMatch(/^registry_proxy_requests_total\{.*\} 1$/m);
  expect(other.text).toMatch(/^process_cpu_seconds_total \S+$/m);
  expect(other.text.endsWith('\n# EOF\n')).toBe(true);
  // Names go their own ways in the two formats, and one scrape may follow the other.
  expect((await ask(url + METRICS)).text).toMatch(/^process_cpu_seconds_total \S+$/m);
  expect((await ask(url + METRICS, { method: 'HEAD' })).body).toHaveLength(0);
});

test('a pull is counted: requests, bytes both ways, what the cache did, how long it took', async () => {
  const registry = await stage.registry();
  const image = smallImage(registry);
  const [layer] = image.layers;
  const proxy = await stage.proxy(registry, { METRICS: 'public', CACHE: 'memory' });
  const blob = `${proxy.url}/v2/team/app/blobs/${layer.digest}`;
  await ask(`${proxy.url}/v2/team/app/manifests/v1`);
  await ask(blob);
  await scrapeWhen(proxy, (values) => sum(values, 'cache_requests_total', { result: 'miss' }) === 2);
  await ask(blob, { headers: { range: 'bytes=10-19' } });
  await ask(`${proxy.url}/v2/team/app/manifests/none`);
  const values = await scrapeWhen(
    proxy,
    (all) => sum(all, 'requests_total', { method: 'GET', route: 'manifest' }) === 2,
  );
  const { port } = new URL(registry.url);
  const name = `127.0.0.1:${port}`;
  expect(values.get(`requests_total{method="GET",route="blob",registry="${name}",status="206"}`)).toBe(1);
  expect(values.get(`requests_total{method="GET",route="manifest",registry="${name}",status="404"}`)).toBe(1);
  expect(values.get(`sent_bytes_total{route="blob",registry="${name}",cache="miss"}`)).toBe(layer.bytes.length);
  expect(values.get(`sent_bytes_total{route="blob",registry="${name}",cache="hit"}`)).toBe(10);
  expect(values.get(`cache_requests_total{route="blob",registry="${name}",result="hit"}`)).toBe(1);
  const bytesOut = registry.requests.reduce((total, request) => total + request.bytesOut, 0);
  expect(sum(values, 'received_bytes_total', { registry: name })).toBe(bytesOut);
  expect(values.get(`upstream_responses_total{registry="${name}",purpose="registry",status="200"}`)).toBe(2);
  expect(values.get('request_duration_seconds_count{route="blob"}')).toBe(2);
  expect(values.get('request_duration_seconds_bucket{route="blob",le="+Inf"}')).toBe(2);
  expect(values.get('response_head_seconds_count{route="blob"}')).toBe(2);
  expect(values.get(`upstream_response_seconds_count{registry="${name}",purpose="registry"}`)).toBe(3);
  expect(sum(values, 'unfinished_responses_total')).toBe(0);
});

test('a transfer is seen while it goes on, and so is who leaves before its end', async () => {
  const registry = await stage.registry({ rate: MIB });
  const bytes = payload(8 * MIB);
  registry.blobs.set(sha256(bytes), bytes);
  const proxy = await stage.proxy(registry, { METRICS: 'public', STALL_TIMEOUT: '20s' });
  const { response, leave } = await open(`${proxy.url}/v2/team/app/blobs/${sha256(bytes)}`);
  response.resume();
  const early = await scrapeWhen(proxy, (values) => sum(values, 'sent_bytes_total', { route: 'blob' }) > 0);
  expect(sum(early, 'sent_bytes_total', { route: 'blob' })).toBeGreaterThan(0);
  expect([sum(early, 'transfers_in_flight'), sum(early, 'requests_in_flight')]).toEqual([1, 2]);
  expect(sum(early, 'requests_total', { route: 'blob' })).toBe(0);
  response.on('error', () => {});
  leave();
  const late = await scrapeWhen(proxy, (values) => sum(values, 'requests_total', { route: 'blob' }) === 1);
  expect(sum(late, 'unfinished_responses_total', { route: 'blob', ended_by: 'client' })).toBe(1);
  expect(sum(late, 'transfers_in_flight')).toBe(0);
  expect(sum(late, 'sent_bytes_total', { route: 'blob' })).toBeLessThan(bytes.length);
  // What the client ended is no failure of the upstream's.
  expect(sum(late, 'upstream_failures_total')).toBe(0);
});

test.each([
  ['without a cache', {}],
  ['with one', { CACHE: 'memory' }],
])('a body that is cut and goes on is counted once, its continuations for themselves, %s', async (_, env) => {
  const registry = await stage.registry();
  const bytes = payload(3 * MIB);
  registry.blobs.set(sha256(bytes), bytes);
  registry.fail(/blobs/, { kind: 'cut', after: MIB });
  const proxy = await stage.proxy(registry, { METRICS: 'public', ...env });
  const reply = await ask(`${proxy.url}/v2/team/app/blobs/${sha256(bytes)}`);
  expect([reply.ending, sha256(reply.body)]).toEqual(['clean', sha256(bytes)]);
  const values = await scrapeWhen(proxy, (all) => sum(all, 'requests_total', { route: 'blob' }) === 1);
  expect(sum(values, 'sent_bytes_total', { route: 'blob' })).toBe(bytes.length);
  expect(sum(values, 'resumed_bodies_total')).toBe(1);
  expect(sum(values, 'received_bytes_total')).toBeGreaterThanOrEqual(bytes.length);
  expect(sum(values, 'received_bytes_total')).toBeLessThanOrEqual(bytes.length + MIB);
  expect(sum(values, 'unfinished_responses_total')).toBe(0);
});

test('a body that cannot go on is an answer that the proxy ended', async () => {
  const registry = await stage.registry();
  const bytes = payload(MIB);
  registry.blobs.set(sha256(bytes), bytes);
  for (let n = 0; n < 30; n++) registry.fail(/blobs/, { kind: 'cut', after: 1000 });
  const proxy = await stage.proxy(registry, { METRICS: 'public', RETRY_TIMEOUT: '300ms' });
  registry.answer(/never/, 404);
  const reply = await ask(`${proxy.url}/v2/team/app/blobs/${sha256(bytes)}`);
  expect(reply.ending).toBe('destroyed');
  const values = await scrapeWhen(proxy, (all) => sum(all, 'requests_total', { route: 'blob' }) === 1);
  expect(sum(values, 'unfinished_responses_total', { route: 'blob', ended_by: 'proxy' })).toBe(1);
});

test('clients who follow one fetch are each sent all of it, and it is received once', async () => {
  const registry = await stage.registry({ rate: 2 * MIB });
  const bytes = payload(2 * MIB);
  registry.blobs.set(sha256(bytes), bytes);
  const proxy = await stage.proxy(registry, { METRICS: 'public', CACHE: 'memory' });
  const pull = () => ask(`${proxy.url}/v2/team/app/blobs/${sha256(bytes)}`);
  const first = pull();
  await until(() => registry.requests.length > 0);
  for (const reply of await Promise.all([first, pull(), pull()])) expect(reply.body.length).toBe(bytes.length);
  const values = await scrapeWhen(proxy, (all) => sum(all, 'cache_requests_total', { route: 'blob' }) === 3);
  expect(sum(values, 'sent_bytes_total', { route: 'blob', cache: 'miss' })).toBe(bytes.length);
  expect(sum(values, 'sent_bytes_total', { route: 'blob', cache: 'joined' })).toBe(2 * bytes.length);
  expect(sum(values, 'received_bytes_total')).toBe(bytes.length);
});

test('a body that comes over several connections is counted as what came over all of them', async () => {
  const registry = await stage.registry();
  const cdn = await stage.cdn({ registry, rate: 2 * MIB });
  registry.options.delivery = { kind: 'cdn', cdn };
  const bytes = payload(12 * MIB);
  registry.blobs.set(sha256(bytes), bytes);
  const env = { METRICS: 'public', HANDLE_REDIRECT: 'true', STALL_TIMEOUT: '5s' };
  const proxy = await stage.proxy(registry, env);
  const reply = await ask(`${proxy.url}/v2/team/app/blobs/${sha256(bytes)}`);
  expect(sha256(reply.body)).toBe(sha256(bytes));
  const values = await scrapeWhen(proxy, (all) => sum(all, 'requests_total', { route: 'blob' }) === 1);
  expect(cdn.requests.length).toBeGreaterThan(2);
  expect(sum(values, 'upstream_responses_total', { purpose: 'hop' })).toBeGreaterThan(2);
  expect(sum(values, 'sent_bytes_total', { route: 'blob' })).toBe(bytes.length);
  expect(sum(values, 'received_bytes_total', { purpose: 'hop' })).toBeGreaterThanOrEqual(bytes.length);
  expect(sum(values, 'received_bytes_total', { purpose: 'hop' })).toBeLessThan(bytes.length + 4 * MIB);
});

test('tokens are counted, and no metric names who, what or where', async () => {
  const tokens = await stage.tokens();
  const registry = await stage.registry({ auth: { kind: 'bearer', tokens } });
  const image = smallImage(registry, 'team/hidden', 'hidden-tag');
  const agent = randomUUID();
  const [[username, password]] = Object.entries(USERS);
  const login = { REGISTRY_USERNAME: username, REGISTRY_PASSWORD: password, ANONYMOUS_PULL: 'true' };
  const proxy = await stage.proxy(registry, { METRICS: 'public', ...login });
  const options = { headers: { 'user-agent': agent, 'x-forwarded-for': '192.0.2.77' } };
  for (const reference of ['hidden-tag', image.manifest.digest]) {
    expect((await ask(`${proxy.url}/v2/team/hidden/manifests/${reference}`, options)).status).toBe(200);
  }
  const values = await scrapeWhen(proxy, (all) => sum(all, 'requests_total', { route: 'manifest' }) === 2);
  expect(sum(values, 'tokens_total', { result: 'fetched' })).toBe(1);
  expect(sum(values, 'upstream_responses_total', { purpose: 'realm', status: '200' })).toBe(1);
  expect(sum(values, 'received_bytes_total', { purpose: 'realm' })).toBeGreaterThan(0);
  const text = [...values.keys()].join('\n');
  for (const word of [
    'hidden',
    agent,
    image.manifest.digest,
    '192.0.2.77',
    username,
    password,
    new URL(tokens.url).port,
  ]) {
    expect(text).not.toContain(word);
  }
});

test('logins that are refused are counted by the door where they were', async () => {
  const [name, password] = ['alice', makePassword()];
  const [token, admin] = [randomUUID(), randomUUID()];
  const env = { HTPASSWD: `${name}:${hashPassword(password)}`, METRICS_TOKEN: token, ADMIN_TOKEN: admin };
  const proxy = await stage.proxy('http://127.0.0.1:1', env);
  const basic = (word: string) => ({
    headers: { authorization: `Basic ${Buffer.from(`${name}:${word}`).toString('base64')}` },
  });
  expect((await ask(`${proxy.url}/v2/`, basic(makePassword()))).status).toBe(401);
  expect((await ask(`${proxy.url}/v2/`, basic(password))).status).toBe(200);
  await ask(`${proxy.url}/-/explain?image=nginx`, shown(randomUUID()));
  await ask(proxy.url + METRICS, shown(randomUUID()));
  const { text } = await ask(proxy.url + METRICS, shown(token));
  expect(text).toContain('registry_proxy_login_failures_total{door="user"} 1\n');
  expect(text).toContain('registry_proxy_login_failures_total{door="administration"} 2\n');
  for (const secret of [name, password, token, admin]) expect(text).not.toContain(secret);
});

test('what RATE_LIMIT refuses is counted', async () => {
  const proxy = await stage.proxy('http://127.0.0.1:1', { METRICS: 'public', RATE_LIMIT: '20/s burst 3' });
  for (let n = 0; n < 6; n++) await ask(`${proxy.url}/v2/none/manifests`);
  await until(() => proxy.logs().filter(({ status }) => status === 429).length > 0);
  const refused = proxy.logs().filter(({ status }) => status === 429).length;
  await new Promise((resolve) => setTimeout(resolve, 500));
  const values = await scrape(proxy);
  expect(sum(values, 'refused_requests_total', { reason: 'rate_limit' })).toBe(refused);
});

test('a registry that stands for a wildcard has the wildcard as its name, whatever clients call it', async () => {
  const env = { METRICS: 'public', REGISTRIES: '*.example.invalid', RETRY_TIMEOUT: '0' };
  const proxy = await stage.proxy('http://127.0.0.1:1', env);
  for (const host of ['one', 'two', 'three']) await ask(`${proxy.url}/v2/${host}.example.invalid/a/b/manifests/v1`);
  const values = await scrapeWhen(proxy, (all) => sum(all, 'requests_total', { route: 'manifest' }) === 3);
  expect(sum(values, 'requests_total', { registry: '*.example.invalid' })).toBe(3);
  expect(sum(values, 'upstream_failures_total', { registry: '*.example.invalid', kind: 'dns' })).toBe(3);
  expect([...values.keys()].join('\n')).not.toMatch(/one\.example|two\.example/);
});

test('faults of the store are counted', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'metrics-'));
  const registry = await stage.registry();
  const image = smallImage(registry);
  const proxy = await stage.proxy(registry, { METRICS: 'public', CACHE: `disk:${folder}` });
  const blob = `${proxy.url}/v2/team/app/blobs/${image.layers[0]?.digest}`;
  await ask(`${proxy.url}/v2/team/app/manifests/v1`);
  rmSync(folder, { recursive: true });
  writeFileSync(folder, 'no folder any more');
  expect((await ask(blob)).status).toBe(200);
  const values = await scrapeWhen(proxy, (all) => sum(all, 'cache_faults_total') > 0);
  expect(sum(values, 'cache_faults_total')).toBeGreaterThan(0);
  rmSync(folder);
});

test('what was counted survives a new configuration, whose own fate is counted too', async () => {
  const processes = await processFrom('METRICS=public\nREGISTRY_BACKEND=http://127.0.0.1:1\nRETRY_TIMEOUT=0\n');
  try {
    const child = processes.start({ HOST: '127.0.0.1', PORT: '0' });
    const proxy = await child.listening();
    await ask(`${proxy.url}/v2/a/b/manifests/v1`);
    const before = await scrapeWhen(proxy, (all) => sum(all, 'requests_total', { route: 'manifest' }) === 1);
    expect([sum(before, 'config_last_reload_successful'), sum(before, 'config_reloads_total')]).toEqual([1, 0]);
    processes.writeDotenv('METRICS=public\nREGISTRY_BACKEND=http://127.0.0.1:2\nRETRY_TIMEOUT=0\n');
    child.signal('SIGHUP');
    const after = await scrapeWhen(proxy, (all) => sum(all, 'config_reloads_total', { result: 'success' }) === 1);
    expect(sum(after, 'requests_total', { route: 'manifest' })).toBe(1);
    expect(sum(after, 'config_last_reload_success_timestamp_seconds')).toBeGreaterThan(
      sum(before, 'config_last_reload_success_timestamp_seconds'),
    );
    processes.writeDotenv('METRICS=perhaps\n');
    child.signal('SIGHUP');
    const bad = await scrapeWhen(proxy, (all) => sum(all, 'config_reloads_total', { result: 'failure' }) === 1);
    expect(sum(bad, 'config_last_reload_successful')).toBe(0);
    expect([...bad.keys()].some((key) => /^build_info\{version="\d+\.\d+\.\d+"/.test(key))).toBe(true);
  } finally {
    processes.stop();
  }
});
