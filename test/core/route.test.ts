import { randomUUID } from 'node:crypto';
import { type RouteKind, routeOf } from '../../src/core/route';
import { wrapSession } from '../../src/core/session';
import { findUpstream } from '../../src/core/upstreams';
import { configOf, DIGEST, REGISTRY, refusal } from './heads';

const HUB = {};
const plain = configOf(REGISTRY);
const hub = configOf(HUB);

describe('an endpoint', () => {
  test.each<[string, RouteKind, string, string]>([
    ['/v2', 'ping', '', ''],
    ['/v2/', 'ping', '', ''],
    ['/v2/_catalog', 'catalog', '', ''],
    ['/v2/team/app/manifests/v1', 'manifest', 'team/app', 'v1'],
    [`/v2/team/app/manifests/${DIGEST}`, 'manifest', 'team/app', DIGEST],
    [`/v2/team/app/blobs/${DIGEST}`, 'blob', 'team/app', DIGEST],
    ['/v2/team/app/tags/list', 'tags', 'team/app', ''],
    [`/v2/team/app/referrers/${DIGEST}`, 'referrers', 'team/app', DIGEST],
    ['/v2/team/app/blobs/uploads/', 'uploads', 'team/app', ''],
    ['/v2/team/app/blobs/uploads', 'uploads', 'team/app', ''],
    ['/v2/team/app/blobs/uploads/0a1b-2c', 'upload', 'team/app', '0a1b-2c'],
    // names that hold the words of the grammar
    ['/v2/blobs/manifests/v1', 'manifest', 'blobs', 'v1'],
    ['/v2/manifests/manifests/manifests', 'manifest', 'manifests', 'manifests'],
    ['/v2/blobs/uploads/manifests/latest', 'manifest', 'blobs/uploads', 'latest'],
    [`/v2/blobs/uploads/blobs/${DIGEST}`, 'blob', 'blobs/uploads', DIGEST],
    ['/v2/blobs/uploads/blobs/uploads/', 'uploads', 'blobs/uploads', ''],
    ['/v2/blobs/uploads/blobs/uploads/x', 'upload', 'blobs/uploads', 'x'],
    ['/v2/a/blobs/uploads/tags/list', 'tags', 'a/blobs/uploads', ''],
    ['/v2/tags/list/tags/list', 'tags', 'tags/list', ''],
    ['/v2/tags/manifests/list', 'manifest', 'tags', 'list'],
    [`/v2/referrers/referrers/${DIGEST}`, 'referrers', 'referrers', DIGEST],
    [`/v2/a/manifests/blobs/${DIGEST}`, 'blob', 'a/manifests', DIGEST],
    ['/v2/v2/v2/manifests/v2', 'manifest', 'v2/v2', 'v2'],
    ['/v2/catalog/manifests/v1', 'manifest', 'catalog', 'v1'],
    ['/v2/token/manifests/v1', 'manifest', 'token', 'v1'],
    // the first component of another registry's name is a name here
    ['/v2/ghcr.io/owner/app/manifests/v1', 'manifest', 'ghcr.io/owner/app', 'v1'],
  ])('%s is %s of %s', (target, kind, repository, reference) => {
    const { path } = routeOf(target, plain);
    expect(routeOf(target, plain)).toMatchObject({ kind, repository, typed: repository, reference, query: '' });
    expect(path).toBe(target === '/v2' ? '/v2/' : target);
  });

  test.each<[string, RouteKind]>([
    ['/token', 'token'],
    ['/token?scope=a', 'token'],
    ['/', 'own'],
    ['/favicon.ico', 'own'],
    ['/robots.txt', 'own'],
    ['/-/', 'own'],
    ['/-/healthz', 'own'],
    ['/-/anything/else', 'own'],
    ['/token/', 'backend'],
    ['/-', 'backend'],
    ['/v1/_ping', 'own'],
    ['/v1/search?q=nginx', 'search'],
    ['/v1/search/', 'backend'],
    ['/v1/repositories', 'backend'],
    ['/v2x', 'backend'],
    ['/V2/', 'backend'],
    ['/files/a%2Fb?sig=%2B&x=a/../b', 'backend'],
    ['/files//b', 'backend'],
    ['/a.b/..c/d..', 'backend'],
  ])('%s is %s', (target, kind) => {
    expect(routeOf(target, plain).kind).toBe(kind);
  });

  test('outside /v2/ every byte is kept', () => {
    expect(routeOf('/files/a%2Fb//c%7e?sig=%2B&&x=%7E+', plain)).toMatchObject({
      path: '/files/a%2Fb//c%7e',
      query: '?sig=%2B&&x=%7E+',
    });
  });
});

