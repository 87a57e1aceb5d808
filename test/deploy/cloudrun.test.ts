import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readConfig } from '../../src/core/config';
import { HEALTH } from '../../src/shell/own-pages';
import { root } from '../tools/sources';
import { imageName, readDeploy, settingNames, version, yamlOf } from './manifests';

interface Service {
  apiVersion: string;
  metadata: { name: string };
  spec: {
    template: {
      metadata: { annotations: Record<string, string> };
      spec: {
        containerConcurrency: number;
        timeoutSeconds: number;
        containers: {
          image: string;
          ports: { name: string; containerPort: number }[];
          env: { name: string; value: string }[];
          startupProbe: { httpGet: object };
          livenessProbe: { httpGet: object };
        }[];
      };
    };
  };
}

/** As Cloud Run's API has it: test/e2e/manifests.e2e.ts. */
const [service] = yamlOf<Service>('cloudrun/service.yaml') as [Service];
const { spec } = service.spec.template;
const [container] = spec.containers as [(typeof spec.containers)[0]];
const env = Object.fromEntries(container.env.map(({ name, value }) => [name, value]));
/** What Cloud Run sets itself: https://docs.cloud.google.com/run/docs/container-contract */
const given = { K_SERVICE: 'registry-proxy', K_REVISION: 'registry-proxy-00001', PORT: '8080' };

describe('service.yaml', () => {
  test('sets settings that there are, and is known for what it is', () => {
    expect(Object.keys(env).filter((name) => !settingNames.has(name))).toEqual([]);
    expect(readConfig({ ...given, ...env })).toMatchObject({ platform: 'cloud-run', port: 8080 });
  });

  test('leaves PORT to Cloud Run, which refuses a service that sets it', () => {
    expect(env).not.toHaveProperty('PORT');
    expect(container.ports).toEqual([{ name: 'http1', containerPort: Number(given.PORT) }]);
  });

  test('ends before Cloud Run kills it, 10 s after SIGTERM', () => {
    expect(readConfig({ ...given, ...env }).timeouts.shutdown).toBeLessThan(10_000);
  });

  test('is asked on a path of the proxy, by its port', () => {
    const probe = { path: HEALTH, port: Number(given.PORT) };
    expect([container.startupProbe.httpGet, container.livenessProbe.httpGet]).toEqual([probe, probe]);
  });

  test('keeps within the limits of the platform, and has a cap on its cost', () => {
    expect(spec.timeoutSeconds).toBe(3600);
    expect(spec.containerConcurrency).toBeLessThanOrEqual(1000);
    const { annotations } = service.spec.template.metadata;
    expect(Number(annotations['autoscaling.knative.dev/maxScale'])).toBeGreaterThan(0);
    // Annotations are text; a number there is refused.
    expect(Object.values(annotations).map((value) => typeof value)).toEqual(
      Object.keys(annotations).map(() => 'string'),
    );
  });

  test('names the image of the Dockerfile in this version', () => {
    expect(container.image).toMatch(new RegExp(`-docker\\.pkg\\.dev/PROJECT/\\S+/${imageName}:${version}$`));
  });
});

describe('app.json of the button', () => {
  const app = JSON.parse(readDeploy('cloudrun/app.json')) as {
    name: string;
    env: Record<string, { description: string; value: string; required: boolean; order: number }>;
    options: object;
    build: { skip: boolean };
    hooks: { prebuild: { commands: string[] } };
  };

  /** Words that the button knows; it ends at any other: cmd/cloudshell_open/appfile.go, its README of 2025. */
  const known: Record<string, readonly string[]> = {
    '': ['name', 'env', 'options', 'build', 'hooks'],
    env: ['description', 'value', 'required', 'generator', 'order'],
    options: ['allow-unauthenticated', 'memory', 'cpu', 'port', 'http2'],
    build: ['skip', 'buildpacks'],
    hooks: ['prebuild', 'postbuild', 'precreate', 'postcreate'],
  };

  test('has words that the button knows', () => {
    const used: [string, object][] = [
      ['', app],
      ['options', app.options],
      ['build', app.build],
      ['hooks', app.hooks],
      ...Object.values(app.env).map((each): [string, object] => ['env', each]),
    ];
    for (const [place, value] of used) expect(known[place]).toEqual(expect.arrayContaining(Object.keys(value)));
  });

  test('asks for settings that there are, with values that the proxy starts with', () => {
    expect(Object.keys(app.env).filter((name) => !settingNames.has(name))).toEqual([]);
    const values = Object.fromEntries(Object.entries(app.env).map(([name, { value }]) => [name, value]));
    expect(readConfig({ ...given, ...values }).timeouts.shutdown).toBeLessThan(10_000);
    expect(app.name).toBe(service.metadata.name);
  });

  test('builds the image of the Dockerfile from the whole repository, itself', () => {
    expect(app.build).toEqual({ skip: true });
    const [, file, context] =
      /^docker build -f (\S+) -t \$IMAGE_URL (\S+)$/.exec(app.hooks.prebuild.commands.join()) ?? [];
    const here = join(root, 'deploy/cloudrun');
    expect([existsSync(join(here, String(file))), join(here, String(context))]).toEqual([true, `${root}`]);
  });
});
