import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { readConfig } from '../../src/core/config';
import { CHECK_TIME, READY } from '../../src/core/readiness';
import { HEALTH } from '../../src/shell/own-pages';
import { root } from '../tools/sources';
import { imageName, readDeploy, settingNames, version, yamlFiles, yamlOf } from './manifests';

/** As written, before kustomize; what it makes of it is held against the API's own types in test/e2e/manifests.e2e.ts. */
interface Kustomization {
  kind: string;
  resources?: string[];
  components?: string[];
  images?: { name: string; newName: string; newTag: string }[];
  configMapGenerator?: { name: string; behavior?: string; literals: string[] }[];
}

const files = yamlFiles('kubernetes');
const kustomizations = files.filter((path) => path.endsWith('kustomization.yaml'));
const kustomization = (path: string) => yamlOf<Kustomization>(path)[0] as Kustomization;
// biome-ignore lint/suspicious/noExplicitAny: held against the types of the API where there is Go
const only = (path: string) => yamlOf<any>(`kubernetes/${path}`)[0];
const deployment = only('base/deployment.yaml');
const pod = deployment.spec.template.spec;
const [container] = pod.containers;

const literals = (path: string) =>
  (kustomization(path).configMapGenerator ?? []).flatMap(({ literals }) => literals.map((each) => each.split('=')));

describe('the kustomizations', () => {
  test('are there', () => expect(kustomizations.length).toBe(7));

  test.each(kustomizations)('%s names files and folders that there are', (path) => {
    const { resources = [], components = [] } = kustomization(path);
    const missing = [...resources, ...components].filter((each) => !existsSync(join(root, 'deploy', path, '..', each)));
    expect(missing).toEqual([]);
  });

  test.each(kustomizations.filter((path) => literals(path).length > 0))('%s sets settings that there are', (path) => {
    expect(literals(path).filter(([name]) => !settingNames.has(String(name)))).toEqual([]);
  });

  test('every manifest belongs to one', () => {
    const named = kustomizations.flatMap((path) =>
      (kustomization(path).resources ?? []).map((each) => join(path, '..', each)),
    );
    expect(files.filter((path) => !kustomizations.includes(path) && !named.includes(path))).toEqual([]);
  });

  test.each(['bucket', 'disk'])('the overlay %s replaces the image by one with this version', (overlay) => {
    const { images } = kustomization(`kubernetes/overlays/${overlay}/kustomization.yaml`);
    expect(images).toEqual([{ name: imageName, newName: `r.example.com/${imageName}`, newTag: version }]);
    expect(container.image).toBe(imageName);
  });

  test('monitoring is off: the proxy has no metrics yet', () => {
    const overlays = kustomizations.filter((path) => path.includes('/overlays/'));
    const used = overlays.flatMap((path) => kustomization(path).components ?? []);
    expect(used.length).toBeGreaterThan(2);
    expect(used.filter((path) => path.includes('monitoring'))).toEqual([]);
  });

  test('write no secret down', () => {
    const secrets = /PASSWORD|SECRET|TOKEN|ACCOUNTS|AUTH_HEADER|ACCESS_KEY/;
    expect(kustomizations.flatMap(literals).filter(([name]) => secrets.test(String(name)))).toEqual([]);
    for (const path of files) for (const { kind } of yamlOf<{ kind: string }>(path)) expect(kind).not.toBe('Secret');
  });
});

