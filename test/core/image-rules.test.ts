import { readConfig } from '../../src/core/config';
import { checkImage } from '../../src/core/image-rules';
import { routeOf } from '../../src/core/route';
import { wrapSession } from '../../src/core/session';
import { DIGEST, refusal } from './heads';

const HUB = {};
const SEVERAL = { REGISTRIES: 'ghcr.io,far.example.com' };
const OWN = { REGISTRY_BACKEND: 'https://gcr.io', REPO_PREFIX: 'project' };

/** What becomes of a request target, `200` where nothing objects. */
function outcome(target: string, env: Record<string, string>, host = 'r.example.com'): string {
  const config = readConfig(env);
  return refusal(() => checkImage(routeOf(target, config, host), config)) ?? '200';
}

const DENIED = '403 DENIED';

describe('DENY_IMAGES', () => {
  const endpoints = [
    'manifests/latest',
    `manifests/${DIGEST}`,
    `blobs/${DIGEST}`,
    'tags/list',
    `referrers/${DIGEST}`,
    'blobs/uploads/',
    'blobs/uploads/session',
  ];

  test.each(endpoints)('refuses /%s, and leaves others alone', (endpoint) => {
    const env = { ...HUB, DENY_IMAGES: 'docker.io/evil/*' };
    expect(outcome(`/v2/evil/app/${endpoint}`, env)).toBe(DENIED);
    expect(outcome(`/v2/good/app/${endpoint}`, env)).toBe('200');
  });

  test('says which rule decided', () => {
    const config = readConfig({ DENY_IMAGES: 'docker.io/bad/*, docker.io/evil/*' });
    expect(() => checkImage(routeOf('/v2/evil/app/manifests/v1', config), config)).toThrow(
      expect.objectContaining({
        message: 'docker.io/evil/app is not served here: DENY_IMAGES=docker.io/evil/*',
        detail: { rule: 'DENY_IMAGES=docker.io/evil/*' },
      }),
    );
  });

  const NGINX = { ...SEVERAL, DENY_IMAGES: 'nginx ghcr.io/evil/** far.example.com/docker.io/evil/**' };

  // Each of them is the denied image, or would become it further up.
  test.each([
    ['/v2/nginx/manifests/1', 'completed'],
    ['/v2/library/nginx/manifests/1', 'in full'],
    ['/v2/docker.io/nginx/manifests/1', 'behind its registry'],
    ['/v2/docker.io/library/nginx/manifests/1', 'behind its registry, in full'],
    ['/v2/Docker.IO/library/nginx/manifests/1', 'in capitals'],
    ['/v2/index.docker.io/nginx/manifests/1', 'behind another name of it'],
    ['/v2/registry-1.docker.io/nginx/manifests/1', 'behind its host'],
    ['/v2/nginx/manifests/1?ns=docker.io', 'by ns'],
    ['/v2/nginx/manifests/1?ns=DOCKER.IO', 'by ns, in capitals'],
    ['/v2/nginx/manifests/1?ns=index.docker.io', 'by ns, another name'],
    ['/v2/nginx/manifests/1?n%73=docker.io', 'by an encoded ns'],
    ['/v2/docker.io/nginx/manifests/1?ns=docker.io', 'by ns and path'],
    ['/v2/docker.io/docker.io/nginx/manifests/1', 'twice behind its registry'],
    ['/v2/docker.io/index.docker.io/library/nginx/manifests/1', 'behind two names of it'],
    ['/v2/docker.io/docker.io/nginx/manifests/1?ns=docker.io', 'three times'],
    ['/v2/docker.io/ghcr.io/evil/app/manifests/1', 'of another registry, in a name of Docker Hub'],
    ['/v2/ghcr.io/evil/app/manifests/1', 'of another registry'],
    ['/v2/GHCR.io/evil/app/manifests/1', 'of another registry, in capitals'],
    ['/v2/evil/app/manifests/1?ns=ghcr.io', 'of another registry, by ns'],
    ['/v2/far.example.com/ghcr.io/evil/app/manifests/1', 'through a proxy behind us'],
    ['/v2/far.example.com/docker.io/evil/app/manifests/1', 'through a proxy behind us, as the rule says'],
    ['/v2/far.example.com/index.docker.io/evil/app/manifests/1', 'through a proxy behind us, another name'],
    ['/v2/far.example.com/docker.io/nginx/manifests/1', 'through a proxy behind us that completes it'],
    ['/v2/far.example.com/a.b/c.d/e.f/g.h/ghcr.io/evil/app/manifests/1', 'hidden deep'],
  ])('is not led past by %s: %s', (target) => {
    expect(outcome(target, NGINX)).toBe(DENIED);
  });

  test.each([
    ['/v2/evil/app/manifests/1', 'ghcr.r.example.com', DENIED],
    ['/v2/ghcr.io/evil/app/manifests/1', 'ghcr.r.example.com', DENIED],
    ['/v2/nginx/manifests/1', 'docker.r.example.com', DENIED],
    ['/v2/good/app/manifests/1', 'ghcr.r.example.com', '200'],
  ])('%s on %s is %s', (target, host, expected) => {
    expect(outcome(target, NGINX, host)).toBe(expected);
  });

  test('is not led past by a registry in a name of Docker Hub, which has none, nor by many in one name', () => {
    expect(outcome('/v2/docker.io/quay.io/good/app/manifests/1', NGINX)).toBe(DENIED);
    expect(outcome('/v2/docker.io/quay.io/good/app/manifests/1', { ...SEVERAL, ALLOW_IMAGES: 'docker.io/**' })).toBe(
      DENIED,
    );
    expect(outcome('/v2/far.example.com/a.b/c.d/e.f/good/app/manifests/1', NGINX)).toBe('200');
    expect(outcome('/v2/far.example.com/a.b/c.d/e.f/g.h/good/app/manifests/1', NGINX)).toBe(DENIED);
  });

  test.each([
    ['/v2/us-docker.pkg.dev/evil/app/manifests/1', DENIED],
    ['/v2/US-docker.pkg.dev/evil/app/manifests/1', DENIED],
    ['/v2/evil/app/manifests/1?ns=eu-docker.pkg.dev', DENIED],
    ['/v2/us-docker.pkg.dev/good/app/manifests/1', '200'],
    ['/v2/evil/app/manifests/1', '200'],
  ])('%s behind a wildcard is %s', (target, expected) => {
    expect(outcome(target, { REGISTRIES: '*.pkg.dev', DENY_IMAGES: '*.pkg.dev/evil/**' })).toBe(expected);
  });

  // What cannot even be a name is refused before any rule is asked.
  test.each([
    '/v2/NGINX/manifests/1',
    '/v2/library/Nginx/manifests/1',
    '/v2/library%2Fnginx/manifests/1',
    '/v2/%6eginx/manifests/1',
    '/v2/library//nginx/manifests/1',
    '/v2/good/../nginx/manifests/1',
    '/v2/./nginx/manifests/1',
    '/v2/library\\nginx/manifests/1',
    '/v2/library/nginx;x/manifests/1',
  ])('%s is no name at all', (target) => {
    expect(outcome(target, NGINX)).toMatch(/^40[04] /);
  });

  test.each([
    '/v2/library/nginx2/manifests/1',
    '/v2/other/nginx/manifests/1',
    '/v2/nginx/app/manifests/1',
    '/v2/ghcr.io/nginx/manifests/1',
    '/v2/far.example.com/good/app/manifests/1',
    '/v2/far.example.com/quay.io/good/app/manifests/1',
  ])('%s is another image', (target) => {
    expect(outcome(target, NGINX)).toBe('200');
  });
});