describe('refused with', () => {
  test.each([
    // not a path
    ['http://evil.example/v2/', '400 UNSUPPORTED'],
    ['evil.example:443', '400 UNSUPPORTED'],
    ['*', '400 UNSUPPORTED'],
    ['', '400 UNSUPPORTED'],
    ['\\v2\\', '400 UNSUPPORTED'],
    // steps upwards, empty segments
    ['/v2/../etc/manifests/v1', '400 NAME_INVALID'],
    ['/v2/a/../../b/manifests/v1', '400 NAME_INVALID'],
    ['/v2/a/./b/manifests/v1', '400 NAME_INVALID'],
    ['/v2//a/manifests/v1', '400 NAME_INVALID'],
    ['/v2/a//b/manifests/v1', '400 NAME_INVALID'],
    ['/v2/a/manifests//v1', '400 NAME_INVALID'],
    ['/v2//', '400 NAME_INVALID'],
    ['/v2/..', '400 NAME_INVALID'],
    ['/v2/a/manifests/..', '400 NAME_INVALID'],
    ['//v2/a/manifests/v1', '400 NAME_INVALID'],
    ['//evil.example/x', '400 NAME_INVALID'],
    ['/\\evil.example/x', '400 NAME_INVALID'],
    ['/%2fevil.example/x', '400 NAME_INVALID'],
    ['/%5Cevil.example/x', '400 NAME_INVALID'],
    ['/files/../x', '400 NAME_INVALID'],
    ['/files/%2e%2E/x', '400 NAME_INVALID'],
    ['/files/..%2fx', '400 NAME_INVALID'],
    ['/files/..%5cx', '400 NAME_INVALID'],
    ['/files/.%2e', '400 NAME_INVALID'],
    ['/files/./x', '400 NAME_INVALID'],
    ['/files/x%00', '400 NAME_INVALID'],
    // encoding
    ['/v2/a%2fb/manifests/v1', '400 NAME_INVALID'],
    ['/v2/%2e%2e/manifests/v1', '400 NAME_INVALID'],
    [`/v2/a/blobs/${DIGEST.replace(':', '%3A')}`, '400 NAME_INVALID'],
    ['/v2/a/manifests/v1%', '400 NAME_INVALID'],
    ['/v2/a/tags/list?n=%', '400 NAME_INVALID'],
    ['/files/%zz', '400 NAME_INVALID'],
    ['/v2/é/manifests/v1', '400 NAME_INVALID'],
    ['/v2/a/manifests/v1#x', '400 NAME_INVALID'],
    ['/v2/a b/manifests/v1', '400 NAME_INVALID'],
    ['/v2/\x7f/manifests/v1', '400 NAME_INVALID'],
    // names, tags, digests
    ['/v2/Team/manifests/v1', '400 NAME_INVALID'],
    ['/v2/-a/manifests/v1', '400 NAME_INVALID'],
    [`/v2/${'a'.repeat(401)}/manifests/v1`, '400 NAME_INVALID'],
    ['/v2/a/manifests/', '400 TAG_INVALID'],
    ['/v2/a/manifests/-v1', '400 TAG_INVALID'],
    [`/v2/a/manifests/${'v'.repeat(129)}`, '400 TAG_INVALID'],
    ['/v2/a/manifests/sha256:abc', '400 DIGEST_INVALID'],
    ['/v2/a/blobs/latest', '400 DIGEST_INVALID'],
    ['/v2/a/blobs/', '400 DIGEST_INVALID'],
    ['/v2/a/blobs/sha256:', '400 DIGEST_INVALID'],
    ['/v2/a/referrers/v1', '400 DIGEST_INVALID'],
    ['/v2/a/blobs/uploads/~', '400 UNSUPPORTED'],
    ['/v2/a/blobs/uploads/a"b', '400 UNSUPPORTED'],
    // no such endpoint
    ['/v2/a', '404 NAME_UNKNOWN'],
    ['/v2/a/', '404 NAME_UNKNOWN'],
    ['/v2/manifests/v1', '404 NAME_UNKNOWN'],
    ['/v2/tags/list', '404 NAME_UNKNOWN'],
    ['/v2/blobs/uploads/x', '404 NAME_UNKNOWN'],
    ['/v2/a/tags', '404 NAME_UNKNOWN'],
    ['/v2/a/tags/list/', '404 NAME_UNKNOWN'],
    ['/v2/_catalog/', '404 NAME_UNKNOWN'],
    ['/v2/a/b/c/d', '404 NAME_UNKNOWN'],
    // another registry
    ['/v2/a/manifests/v1?ns=ghcr.io', '404 NAME_UNKNOWN'],
    ['/v2/a/manifests/v1?ns=', '404 NAME_UNKNOWN'],
    ['/v2/?ns=ghcr.io', '404 NAME_UNKNOWN'],
    ['/v2/_catalog?ns=ghcr.io', '404 NAME_UNKNOWN'],
    ['/v2/a/manifests/v1?ns=registry.example.com&ns=ghcr.io', '400 NAME_INVALID'],
    ['/v2/a/manifests/v1?n%73=ghcr.io', '404 NAME_UNKNOWN'],
  ])('%j → %s', (target, expected) => {
    expect(refusal(() => routeOf(target, plain))).toBe(expected);
  });
});

