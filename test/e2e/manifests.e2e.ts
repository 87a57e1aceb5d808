import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import { readConfig } from '../../src/core/config';
import { clientsFolder, hasClient, project } from './prepare';

/**
 * The manifests of deploy/, read by the tools and types of those who act on them: kustomize and the Kubernetes API, Cloud
 * Run's API, compose and docker-compose, systemd. Nothing of it needs a cluster, an account or a network.
 */
const deploy = join(project, 'deploy');
let work: string;

beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), 'manifests-'));
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

function run([program, ...words]: string[], input = '', env: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(program as string, words, {
    input,
    encoding: 'utf8',
    env: { PATH: process.env.PATH ?? '', HOME: work, ...env },
  });
  return { status, stdout, stderr, said: stdout + stderr };
}
const read = (...words: string[]) => [join(clientsFolder, 'manifests'), ...words];
const text = (path: string) => readFileSync(join(deploy, path), 'utf8');
const withGo = hasClient('manifests') ? describe : describe.skip;

interface Manifest {
  kind: string;
  metadata: { name: string; namespace?: string };
  data?: Record<string, string>;
  // biome-ignore lint/suspicious/noExplicitAny: its types were checked by those who define them
  spec?: any;
}

withGo('Kubernetes', () => {
  const build = (folder: string) => run(read('kubernetes', folder));
  const built = (overlay: string) => loadAll(build(join(deploy, 'kubernetes/overlays', overlay)).stdout) as Manifest[];

  test.each(['bucket', 'disk'])('the overlay %s is built by kustomize, and decoded strictly by the API', (overlay) => {
    expect(build(join(deploy, 'kubernetes/overlays', overlay))).toMatchObject({ status: 0, stderr: '' });
  });

  test('so is it with the ServiceMonitor of the Prometheus operator', () => {
    const copy = join(work, 'kubernetes');
    cpSync(join(deploy, 'kubernetes'), copy, { recursive: true });
    const file = join(copy, 'overlays/bucket/kustomization.yaml');
    const own = readFileSync(file, 'utf8');
    writeFileSync(file, own.replace('components:\n', 'components:\n  - ../../components/monitoring\n'));
    const { status, stdout, stderr } = build(join(copy, 'overlays/bucket'));
    expect([status, stderr]).toEqual([0, '']);
    const monitor = (loadAll(stdout) as Manifest[]).find(({ kind }) => kind === 'ServiceMonitor');
    expect(monitor?.spec).toMatchObject({
      endpoints: [
        {
          port: 'http',
          path: '/-/metrics',
          authorization: { credentials: { name: 'registry-proxy', key: 'METRICS_TOKEN' } },
        },
      ],
    });
  });

  test.each([
    ['a word in wrong case', 'strategy:', 'Strategy:', /unknown field "spec\.Strategy"/],
    ['a word that there is not', 'readOnlyRootFilesystem', 'readOnlyRootFileSystem', /unknown field/],
    ['a number where text belongs', 'value: "3000"', 'value: 3000', /cannot unmarshal number/],
  ])('%s would be found', (_, from, to, fault) => {
    const changed = text('kubernetes/base/deployment.yaml').replace(from, to);
    expect(run(read('objects'), changed)).toMatchObject({ status: 1, stderr: expect.stringMatching(fault) });
  });

  describe.each(['bucket', 'disk'])('of the overlay %s', (overlay) => {
    let all: Manifest[];
    const one = (kind: string) => all.find((each) => each.kind === kind) as Manifest;
    const workload = () => all.find(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet') as Manifest;
    const container = () => workload().spec.template.spec.containers[0];

    beforeAll(() => {
      all = built(overlay);
    });

    test('everything is in the namespace', () => {
      expect(all.map(({ metadata }) => metadata.namespace)).toEqual(all.map(() => 'registry-proxy'));
    });

    test('what selects pods selects these', () => {
      const { labels } = workload().spec.template.metadata;
      const selectors = all.flatMap(({ kind, spec }) => {
        if (kind === 'Service') return [spec.selector];
        return [spec?.selector?.matchLabels ?? spec?.podSelector?.matchLabels ?? []].flat();
      });
      expect(selectors.length).toBeGreaterThan(3);
      for (const selector of selectors) expect(labels).toMatchObject(selector);
    });

    test('what is named is there', () => {
      const names = all.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
      const [{ configMapRef }] = container().envFrom;
      const named = [`ConfigMap/${configMapRef.name}`];
      const target = one('HorizontalPodAutoscaler')?.spec.scaleTargetRef;
      if (target) named.push(`${target.kind}/${target.name}`);
      const service = one('Ingress')?.spec.rules[0].http.paths[0].backend.service.name;
      if (service) named.push(`Service/${service}`);
      if (workload().spec.serviceName) named.push(`Service/${workload().spec.serviceName}`);
      expect(names).toEqual(expect.arrayContaining(named));
      expect(Boolean(target)).toBe(overlay === 'bucket');
    });

    test('the settings are a configuration that the proxy starts with', () => {
      const data = one('ConfigMap').data ?? {};
      const secret = overlay === 'bucket' ? { CACHE_ACCESS_KEY: 'key', CACHE_SECRET_KEY: work } : {};
      const config = readConfig({ ...data, ...secret });
      expect(config.cache?.place.kind).toBe(overlay === 'bucket' ? 's3' : 'disk');
      const { terminationGracePeriodSeconds } = workload().spec.template.spec;
      const pause = container().lifecycle.preStop.sleep.seconds;
      expect(terminationGracePeriodSeconds * 1000).toBeGreaterThan(config.timeouts.shutdown + pause * 1000);
    });

    test('every volume that is mounted is there, also the one of a cache', () => {
      const { volumes } = workload().spec.template.spec;
      const claims = workload().spec.volumeClaimTemplates ?? [];
      const there = [
        ...volumes.map(({ name }: { name: string }) => name),
        ...claims.map((claim: Manifest) => claim.metadata.name),
      ];
      expect(
        container()
          .volumeMounts.map(({ name }: { name: string }) => name)
          .sort(),
      ).toEqual(there.sort());
    });
  });
});

withGo('Cloud Run', () => {
  test('service.yaml is a Service of its API', () => {
    expect(run(read('cloudrun'), text('cloudrun/service.yaml'))).toMatchObject({ status: 0, said: '' });
  });

  test.each([
    ['startupProbe', 'startUpProbe', /unknown field.*startUpProbe/],
    ['containerConcurrency: 80', 'containerConcurrency: many', /cannot unmarshal string/],
  ])('%s as %s would be found', (from, to, fault) => {
    const changed = text('cloudrun/service.yaml').replace(from, to);
    expect(run(read('cloudrun'), changed)).toMatchObject({ status: 1, stderr: expect.stringMatching(fault) });
  });
});

describe.each([
  ['compose.yaml', { FAR_URL: 'https://far.example.com' }],
  ['compose.minio.yaml', { MINIO_PASSWORD: 'made-up' }],
])('%s', (name, env) => {
  const file = join(deploy, 'docker', name);

  test('is read by docker-compose', () => {
    expect(run(['docker-compose', '-f', file, 'config', '-q'], '', env)).toMatchObject({ status: 0, said: '' });
  });

  test('is not started without what it needs', () => {
    const { status, said } = run(['docker-compose', '-f', file, 'config', '-q']);
    expect([status, said]).toEqual([1, expect.stringContaining('Missing mandatory value')]);
  });

  (hasClient('manifests') ? test : test.skip)('is read by the loader of today’s compose', () => {
    expect(run(read('compose', file), '', env)).toMatchObject({ status: 0, stderr: '' });
    const changed = join(work, name);
    writeFileSync(changed, readFileSync(file, 'utf8').replace('read_only', 'readonly'));
    expect(run(read('compose', changed), '', env)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('readonly'),
    });
  });
});