describe('a mount', () => {
  const DENY = { ...SEVERAL, DENY_IMAGES: 'evil/*' };
  const mount = (query: string) => outcome(`/v2/good/app/blobs/uploads/?mount=${DIGEST}${query}`, DENY);

  test.each([
    ['&from=good/other', '200'],
    ['', '200'],
    ['&from=evil/app', DENIED],
    ['&from=evil%2Fapp', DENIED],
    ['&from=docker.io/evil/app', DENIED],
    ['&from=INDEX.docker.io%2Fevil%2Fapp', DENIED],
    ['&from=docker.io/docker.io/evil/app', DENIED],
    ['&fr%6fm=evil/app', DENIED],
    ['&from=good/other&from=evil/app', DENIED],
    ['&from=Evil/app', '400 NAME_INVALID'],
    ['&from=evil//app', '400 NAME_INVALID'],
    ['&from=good/../evil/app', '400 NAME_INVALID'],
    ['&from=', '400 NAME_INVALID'],
    ['&From=evil/app', '400 NAME_INVALID'],
    ['&F%72OM=evil/app', '400 NAME_INVALID'],
    [';from=evil/app', '400 NAME_INVALID'],
  ])('with %s is %s', (query, expected) => {
    expect(mount(query)).toBe(expected);
  });
});

describe('an upload session', () => {
  const rules = { REGISTRY_BACKEND: 'https://r.test/base', DENY_IMAGES: 'evil/*' };
  const at = (path: string) => `/v2/good/app/blobs/uploads/${wrapSession({ path, query: '' })}`;

  test.each([
    ['/v2/good/app/blobs/upload/1', '200'],
    ['/base/v2/good/app/blobs/uploads/1', '200'],
    ['/artifacts-uploads/1', '200'],
    ['/v2/evil/app/blobs/uploads/1', '400 UNSUPPORTED'],
    ['/base/v2/evil/app/blobs/uploads/1', '400 UNSUPPORTED'],
    ['/base/v2/evil/app/manifests/upload', '400 UNSUPPORTED'],
    ['/base/%76%32/evil/app/manifests/upload', '400 UNSUPPORTED'],
    ['/base/V2/evil/upload/manifests/v1', '400 UNSUPPORTED'],
  ])('that stands for %s is %s', (path, expected) => {
    expect(outcome(at(path), rules)).toBe(expected);
  });
});