describe('Docker Hub', () => {
  test.each([
    ['/v2/nginx/manifests/latest', '/v2/library/nginx/manifests/latest', 'nginx'],
    ['/v2/library/nginx/manifests/latest', '/v2/library/nginx/manifests/latest', 'library/nginx'],
    ['/v2/docker.io/nginx/manifests/latest', '/v2/library/nginx/manifests/latest', 'docker.io/nginx'],
    ['/v2/docker.io/library/nginx/tags/list', '/v2/library/nginx/tags/list', 'docker.io/library/nginx'],
    ['/v2/index.docker.io/a/b/tags/list', '/v2/a/b/tags/list', 'index.docker.io/a/b'],
    [`/v2/nginx/blobs/${DIGEST}`, `/v2/library/nginx/blobs/${DIGEST}`, 'nginx'],
    ['/v2/nginx/blobs/uploads/', '/v2/library/nginx/blobs/uploads/', 'nginx'],
    ['/v2/blobs/manifests/v1', '/v2/library/blobs/manifests/v1', 'blobs'],
    // a name alone is a name, even when it looks like the registry's
    ['/v2/docker.io/manifests/v1', '/v2/library/docker.io/manifests/v1', 'docker.io'],
  ])('%s is %s', (target, path, typed) => {
    expect(routeOf(target, hub)).toMatchObject({ path, typed });
  });

  test.each(['docker.io', 'index.docker.io', 'registry-1.docker.io', 'Docker.IO', 'docker%2Eio'])(
    '?ns=%s is taken off and known',
    (ns) => {
      const route = routeOf(`/v2/nginx/tags/list?n=2&ns=${ns}&last=a%2Bb`, hub);
      expect(route).toMatchObject({ query: '?n=2&last=a%2Bb', repository: 'library/nginx' });
      expect(route.namespace).toBe(decodeURIComponent(ns).toLowerCase());
    },
  );

  test.each([
    ['/v2/ghcr.io/o/app/manifests/v1', '404 NAME_UNKNOWN'],
    ['/v2/localhost:5000/app/manifests/v1', '404 NAME_UNKNOWN'],
    ['/v2/a.b/manifests/v1', undefined],
  ])('%s → %s', (target, expected) => {
    expect(refusal(() => routeOf(target, hub))).toBe(expected);
  });

  test('names those that are known', () => {
    try {
      routeOf('/v2/ghcr.io/o/app/manifests/v1', hub);
      throw new Error('not refused');
    } catch (error) {
      expect(error).toMatchObject({ message: expect.stringContaining('docker.io'), detail: { known: ['docker.io'] } });
    }
  });
});

