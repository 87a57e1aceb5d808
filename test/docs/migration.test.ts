import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../../src/core/config';
import { checkImage } from '../../src/core/image-rules';
import { routeOf } from '../../src/core/route';
import { settings } from '../../src/core/settings';
import { hrefOf } from '../../src/core/url';
import { root } from '../tools/sources';
import { configOf, examplesOf } from './migration-examples';

const ENGLISH = 'docs/migration.md';
/** A translation has the same examples. */
const documents = [ENGLISH, 'docs/migration.zh-CN.md'].filter((path) => existsSync(join(root, path)));
const read = (path: string) => readFileSync(join(root, path), 'utf8');

const HUB = 'docker.io https://registry-1.docker.io';
const addresses = (config: Config) => config.upstreams.map(({ name, url }) => `${name} ${hrefOf(url)}`).sort();
const logins = (config: Config) =>
  config.upstreams.flatMap(({ name, accounts }) =>
    accounts.map((account) => `${name} ${account.kind === 'login' ? account.username : account.kind}`),
  );
/** The registry and the repository there of an image that a client asks for. */
const route = (config: Config, host: string, image = 'owner/app') => {
  const { upstream, repository } = routeOf(`/v2/${image}/manifests/v1`, config, host);
  return `${upstream.name} ${repository}`;
};
const isRefused = (config: Config, image: string) => {
  try {
    checkImage(routeOf(`/v2/${image}/manifests/v1`, config, 'r.example.com'), config);
    return false;
  } catch {
    return true;
  }
};
const tagLifetime = (config: Config, tag: string) =>
  config.cache?.tagLifetime({ registry: 'docker.io', repository: 'library/nginx', tag });

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** One that stands in no document. */
const example = (kind: string) => ({ time: 'after', name: '', kind, path: '', text: '' }) as const;