describe('a path outside /v2/', () => {
  const rules = { REGISTRY_BACKEND: 'https://r.test/base', DENY_IMAGES: 'evil/*' };

  test.each([
    '/base/v2/evil/app/manifests/v1',
    '/V2/evil/app/manifests/v1',
    '/%76%32/evil/app/manifests/v1',
    '/%2576%2532/evil/app/manifests/v1',
    '/%252576%252532/evil/app/manifests/v1',
    '/v2%2fevil/app/manifests/v1',
    '/v2%5cevil/app/manifests/v1',
    '/v2;x=1/evil/app/manifests/v1',
    '/x//v2/evil/app/Manifests/v1',
    `/base/v2/evil/app/blobs/${DIGEST}`,
    '/base/v2/evil/app/tags/list',
    '/base/v2/_catalog',
  ])('%s is refused where it is an image in disguise', (path) => {
    expect(outcome(path, rules)).toBe(DENIED);
    expect(outcome(path, { REGISTRY_BACKEND: rules.REGISTRY_BACKEND })).toBe('200');
  });

  test.each([
    '/artifacts-downloads/namespaces/p/repositories/r/downloads/AF',
    '/docker/registry/v2/blobs/sha256/ab/abcdef/data?X-Amz-Signature=1',
    '/v3/evil/app/manifests/v1',
    '/token?scope=repository:evil/app:pull',
    '/-/x',
  ])('%s is served as ever', (path) => {
    expect(outcome(path, rules)).toBe('200');
  });
});

describe('ALLOW_IMAGES', () => {
  const env = { ...SEVERAL, ALLOW_IMAGES: 'docker.io/library/*, ghcr.io/acme/**', DENY_IMAGES: 'ghcr.io/acme/evil/**' };

  test.each([
    ['/v2/nginx/manifests/1', '200'],
    ['/v2/docker.io/library/nginx/manifests/1', '200'],
    ['/v2/ghcr.io/acme/app/manifests/1', '200'],
    ['/v2/acme/app/manifests/1?ns=ghcr.io', '200'],
    ['/v2/', '200'],
    ['/v2/team/app/manifests/1', DENIED],
    ['/v2/ghcr.io/other/app/manifests/1', DENIED],
    ['/v2/far.example.com/library/nginx/manifests/1', DENIED],
    // the registry's name does not make it the registry
    ['/v2/far.example.com/ghcr.io/acme/app/manifests/1', DENIED],
    ['/v2/docker.io/ghcr.io/acme/app/manifests/1', DENIED],
    ['/v2/_catalog', DENIED],
    ['/v2/_catalog?ns=ghcr.io', DENIED],
    // deny wins
    ['/v2/ghcr.io/acme/evil/app/manifests/1', DENIED],
    [`/v2/ghcr.io/acme/app/blobs/uploads/?mount=${DIGEST}&from=other/app`, DENIED],
  ])('%s is %s', (target, expected) => {
    expect(outcome(target, env)).toBe(expected);
  });

  test('says that nothing allows it', () => {
    const config = readConfig(env);
    expect(() => checkImage(routeOf('/v2/team/app/manifests/1', config), config)).toThrow(
      'docker.io/team/app is not served here: not on ALLOW_IMAGES',
    );
  });

  test('may name what lies behind a proxy behind us', () => {
    const rules = { ...SEVERAL, ALLOW_IMAGES: 'far.example.com/ghcr.io/acme/**' };
    expect(outcome('/v2/far.example.com/ghcr.io/acme/app/manifests/1', rules)).toBe('200');
    expect(outcome('/v2/far.example.com/ghcr.io/other/app/manifests/1', rules)).toBe(DENIED);
  });

  test('knows names without REPO_PREFIX', () => {
    const rules = { ...OWN, ALLOW_IMAGES: 'app', DENY_IMAGES: 'project/**' };
    expect(outcome('/v2/app/manifests/1', rules)).toBe('200');
    expect(outcome('/v2/gcr.io/app/manifests/1', rules)).toBe('200');
    expect(outcome('/v2/project/app/manifests/1', rules)).toBe(DENIED);
    expect(outcome(`/v2/app/blobs/uploads/?mount=${DIGEST}&from=other`, rules)).toBe(DENIED);
    expect(outcome(`/v2/app/blobs/uploads/?mount=${DIGEST}&from=app`, rules)).toBe('200');
  });
});

test('without a rule nothing is refused', () => {
  for (const target of ['/v2/_catalog', '/v2/docker.io/docker.io/x/manifests/1', '/base/v2/x/y/manifests/1']) {
    expect(outcome(target, SEVERAL)).toBe('200');
  }
});
