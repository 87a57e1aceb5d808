import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readConfig } from '../../src/core/config';
import { hrefOf } from '../../src/core/url';
import { root } from '../tools/sources';
import { imageName, readDeploy, settingNames, version, yamlOf } from './manifests';

interface Service {
  image: string;
  environment?: Record<string, string>;
  ports?: string[];
  volumes?: string[];
  [word: string]: unknown;
}
interface Compose {
  services: Record<string, Service>;
  volumes: object;
}

const dockerfile = readDeploy('docker/Dockerfile');
const instructions = dockerfile
  .replace(/\\\n\s*/g, ' ')
  .split('\n')
  .filter((line) => /^[A-Z]+ /.test(line))
  .map((line) => /^([A-Z]+) (.*)$/.exec(line)?.slice(1) as [string, string]);
const those = (word: string) => instructions.filter(([name]) => name === word).map(([, rest]) => rest);
const runStage = instructions.slice(instructions.findLastIndex(([word]) => word === 'FROM'));
const inRunStage = (word: string) => runStage.filter(([name]) => name === word).map(([, rest]) => rest);
const ignored = readFileSync(join(root, '.dockerignore'), 'utf8')
  .split('\n')
  .filter((line) => /^[*!]/.test(line));

describe('the Dockerfile', () => {
  test('takes both bases from arguments with a tag that says which', () => {
    expect(those('FROM').map((from) => from.match(/\$\{(\w+)\}/)?.[1])).toEqual(['BUILD_IMAGE', 'RUN_IMAGE']);
    const bases = those('ARG').map((argument) => argument.split('=')[1]);
    expect(bases).toHaveLength(2);
    for (const base of bases) expect(base).toMatch(/^[\w.-]+\.\w+\/[\w./-]+:(?!latest$)[\w.-]+$/);
  });

  test('compiles nothing for a processor: what is copied into the run stage is built on the builder’s own', () => {
    expect(those('FROM')[0]).toMatch(/^--platform=\$BUILDPLATFORM /);
    expect(inRunStage('RUN')).toEqual([]);
    expect(inRunStage('COPY').every((copy) => copy.startsWith('--from=build '))).toBe(true);
  });

  test('runs as a number that is not root, without a shell', () => {
    expect(inRunStage('USER')).toEqual(['65532:65532']);
    for (const word of ['ENTRYPOINT', 'CMD']) for (const form of inRunStage(word)) expect(form).toMatch(/^\[/);
    for (const run of those('RUN')) expect(run).toMatch(/^\[/);
    expect(inRunStage('HEALTHCHECK')[0]).toMatch(/CMD \["node", "\/app\/bundle.js", "healthcheck"\]$/);
    expect(inRunStage('VOLUME')).toEqual([]);
  });

  test('says the port that the proxy listens on, its version and its licence', () => {
    const port = /PORT=(\d+)/.exec(inRunStage('ENV')[0] as string)?.[1] as string;
    expect(inRunStage('EXPOSE')).toEqual([port]);
    expect(readConfig({ PORT: port }).port).toBe(Number(port));
    expect(inRunStage('LABEL')[0]).toContain(`org.opencontainers.image.version="${version}"`);
    expect(inRunStage('STOPSIGNAL')).toEqual(['SIGTERM']);
  });

  test('copies what the repository has, and .dockerignore lets through that and nothing else', () => {
    const copied = those('COPY')
      .filter((copy) => !copy.startsWith('--from='))
      .flatMap((copy) => copy.split(' ').slice(0, -1));
    expect(copied.filter((path) => !existsSync(join(root, path)))).toEqual([]);
    expect(ignored).toEqual(['*', ...ignored.slice(1)]);
    expect(
      ignored
        .slice(1)
        .map((line) => line.slice(1))
        .sort(),
    ).toEqual(copied.sort());
  });

  test('builds as `yarn build` does, with what stands in .dockerignore', () => {
    const [install, build] = those('RUN').map((run) => JSON.parse(run) as string[]);
    expect(install).toEqual(['node', '.yarn/launch.cjs', 'install']);
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object };
    expect(Object.keys(scripts)).toContain(build?.[2]);
  });
});

describe.each([
  ['compose.yaml', { FAR_URL: 'https://far.example.com' }],
  ['compose.minio.yaml', { MINIO_PASSWORD: 'made-up' }],
])('%s', (name, given) => {
  const [compose] = yamlOf<Compose>(`docker/${name}`) as [Compose];
  const service = compose.services['registry-proxy'] as Service;
  const filled = (text: string) =>
    text.replace(/\$\{(\w+)(?:(:-|:\?)([^}]*))?\}/g, (_, variable, mark, rest) => {
      const value = (given as Record<string, string>)[variable];
      return value ?? (mark === ':-' ? rest : '');
    });
  const environment = Object.fromEntries(
    Object.entries(service.environment ?? {}).map(([key, value]) => [key, filled(value)]),
  );

  test('runs the image of the Dockerfile beside it, hardened, and gives it time to end', () => {
    expect(filled(service.image)).toBe(`${imageName}:${version}`);
    expect(service.build).toEqual({ context: '../..', dockerfile: 'deploy/docker/Dockerfile' });
    expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });
    const { shutdown } = readConfig(environment).timeouts;
    expect(Number.parseInt(String(service.stop_grace_period), 10) * 1000).toBeGreaterThan(shutdown);
  });

  test('sets settings that there are, with which the proxy starts and caches', () => {
    expect(Object.keys(environment).filter((each) => !settingNames.has(each))).toEqual([]);
    const { cache, upstreams } = readConfig(environment);
    expect(upstreams.map((upstream) => upstream.name)).toEqual(['docker.io', 'ghcr.io', 'quay.io', 'registry.k8s.io']);
    expect(cache?.place.kind).toBe(name === 'compose.yaml' ? 'disk' : 's3');
  });

  test('leads to the port of the image', () => {
    expect(service.ports?.map((port) => filled(port).split(':')[1])).toEqual(those('EXPOSE'));
  });

  test('names images by a version, and writes no secret down', () => {
    for (const { image } of Object.values(compose.services)) expect(filled(image)).toMatch(/:(?!latest)[\w.-]+$/);
    const secrets = Object.values(compose.services).flatMap(({ environment: all = {} }) =>
      Object.entries(all).filter(([key]) => /PASSWORD|SECRET/.test(key)),
    );
    for (const [, value] of secrets) expect(value).toMatch(/^\$\{\w+:\?/);
  });
});

test('the near tier knows its registries as those of the far one, and tells it which is meant', () => {
  const [{ services }] = yamlOf<Compose>('docker/compose.yaml') as [Compose];
  const far = 'https://far.example.com';
  const text = JSON.stringify(services['registry-proxy']?.environment).replace(/\$\{FAR_URL[^}]*\}/g, far);
  const environment = JSON.parse(text.replace(/\$\{\w+:-([^}]*)\}/g, '$1')) as Record<string, string>;
  const { upstreams } = readConfig(environment);
  expect(upstreams.map(({ url }) => hrefOf(url))).toEqual(upstreams.map(() => 'https://far.example.com'));
});