describe('the unit of systemd', () => {
  const unit = text('systemd/registry-proxy.service').replace('/usr/bin/node ', `${process.execPath} `);
  const place = (name: string, content: string) => {
    const path = join(work, name);
    writeFileSync(path, content);
    return path;
  };
  const all = unit.replace(/^#([A-Z][A-Za-z]+=)/gm, '$1');

  test.each([
    ['as it is', unit],
    ['with every line switched on that it offers as a comment', all],
  ])('has nothing that systemd-analyze verify finds, %s', (_, content) => {
    expect(run(['systemd-analyze', 'verify', place('registry-proxy.service', content)]).said).toBe('');
  });

  test('verify would find a word that there is not', () => {
    const wrong = unit.replace('NoNewPrivileges', 'NoMorePrivileges');
    expect(run(['systemd-analyze', 'verify', place('wrong.service', wrong)]).said).toContain('NoMorePrivileges');
  });

  test.each([
    ['as it is', unit, 13],
    ['with a port below 1024', all, 16],
  ])('its exposure, %s, is no more than the README says: %s', (_, content, tenths) => {
    const path = place('registry-proxy.service', content);
    const security = ['systemd-analyze', 'security', '--offline=true', `--threshold=${tenths}`, '--no-pager', path];
    const { status, said } = run(security);
    expect([status, said.match(/exposure level for .*: ([\d.]+)/)?.[1]]).toEqual([0, String(tenths / 10)]);
  });
});