describe('a mount', () => {
  test.each([
    [HUB, 'from=nginx', 'from=library%2Fnginx'],
    [HUB, 'from=a/b', 'from=a%2Fb'],
    [HUB, 'from=docker.io/library/nginx', 'from=library%2Fnginx'],
    [HUB, 'from=docker.io%2Fnginx', 'from=library%2Fnginx'],
    [REGISTRY, 'from=nginx', 'from=nginx'],
  ])('%j: %s is %s upstream', (env, from, expected) => {
    const { query } = routeOf(`/v2/me/app/blobs/uploads/?mount=${DIGEST}&${from}`, configOf(env));
    expect(query).toBe(`?mount=${DIGEST}&${expected}`);
  });
});

describe('a registry with a port in its name', () => {
  const config = configOf({ REGISTRY_BACKEND: 'http://registry.example.com:5000' });

  test('is taken off the path, and known by ns', () => {
    expect(routeOf('/v2/registry.example.com:5000/team/app/tags/list', config).repository).toBe('team/app');
    expect(routeOf('/v2/team/app/tags/list?ns=registry.example.com:5000', config).repository).toBe('team/app');
    expect(refusal(() => routeOf('/v2/team/app/tags/list?ns=registry.example.com', config))).toBe('404 NAME_UNKNOWN');
    expect(findUpstream('registry.example.com:5000', config)).toBe(config.upstreams[0]);
  });
});

describe('a wrapped upload session', () => {
  test('is opened, and what the client added follows its query', () => {
    const session = wrapSession({ path: '/artifacts-uploads/x/y', query: '?upload_id=a%2Bb' });
    expect(routeOf(`/v2/team/app/blobs/uploads/${session}?digest=${DIGEST}`, plain)).toMatchObject({
      kind: 'upload',
      path: '/artifacts-uploads/x/y',
      query: `?upload_id=a%2Bb&digest=${DIGEST}`,
    });
  });
});

test('an upload address that a client made up leads to no other service where the proxy asks by its own right', () => {
  const own = { ...REGISTRY, REGISTRY_USERNAME: 'robot', REGISTRY_PASSWORD: randomUUID(), ANONYMOUS_PULL: 'true' };
  const at = (path: string) => `/v2/team/app/blobs/uploads/${wrapSession({ path, query: '' })}`;
  expect(routeOf(at('/api/uploads/1'), configOf()).path).toBe('/api/uploads/1');
  expect(refusal(() => routeOf(at('/api/uploads/1'), configOf(own)))).toBe('400 UNSUPPORTED');
  expect(routeOf(at('/artifacts-uploads/1'), configOf(own)).path).toBe('/artifacts-uploads/1');
});

test('a registry, or the secret, is no repository by itself: there it is a name like any other', () => {
  const secret = `s${randomUUID()}`;
  const config = configOf({ REGISTRIES: 'ghcr.io', ACCESS_SECRET: secret });
  const name = (target: string) => routeOf(target, config).repository;
  expect(name('/v2/ghcr.io/manifests/v1?ns=ghcr.io')).toBe('ghcr.io');
  expect(name('/v2/ghcr.io/a/manifests/v1?ns=ghcr.io')).toBe('a');
  expect(name(`/v2/${secret}/manifests/v1?ns=ghcr.io`)).toBe(secret);
  expect(name(`/v2/${secret}/a/manifests/v1?ns=ghcr.io`)).toBe('a');
});