describe('the pods', () => {
  test('are what the restricted Pod Security Standard lets in, and write nowhere but in their volumes', () => {
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    for (const word of ['hostNetwork', 'hostPID', 'hostIPC']) expect(pod).not.toHaveProperty(word);
    expect(pod.volumes).toEqual([{ name: 'tmp', emptyDir: { sizeLimit: expect.any(String) } }]);
  });

  test('run as the user of the image', () => {
    const user = /^USER (\d+):(\d+)$/m.exec(readDeploy('docker/Dockerfile'));
    const { runAsUser, runAsGroup, fsGroup } = pod.securityContext;
    expect([runAsUser, runAsGroup, fsGroup].map(String)).toEqual([user?.[1], user?.[2], user?.[2]]);
  });

  test('get no variables of Services, which are named as those that registry (distribution) is set by', () => {
    expect(pod.enableServiceLinks).toBe(false);
  });

  test('are asked on a path of the proxy, by the port that it listens on', () => {
    const probes = ['startupProbe', 'readinessProbe', 'livenessProbe'].map((name) => container[name].httpGet);
    expect(probes).toEqual([HEALTH, READY, HEALTH].map((path) => ({ path, port: 'http' })));
    expect(container.readinessProbe.timeoutSeconds * 1000).toBeGreaterThan(CHECK_TIME);
    const [{ name, containerPort }] = container.ports;
    const [port] = container.env;
    expect([name, port]).toEqual(['http', { name: 'PORT', value: String(containerPort) }]);
    const targets = ['base/service.yaml', 'components/disk/service.yaml'].map(
      (path) => only(path).spec.ports[0].targetPort,
    );
    expect([...targets, only('base/network-policy.yaml').spec.ingress[0].ports[0].port]).toEqual([
      'http',
      'http',
      'http',
    ]);
  });

  test('have time to end: the pause, SHUTDOWN_TIMEOUT, and some more', () => {
    const base = Object.fromEntries(literals('kubernetes/base/kustomization.yaml')) as Record<string, string>;
    const pause = container.lifecycle.preStop.sleep.seconds * 1000;
    expect(pod.terminationGracePeriodSeconds * 1000).toBeGreaterThan(readConfig(base).timeouts.shutdown + pause);
  });

  test('are several, spread over nodes and zones, of which one may be missing', () => {
    const hpa = only('base/autoscaler.yaml').spec;
    // A number in the Deployment would undo the autoscaler's with every change that is applied.
    expect([deployment.spec.replicas, hpa.minReplicas]).toEqual([undefined, 2]);
    const [disk] = yamlOf<{ patches: { patch: string }[] }>('kubernetes/components/disk/kustomization.yaml');
    expect(load(disk?.patches[0]?.patch ?? '')).toContainEqual({ op: 'add', path: '/spec/replicas', value: 2 });
    expect(hpa.maxReplicas).toBeGreaterThan(hpa.minReplicas);
    expect(pod.topologySpreadConstraints.map(({ topologyKey }: { topologyKey: string }) => topologyKey)).toEqual([
      'kubernetes.io/hostname',
      'topology.kubernetes.io/zone',
    ]);
    expect(only('base/disruption-budget.yaml').spec.maxUnavailable).toBe(1);
  });

  test('may call no address of the cloud’s metadata', () => {
    const [, https] = only('base/network-policy.yaml').spec.egress;
    expect(https.ports).toEqual([{ port: 443 }]);
    expect(https.to[0].ipBlock.except).toContain('169.254.0.0/16');
  });
});

test('the Ingress neither limits nor buffers bodies, and waits longer than the proxy does', () => {
  const { annotations } = only('components/ingress/ingress.yaml').metadata;
  const said = (name: string) => annotations[`nginx.ingress.kubernetes.io/${name}`];
  expect(['proxy-body-size', 'proxy-buffering', 'proxy-request-buffering'].map(said)).toEqual(['0', 'off', 'off']);
  const { client, response } = readConfig({}).timeouts;
  for (const name of ['proxy-read-timeout', 'proxy-send-timeout']) {
    expect(Number(said(name)) * 1000).toBeGreaterThan(Math.max(client, response));
  }
});

test('the Secret of logins may be missing, but not where it holds the keys of the bucket', () => {
  expect(container.envFrom).toEqual([
    { configMapRef: { name: 'registry-proxy' } },
    { secretRef: { name: 'registry-proxy', optional: true } },
  ]);
  expect(readDeploy('kubernetes/components/bucket/kustomization.yaml')).toMatch(/secretRef\/optional\n\s+value: false/);
});
