import { spawnSync } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { METRICS } from '../../src/node/metric-table';
import { freePort, type Server, spawnClean, startServer } from '../bench/processes';
import { ask, open } from '../upstream/client';
import { payload, sha256 } from '../upstream/image';
import { type Registry, startRegistry } from '../upstream/registry';
import { smallImage } from '../upstream/scene';
import { startTokenServer, type TokenServer } from '../upstream/token-server';
import { alertTests, firing, type Rule } from './alerts';
import { bundle, layerNode, project } from './prepare';

/**
 * deploy/monitoring, read by those who act on it: promtool, and a Prometheus that scrapes the built bundle by the configuration
 * that stands there and answers every expression of the dashboard and of the alerts.
 */
const source = join(project, 'deploy/monitoring');
const token = randomUUID();
const credentials = { alice: randomBytes(9).toString('hex') };
const MIB = 1024 * 1024;

let folder: string;
let proxy: Server;
let prometheus: string;
let ended: (() => void) | undefined;
let tokens: TokenServer;
let registry: Registry;

const run = (command: string, words: string[], input = '') => {
  const { status, stdout, stderr } = spawnSync(command, words, { cwd: folder, input, encoding: 'utf8' });
  return { status, said: stdout + stderr };
};
const rules = (
  load(readFileSync(join(source, 'alerts.yml'), 'utf8')) as { groups: { rules: Rule[] }[] }
).groups.flatMap((group) => group.rules);

interface Panel {
  title: string;
  type: string;
  targets?: { expr: string }[];
}
const panels = (JSON.parse(readFileSync(join(source, 'grafana-dashboard.json'), 'utf8')) as { panels: Panel[] }).panels;
/** As Grafana fills in its variables. */
const expressions = panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr }) => [title, expr.replaceAll('$__rate_interval', '5m').replaceAll('$instance', '.*')] as const),
);

async function until(what: string, holds: () => Promise<boolean>, seconds = 90): Promise<void> {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; ) {
    if (await holds().catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  throw new Error(`not within ${seconds} s: ${what}`);
}

interface Answer {
  status: string;
  error?: string;
  data: { result: { metric: Record<string, string>; value: [number, string] }[] };
}

async function query(expression: string): Promise<Answer> {
  const { text } = await ask(`${prometheus}/api/v1/query?query=${encodeURIComponent(expression)}`);
  return JSON.parse(text) as Answer;
}

/** Something of everything: pulls, hits, a body that is cut, a registry that is not there, refusals, clients that leave. */
async function makeTraffic(layer: string, cut: string, left: string): Promise<void> {
  const get = (path: string) => ask(proxy.url + path);
  await get('/v2/team/app/manifests/v1');
  await get(`/v2/team/app/blobs/${layer}`);
  await get(`/v2/team/app/blobs/${layer}`);
  registry.fail(new RegExp(cut), { kind: 'cut', after: MIB });
  await get(`/v2/team/app/blobs/${cut}`);
  await get('/v2/gone.test/a/b/manifests/v1');
  registry.options.rate = MIB / 2;
  const { response, leave } = await open(`${proxy.url}/v2/team/app/blobs/${left}`);
  response.on('error', () => {}).resume();
  leave();
  registry.options.rate = undefined;
}

/** A blob of this size, and of no other content than that size has. */
function made(size: number): string {
  const bytes = payload(size);
  registry.blobs.set(sha256(bytes), bytes);
  return sha256(bytes);
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'monitoring-'));
  tokens = await startTokenServer({ service: 'registry.test', users: credentials });
  registry = await startRegistry({ auth: { kind: 'bearer', tokens } });
  const image = smallImage(registry);
  const cache = join(folder, 'cache');
  mkdirSync(cache);
  const [[username, password]] = Object.entries(credentials) as [[string, string]];
  const env = {
    HOST: '127.0.0.1',
    PORT: '0',
    LOG_FORMAT: 'json',
    METRICS_TOKEN: token,
    REGISTRY_BACKEND: registry.url,
    REGISTRIES: 'gone.test=http://127.0.0.1:1',
    REGISTRY_USERNAME: username,
    REGISTRY_PASSWORD: password,
    ANONYMOUS_PULL: 'true',
    RETRY_TIMEOUT: '1s',
    CACHE: `disk:${cache}`,
    BUDGET_UPSTREAM_BYTES: '1g',
    MAX_TRANSFERS: '100',
  };
  proxy = await startServer(layerNode(), [bundle], env, folder);
  const config = readFileSync(join(source, 'prometheus.yml'), 'utf8')
    .replace('127.0.0.1:3000', new URL(proxy.url).host)
    .replaceAll('30s', '1s');
  writeFileSync(join(folder, 'prometheus.yml'), config);
  writeFileSync(join(folder, 'registry-proxy-token'), `${token}\n`, { mode: 0o600 });
  copyFileSync(join(source, 'alerts.yml'), join(folder, 'alerts.yml'));
  const port = await freePort();
  prometheus = `http://127.0.0.1:${port}`;
  const words = ['--config.file=prometheus.yml', '--storage.tsdb.path=tsdb', `--web.listen-address=127.0.0.1:${port}`];
  const child = spawnClean('prometheus', [...words, '--log.level=error'], { PATH: process.env.PATH ?? '' }, folder);
  child.stdout?.resume();
  ended = () => void child.kill('SIGTERM');
  // `rate` needs two values of each series, so the same happens before and after a scrape.
  await makeTraffic(image.layers[0]?.digest as string, made(3 * MIB), made(2 * MIB));
  await until('it is scraped', async () => (await query('up{job="registry-proxy"} == 1')).data.result.length === 1);
  rmSync(cache, { recursive: true, force: true });
  writeFileSync(cache, 'no folder any more');
  for (let n = 0; n < 3; n++) {
    await makeTraffic(made(100_000 + n), made(3 * MIB + n + 1), made(2 * MIB + n + 1));
    await new Promise((resolve) => setTimeout(resolve, 1500));
  }
}, 240_000);