/** What each example must come to. */
const MEANINGS: Record<string, (config: Config) => void> = {
  fastify: (config) => {
    expect(addresses(config)).toEqual([HUB]);
    expect(config).toMatchObject({ platform: 'aliyun-fc', upstreams: [{ handleRedirect: true, auth: 'relay' }] });
  },
  registry: (config) => {
    expect(addresses(config)).toEqual(['gcr.io https://gcr.io']);
    expect(logins(config)).toEqual(['gcr.io _json_key']);
    expect(config).toMatchObject({
      host: '0.0.0.0',
      port: 5443,
      tls: { cert: '/certs/r.example.com.crt', key: '/certs/r.example.com.key' },
      gate: { realm: 'Registry Realm' },
      cache: { place: { kind: 'disk', folder: '/var/lib/registry' }, inactive: 7 * DAY },
      notes: [],
    });
  },
  haidongpang: (config) => {
    expect(config.upstreams.map(({ handleRedirect }) => handleRedirect)).not.toContain(false);
    expect(config.notes).toEqual([]);
  },
  ahmetb: (config) => {
    expect(addresses(config)).toEqual(['gcr.io https://gcr.io']);
    expect(route(config, 'r.example.com', 'foo')).toBe('gcr.io my-project/foo');
    expect(config).toMatchObject({ platform: 'cloud-run', browserRedirects: true });
  },
  'ahmetb-flags': (config) => {
    expect(addresses(config)).toEqual([HUB]);
    expect(config.port).toBe(8080);
    expect(route(config, 'r.example.com', 'foo')).toBe('docker.io ahmet/foo');
  },
  'ahmetb-private': (config) => {
    expect(addresses(config)).toEqual(['us-central1-docker.pkg.dev https://us-central1-docker.pkg.dev']);
    expect(config.upstreams[0].accounts).toMatchObject([{ kind: 'cloud', account: { kind: 'google-key' } }]);
    expect(config).toMatchObject({ browserRedirects: false, notes: [] });
  },
  script: (config) => {
    expect(addresses(config)).toEqual([HUB]);
    expect(config.upstreams[0]).toMatchObject({ handleRedirect: true, auth: 'relay' });
  },
  ciiiii: (config) => {
    const hosts = ['docker', 'quay', 'gcr', 'ghcr', 'k8s', 'k8s-gcr', 'ecr', 'cloudsmith', 'docker-staging'];
    expect(hosts.map((host) => route(config, `${host}.example.com`).split(' ')[0])).toEqual([
      ...['docker.io', 'quay.io', 'gcr.io', 'ghcr.io', 'registry.k8s.io', 'registry.k8s.io', 'public.ecr.aws'],
      ...['docker.cloudsmith.io', 'docker.io'],
    ]);
    expect(config.notes).toEqual([]);
  },
  cmliu: (config) => {
    const hosts = ['docker', 'quay', 'gcr', 'ghcr', 'k8s', 'nvcr', 'test'];
    expect(hosts.map((host) => route(config, `${host}.example.com`).split(' ')[0])).toEqual([
      ...['docker.io', 'quay.io', 'gcr.io', 'ghcr.io', 'registry.k8s.io', 'nvcr.io', 'docker.io'],
    ]);
    expect(config.landingPage).toBeUndefined();
  },
  hubproxy: (config) => {
    expect(addresses(config)).toEqual([HUB, 'ghcr.io https://ghcr.io', 'quay.io https://quay.io']);
    expect(config).toMatchObject({ port: 5000, guards: { rate: { count: 167, within: 60 * MINUTE, burst: 500 } } });
    const images = ['vaxilu/x-ui', 'ghcr.io/vaxilu/x-ui', 'quay.io/vaxilu/x-ui', 'nginx', 'ghcr.io/owner/app'];
    expect(images.filter((image) => isRefused(config, image))).toEqual(images.slice(0, 3));
    expect(['1.25', 'latest', 'main', 'dev'].map((tag) => tagLifetime(config, tag))).toEqual([
      20 * MINUTE,
      ...[10 * MINUTE, 10 * MINUTE, 10 * MINUTE],
    ]);
  },
  crproxy: (config) => {
    expect(addresses(config)).toEqual(['cr.l5d.io https://cr.l5d.io', HUB, 'ghcr.io https://ghcr.io']);
    expect(logins(config)).toEqual(['docker.io robot']);
    expect(route(config, 'l5d.example.com')).toBe('cr.l5d.io owner/app');
    expect(route(config, 'ghcr.example.com')).toBe('ghcr.io owner/app');
    expect(route(config, 'r.example.com', 'docker.io/library/nginx')).toBe('docker.io library/nginx');
    expect([isRefused(config, 'library/notwanted'), isRefused(config, 'nginx')]).toEqual([true, false]);
    expect(config).toMatchObject({
      port: 8080,
      cache: { place: { kind: 's3', bucket: 'images' }, redirect: 10 * MINUTE },
    });
    expect(config.gate).toBeDefined();
  },
  rpardini: (config) => {
    const names = ['docker.io', 'gcr.io', 'quay.io', 'registry.k8s.io'];
    expect(config.upstreams.map(({ name }) => name).sort()).toEqual(names);
    expect(logins(config)).toEqual(['docker.io robot']);
    expect(config.cache).toMatchObject({
      place: { kind: 'disk', folder: '/cache', maxBytes: 32 * 1024 ** 3 },
      inactive: 60 * DAY,
    });
    expect(['latest', 'stable', '1.25.3', '1.25'].map((tag) => tagLifetime(config, tag))).toEqual([
      ...[60 * MINUTE, 10 * MINUTE, 60 * DAY, 60 * MINUTE],
    ]);
    expect(config.notes).toEqual([]);
  },
};

