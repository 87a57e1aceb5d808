import { readConfig } from '../../src/core/config';
import { registryName } from '../../src/core/registries';
import { routeOf } from '../../src/core/route';
import { upstreamScope } from '../../src/core/scope';
import { DIGEST } from './heads';

const CONFIG = readConfig({ REGISTRIES: 'ghcr.io,quay.io,corp.example.com=https://10.0.0.5:5000' });

const MANIFEST = '/manifests/v1';

describe('one instance of several registries', () => {
  test.each<[string, string, string, string, string]>([
    // target, host, registry, repository upstream, why
    [`/v2/nginx${MANIFEST}`, 'r.example.com', 'docker.io', 'library/nginx', 'the default'],
    [`/v2/owner/app${MANIFEST}?ns=ghcr.io`, 'r.example.com', 'ghcr.io', 'owner/app', 'ns'],
    [
      `/v2/nginx${MANIFEST}?ns=registry-1.docker.io`,
      'r.example.com',
      'docker.io',
      'library/nginx',
      'ns by another name',
    ],
    [`/v2/app${MANIFEST}?ns=quay.io`, 'ghcr.r.example.com', 'quay.io', 'app', 'ns before the host'],
    [`/v2/owner/app${MANIFEST}`, 'ghcr.r.example.com', 'ghcr.io', 'owner/app', 'the host'],
    [`/v2/quay.io/app${MANIFEST}`, 'ghcr.r.example.com', 'ghcr.io', 'quay.io/app', 'the host before the path'],
    [`/v2/ghcr.io/owner/app${MANIFEST}`, 'r.example.com', 'ghcr.io', 'owner/app', 'the path'],
    [`/v2/docker.io/nginx${MANIFEST}`, 'r.example.com', 'docker.io', 'library/nginx', 'the path of the default'],
    [`/v2/corp.example.com/a/b${MANIFEST}`, 'r.example.com', 'corp.example.com', 'a/b', 'the path of an own one'],
    [`/v2/ghcr.io/o/a${MANIFEST}?ns=ghcr.io`, 'r.example.com', 'ghcr.io', 'o/a', 'ns and the same name in the path'],
    [`/v2/owner/app${MANIFEST}`, 'ghcr.localhost', 'docker.io', 'owner/app', 'no host of ours has two labels'],
    [`/v2/quay.io${MANIFEST}`, 'r.example.com', 'docker.io', 'library/quay.io', 'a name of one component'],
  ])('%s on %s is %s %s: %s', (target, host, registry, repository) => {
    const route = routeOf(target, CONFIG, host);
    expect([route.upstream.name, route.repository]).toEqual([registry, repository]);
  });

  test.each([`/v2/nginx${MANIFEST}?ns=gcr.io`, `/v2/gcr.io/a/b/blobs/${DIGEST}`])(
    '%s is a 404 with the list',
    (target) => {
      expect(() => routeOf(target, CONFIG, 'r.example.com')).toThrow(
        expect.objectContaining({
          status: 404,
          code: 'NAME_UNKNOWN',
          detail: expect.objectContaining({ known: ['docker.io', 'ghcr.io', 'quay.io', 'corp.example.com'] }),
        }),
      );
    },
  );

  test.each(['gcr', 'mcr', 'k8s', 'nvcr', 'ecr', 'lscr'])(
    'a host whose label can only mean another registry is not the default: %s',
    (label) => {
      const route = () => routeOf(`/v2/nginx${MANIFEST}`, CONFIG, `${label}.r.example.com`);
      expect(route).toThrow(expect.objectContaining({ status: 404, code: 'NAME_UNKNOWN' }));
      expect(routeOf(`/v2/nginx${MANIFEST}?ns=docker.io`, CONFIG, `${label}.r.example.com`).upstream.name).toBe(
        'docker.io',
      );
    },
  );

  test.each([
    ['gitlab.r.example.com', CONFIG, 'a word that hosts have for other reasons'],
    ['corp.r.example.com', CONFIG, 'no label of anybody'],
    ['gcr.example.com', readConfig({}), 'the name of a proxy with one registry'],
  ])('%s is the default: %s', (host, config) => {
    expect(routeOf(`/v2/nginx${MANIFEST}`, config, host).upstream.name).toBe('docker.io');
  });

  test('asks each where it is', () => {
    expect(CONFIG.upstreams.map(({ url, reach }) => [url.hostname, url.port, reach])).toEqual([
      ['registry-1.docker.io', 443, 'public'],
      ['ghcr.io', 443, 'public'],
      ['quay.io', 443, 'public'],
      ['10.0.0.5', 5000, 'any'],
    ]);
  });

  test("takes no registry's name for a part of a repository of another", () => {
    const [hub, ghcr] = CONFIG.upstreams;
    expect(upstreamScope('repository:ghcr.io/o/a:pull', ghcr, CONFIG)).toBe('repository:o/a:pull');
    expect(upstreamScope('repository:ghcr.io/o/a:pull', hub, CONFIG)).toBe('repository:ghcr.io/o/a:pull');
  });

  test('knows a registry by all its names', () => {
    expect(['docker.io', 'index.docker.io', 'k8s.gcr.io', 'r.example.com'].map(registryName)).toEqual([
      'docker.io',
      'docker.io',
      'registry.k8s.io',
      'r.example.com',
    ]);
  });

  test('names none of them twice', () => {
    expect(() => readConfig({ REGISTRIES: 'k8s.gcr.io,registry.k8s.io' })).toThrow(
      'REGISTRIES names registry.k8s.io twice',
    );
    expect(readConfig({ REGISTRIES: 'docker.io,ghcr.io' }).upstreams).toHaveLength(2);
  });
});

describe('a mirror', () => {
  const mirrors = (env: Record<string, string>) => readConfig(env).upstreams.map(({ name, mirror }) => [name, mirror]);

  test.each<[string, Record<string, string>, [string, boolean][]]>([
    [
      'is what has the address of another host than its name says',
      {
        REGISTRY_BACKEND: 'https://far.example.com',
        REGISTRY_NAME: 'docker.io',
        REGISTRIES: 'ghcr.io=https://far.example.com,quay.io',
      },
      [
        ['docker.io', true],
        ['ghcr.io', true],
        ['quay.io', false],
      ],
    ],
    [
      'is no registry of a name of its own',
      { REGISTRY_BACKEND: 'https://far.example.com' },
      [['far.example.com', false]],
    ],
    ['is no registry by one of its other names', { REGISTRY_BACKEND: 'index.docker.io' }, [['docker.io', false]]],
    [
      'is what an entry calls one, and nothing that it does not',
      {
        REGISTRIES: JSON.stringify({
          'lab.example.com': { url: 'https://far.example.com', mirror: true },
          'ghcr.io': { url: 'https://far.example.com', mirror: false },
        }),
      },
      [
        ['docker.io', false],
        ['lab.example.com', true],
        ['ghcr.io', false],
      ],
    ],
  ])('%s', (_, env, expected) => {
    expect(mirrors(env)).toEqual(expected);
  });
});