afterAll(async () => {
  ended?.();
  await proxy?.stop();
  await registry?.stop();
  await tokens?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('promtool finds nothing to complain about in a scrape after traffic', async () => {
  const { text } = await ask(`${proxy.url}/-/metrics`, { headers: { authorization: `Bearer ${token}` } });
  expect(text).toContain('registry_proxy_requests_total{');
  expect(run('promtool', ['check', 'metrics'], text)).toEqual({ status: 0, said: '' });
  for (const secret of [token, ...Object.values(credentials), 'alice']) expect(text).not.toContain(secret);
});

test('promtool takes the configuration and the rules', () => {
  expect(run('promtool', ['check', 'config', 'prometheus.yml'])).toMatchObject({
    status: 0,
    said: expect.stringContaining(`SUCCESS: ${rules.length} rules found`),
  });
});

test('every alert fires where it should, with its words, and none where all is well', () => {
  expect(rules.map(({ alert }) => alert).filter((alert) => !firing.has(alert))).toEqual([]);
  writeFileSync(join(folder, 'alerts-test.yml'), alertTests(rules, 'alerts.yml'));
  const { status, said } = run('promtool', ['test', 'rules', 'alerts-test.yml']);
  expect([said, status]).toEqual([expect.stringContaining('SUCCESS'), 0]);
});

test.each(expressions)('the panel “%s” has data: %s', async (_, expression) => {
  await until('it has data', async () => (await query(expression)).data.result.length > 0, 30).catch(() => {});
  const { status, error, data } = await query(expression);
  expect([status, error]).toEqual(['success', undefined]);
  expect(data.result.filter(({ value: [, value] }) => value !== 'NaN').length).toBeGreaterThan(0);
});

test.each(rules.map(({ alert, expr }) => [alert, expr] as const))('the alert %s is answered: %s', async (_, expr) => {
  const { status, error } = await query(expr);
  expect([status, error]).toEqual(['success', undefined]);
  const names = expr.match(/\b(registry_proxy|nodejs|process)_\w+/g) ?? [];
  for (const name of names.filter((each) => !each.endsWith('_'))) {
    expect([name, (await query(`count(${name})`)).data.result.length]).toEqual([name, 1]);
  }
});

test('Prometheus knows what each metric is', async () => {
  const { text } = await ask(`${prometheus}/api/v1/metadata`);
  const known = (JSON.parse(text) as { data: Record<string, { type: string }[]> }).data;
  const found = (name: string) => known[name] ?? known[name.replace(/_total$/, '')];
  expect(Object.values(METRICS).map(({ name }) => [name, found(name)?.[0]?.type])).toEqual(
    Object.values(METRICS).map(({ name, type }) => [name, type]),
  );
});