describe.each(documents)('%s', (document) => {
  const text = read(document);
  const examples = examplesOf(text);
  const named = (name: string, ...times: string[]) =>
    examples.filter((example) => example.name === name && times.includes(example.time));
  const after = [...new Set(examples.filter(({ time }) => time === 'after').map(({ name }) => name))];

  test('has an example for each meaning, and the other way round', () => {
    expect(after.sort()).toEqual(Object.keys(MEANINGS).sort());
  });

  test('marks every fence that follows “After”, so that none goes unread', () => {
    const unmarked = [...text.matchAll(/^(?:After|之后)[^\n]*\n\n(?!<!-- after: )/gm)];
    expect(unmarked.map(([line]) => line)).toEqual([]);
  });

  test.each(Object.entries(MEANINGS))('its example %s is accepted and means what is said', (name, check) => {
    // A file of the old program's stays where it is.
    const kept = named(name, 'before').filter(({ kind }) => kind === 'file' || kind === 'rows');
    check(configOf([...kept, ...named(name, 'after')]));
  });

  test('what another program was given is read as it is, and comes to the same', () => {
    const started = { ...example('command'), text: 'node dist/bundle.js serve /etc/docker/registry/config.yml' };
    const kept = named('registry', 'before').filter(({ kind }) => kind === 'file');
    const old = configOf([...named('registry', 'before'), started]);
    const { host, port, tls, upstreams, cache, gate } = configOf([...kept, ...named('registry', 'after')]);
    expect(old).toMatchObject({
      host,
      port,
      tls,
      upstreams,
      gate: { realm: gate?.realm },
      cache: { place: cache?.place },
    });
    const both = ['before', 'after'].map((time) => configOf(named('ahmetb', time)));
    expect(addresses(both[0])).toEqual(addresses(both[1]));
    expect(both[0].upstreams[0].prefix).toBe(both[1].upstreams[0].prefix);
  });

  test('rows of HaidongPang/registry-proxy are served as they are', () => {
    const config = configOf(named('haidongpang', 'before', 'after'));
    expect(config.rows.map(({ key, faults }) => [key, faults])).toEqual(
      ['docker', 'gcr', 'ghcr', 'k8s'].map((key) => [key, []]),
    );
    const hosts = ['docker', 'gcr', 'ghcr', 'k8s'].map((key) => route(config, `${key}.example.org`));
    expect(hosts.map((each) => each.split(' ')[0])).toEqual(['docker.io', 'gcr.io', 'ghcr.io', 'registry.k8s.io']);
  });

  test('names images of this version', () => {
    const { version } = JSON.parse(read('package.json')) as { version: string };
    const named = [...text.matchAll(/registry-proxy-serverless:([\w.]+)/g)].map(([, tag]) => tag);
    expect(named.length).toBeGreaterThan(2);
    expect(named.filter((tag) => tag !== version)).toEqual([]);
  });

  test('what the right column calls a setting is one', () => {
    const known = new Set<string>(
      settings.flatMap((setting) => [setting.name, ...('aliases' in setting ? setting.aliases : [])]),
    );
    const right = [...text.matchAll(/^\| (.+) \| (.+) \|$/gm)].map(([, , cell]) => cell);
    const names = right.flatMap((cell) =>
      [...cell.matchAll(/`([A-Z][A-Z\d]*(?:_[A-Z\d]+)+)(?:=[^`]*)?`/g)].map(([, name]) => name),
    );
    expect(names.length).toBeGreaterThan(50);
    expect(names.filter((name) => !known.has(name) && name !== 'REGISTRY_MAPS')).toEqual([]);
  });

  test('what the left column says is the same is another name of ours, or ours', () => {
    const known = new Set<string>(
      settings.flatMap((setting) => [setting.name, ...('aliases' in setting ? setting.aliases : [])]),
    );
    const rows = [...text.matchAll(/^\| (.+) \| (?:the same|相同)\b/gm)].map(([, cell]) => cell);
    const names = rows.flatMap((cell) =>
      [...cell.matchAll(/`([A-Z][A-Z\d]*(?:_[A-Z\d]+)+)(?:=[^`]*)?`/g)].map(([, name]) => name),
    );
    expect(names.length).toBeGreaterThan(15);
    expect(names.filter((name) => !known.has(name) && name !== 'REGISTRY_MAPS')).toEqual([]);
  });
});

test('a rate limit as hubproxy has it stops the start, as the document says', () => {
  expect(() => configOf([{ ...example('env'), text: 'RATE_LIMIT=500' }])).toThrow(/RATE_LIMIT=500: expected a rate/);
});
