import { ownLink, ownLocation, passedLocation } from '../../src/core/location';
import { openSession } from '../../src/core/session';
import { DIGEST, place, REGISTRY, url } from './heads';

const US = 'https://proxy.example.net';
const UPLOAD = '/v2/team/app/blobs/uploads/';
const BASED = { REGISTRY_BACKEND: 'https://registry.example.com/artifactory/api/docker/local' };
const HUB = {};
const FC = { ...REGISTRY, PLATFORM: 'aliyun-fc' };
const BASE = url('https://registry.example.com/v2/team/app/blobs/uploads/');

describe('the Location of an upload', () => {
  test.each<[Record<string, string>, string, string, string]>([
    [
      REGISTRY,
      UPLOAD,
      '/v2/team/app/blobs/uploads/u1?_state=a%2Bb~',
      `${US}/v2/team/app/blobs/uploads/u1?_state=a%2Bb~`,
    ],
    [
      REGISTRY,
      UPLOAD,
      'https://registry.example.com/v2/team/app/blobs/uploads/u1',
      `${US}/v2/team/app/blobs/uploads/u1`,
    ],
    [
      REGISTRY,
      UPLOAD,
      'https://registry.example.com:443/v2/team/app/blobs/uploads/u1',
      `${US}/v2/team/app/blobs/uploads/u1`,
    ],
    // written by a registry that does not know of the TLS in front of it
    [
      REGISTRY,
      UPLOAD,
      'http://registry.example.com/v2/team/app/blobs/uploads/u1',
      `${US}/v2/team/app/blobs/uploads/u1`,
    ],
    [REGISTRY, UPLOAD, 'u1', `${US}/v2/team/app/blobs/uploads/u1`],
    [REGISTRY, `${UPLOAD}?mount=${DIGEST}`, `/v2/team/app/blobs/${DIGEST}`, `${US}/v2/team/app/blobs/${DIGEST}`],
    // the name and the ns that the client used
    [HUB, '/v2/nginx/blobs/uploads/', '/v2/library/nginx/blobs/uploads/u1', `${US}/v2/nginx/blobs/uploads/u1`],
    [
      HUB,
      '/v2/docker.io/nginx/blobs/uploads/',
      '/v2/library/nginx/blobs/uploads/u1',
      `${US}/v2/docker.io/nginx/blobs/uploads/u1`,
    ],
    [
      HUB,
      '/v2/a/b/blobs/uploads/?ns=docker.io',
      '/v2/a/b/blobs/uploads/u1?_state=x',
      `${US}/v2/a/b/blobs/uploads/u1?_state=x&ns=docker.io`,
    ],
    // a base path
    [
      BASED,
      UPLOAD,
      '/artifactory/api/docker/local/v2/team/app/blobs/uploads/u1?x',
      `${US}/v2/team/app/blobs/uploads/u1?x`,
    ],
    // not the registry's
    [REGISTRY, UPLOAD, 'https://elsewhere.example.org/upload/u1', 'https://elsewhere.example.org/upload/u1'],
    [REGISTRY, UPLOAD, 'mailto:x', 'mailto:x'],
  ])('%j %s: %s', (env, target, location, expected) => {
    const here = place(target, env);
    expect(ownLocation(location, { ...BASE, hostname: here.route.upstream.url.hostname }, here)).toBe(expected);
  });

  test.each<[Record<string, string>, string, string, string]>([
    [REGISTRY, '/v2/team/app/blobs/upload/1234', '/v2/team/app/blobs/upload/1234', ''],
    [
      REGISTRY,
      '/artifacts-uploads/n/p/uploads/AF%3D?upload_id=a%2Bb',
      '/artifacts-uploads/n/p/uploads/AF%3D',
      '?upload_id=a%2Bb',
    ],
    [REGISTRY, '/v2/team/app/blobs/uploads/a%2Fb?c', '/v2/team/app/blobs/uploads/a%2Fb', '?c'],
    [REGISTRY, '/v2/team/app/blobs/uploads/a/b', '/v2/team/app/blobs/uploads/a/b', ''],
    [REGISTRY, '/v2/team/app/blobs/uploads/~x', '/v2/team/app/blobs/uploads/~x', ''],
    [BASED, '/artifactory/api/docker/local/v2/team/app/blobs/upload/1', '/v2/team/app/blobs/upload/1', ''],
    [BASED, '/elsewhere/uploads/1', '/elsewhere/uploads/1', ''],
  ])('of another form travels in ours: %j %s', (env, location, path, query) => {
    const ours = ownLocation(location, BASE, place(UPLOAD, env));
    expect(ours).toMatch(new RegExp(`^${US}/v2/team/app/blobs/uploads/~[\\w-]+$`));
    expect(openSession(ours.slice(ours.lastIndexOf('/') + 1), 'team/app')).toEqual({ path, query });
  });

  test('keeps ns in that form too', () => {
    const ours = ownLocation(
      '/v2/a/b/blobs/upload/1',
      url('https://registry-1.docker.io/'),
      place('/v2/a/b/blobs/uploads/?ns=docker.io', HUB),
    );
    expect(ours).toMatch(/~[\w-]+\?ns=docker\.io$/);
  });

  test('that the platform could not carry, with the digest that closes it, stays the registry’s', () => {
    const long = `/v2/team/app/blobs/uploads/u1?_state=${'x'.repeat(4000)}`;
    const fits = `/v2/team/app/blobs/uploads/u1?_state=${'x'.repeat(3800)}`;
    expect(ownLocation(long, BASE, place(UPLOAD, FC))).toBe(`https://registry.example.com${long}`);
    expect(ownLocation(fits, BASE, place(UPLOAD, FC))).toBe(US + fits);
    expect(ownLocation(long, BASE, place(UPLOAD))).toBe(US + long);
  });
});

describe('the Location of what was made', () => {
  test.each<[string, string, string]>([
    ['/v2/team/app/manifests/v1', `/v2/team/app/manifests/${DIGEST}`, `${US}/v2/team/app/manifests/${DIGEST}`],
    ['/v2/team/app/manifests/v1', '/elsewhere/x?y', `${US}/elsewhere/x?y`],
  ])('%s: %s', (target, location, expected) => {
    expect(ownLocation(location, BASE, place(target))).toBe(expected);
  });
});

describe('the Location of a redirect that is passed on', () => {
  const BLOB = `/v2/team/app/blobs/${DIGEST}`;
  const AT = url(`https://registry.example.com${BLOB}`);
  const REWRITE = { ...REGISTRY, PROXY_REDIRECT: 'true' };
  const KEEP = { ...REGISTRY, PROXY_REDIRECT: 'false' };
  const STORAGE = { ...REGISTRY, DEFAULT_BACKEND_HOST: 'storage.example.com' };
  const STORAGE_PORT = { ...REGISTRY, DEFAULT_BACKEND_HOST: 'https://storage.example.com:8443' };
  const ELSEWHERE = "https://cdn.example.org/a%2Fb/../c?sig=%2B~'&x";

  test.each<[Record<string, string>, string, string]>([
    // on DEFAULT_BACKEND_HOST, which is the registry
    [REWRITE, 'https://registry.example.com/files/a%2Fb?sig=%2B', `${US}/files/a%2Fb?sig=%2B`],
    [REWRITE, 'https://REGISTRY.example.com:443/files/x', `${US}/files/x`],
    [REWRITE, 'http://registry.example.com/files/x', `${US}/files/x`],
    [REWRITE, '/files/x?y', `${US}/files/x?y`],
    [REWRITE, '../manifests/v2', `${US}/v2/team/app/manifests/v2`],
    [REWRITE, '//registry.example.com/x', `${US}/x`],
    [REWRITE, 'https://registry.example.com:8443/files/x', 'https://registry.example.com:8443/files/x'],
    // elsewhere, untouched
    [REWRITE, ELSEWHERE, ELSEWHERE],
    [REWRITE, 'https://registry.example.com.evil.net/x', 'https://registry.example.com.evil.net/x'],
    [REWRITE, 'https://user@registry.example.com/x', 'https://user@registry.example.com/x'],
    [REWRITE, '//cdn.example.org/x', 'https://cdn.example.org/x'],
    [REWRITE, 'mailto:x', 'mailto:x'],
    // not rewritten
    [KEEP, 'https://registry.example.com/files/x?y', 'https://registry.example.com/files/x?y'],
    [KEEP, ELSEWHERE, ELSEWHERE],
    [KEEP, '/files/x?y', 'https://registry.example.com/files/x?y'],
    [KEEP, 'x', `https://registry.example.com/v2/team/app/blobs/x`],
    // another storage
    [STORAGE, 'https://storage.example.com/x?y', `${US}/x?y`],
    [STORAGE, 'http://storage.example.com/x', `${US}/x`],
    [STORAGE, 'https://storage.example.com:8443/x', 'https://storage.example.com:8443/x'],
    [STORAGE, 'https://registry.example.com/files/x', 'https://registry.example.com/files/x'],
    [STORAGE, '/files/x', 'https://registry.example.com/files/x'],
    [STORAGE, '/v2/team/app/manifests/v2', `${US}/v2/team/app/manifests/v2`],
    [STORAGE_PORT, 'https://storage.example.com:8443/x', `${US}/x`],
    [STORAGE_PORT, 'https://storage.example.com/x', 'https://storage.example.com/x'],
  ])('%j: %s', (env, location, expected) => {
    expect(passedLocation(location, AT, place(BLOB, env))).toBe(expected);
  });

  test.each<[Record<string, string>, string, string, string]>([
    [
      BASED,
      BLOB,
      'https://registry.example.com/artifactory/api/docker/local/v2/team/app/manifests/v2',
      `${US}/v2/team/app/manifests/v2`,
    ],
    [BASED, BLOB, 'https://registry.example.com/artifactory/files/x', `${US}/artifactory/files/x`],
    [
      HUB,
      `/v2/nginx/blobs/${DIGEST}?ns=docker.io`,
      `https://registry-1.docker.io/v2/library/nginx/manifests/v2`,
      `${US}/v2/nginx/manifests/v2?ns=docker.io`,
    ],
    [
      { ...REGISTRY, REGISTRIES: 'ghcr.io=https://far.example.com/a-secret-of-16-letters' },
      `/v2/ghcr.io/owner/app/blobs/${DIGEST}`,
      `https://far.example.com/a-secret-of-16-letters/v2/owner/app/blobs/${DIGEST}?_offload=2`,
      `${US}/v2/ghcr.io/owner/app/blobs/${DIGEST}?_offload=2`,
    ],
  ])('within /v2/ speaks the client’s language: %j %s', (env, target, location, expected) => {
    expect(passedLocation(location, AT, place(target, env))).toBe(expected);
  });

  test('that the platform could not carry stays the storage’s', () => {
    const long = `https://registry.example.com/files/x?sig=${'x'.repeat(4100)}`;
    expect(passedLocation(long, AT, place(BLOB, FC)) === long).toBe(true);
  });
});

describe('a Link', () => {
  const TAGS = '/v2/team/app/tags/list?n=2';
  const AT = url('https://registry.example.com/v2/team/app/tags/list?n=2');

  test.each<[Record<string, string>, string, string, string]>([
    [
      REGISTRY,
      TAGS,
      '</v2/team/app/tags/list?n=2&last=a%2Bb>; rel="next"',
      '</v2/team/app/tags/list?n=2&last=a%2Bb>; rel="next"',
    ],
    [
      REGISTRY,
      TAGS,
      '<https://registry.example.com/v2/team/app/tags/list?last=b>; rel=next',
      '</v2/team/app/tags/list?last=b>; rel=next',
    ],
    [
      REGISTRY,
      TAGS,
      '<http://registry.example.com/v2/team/app/tags/list?last=b>; rel=next',
      '</v2/team/app/tags/list?last=b>; rel=next',
    ],
    [REGISTRY, TAGS, '<?last=b>; rel="next"', '</v2/team/app/tags/list?last=b>; rel="next"'],
    [REGISTRY, TAGS, '<list?last=b>; rel="next"', '</v2/team/app/tags/list?last=b>; rel="next"'],
    [REGISTRY, '/v2/_catalog', '</v2/_catalog?last=x>; rel="next"', '</v2/_catalog?last=x>; rel="next"'],
    [
      BASED,
      TAGS,
      '</artifactory/api/docker/local/v2/team/app/tags/list?last=b>; rel="next"',
      '</v2/team/app/tags/list?last=b>; rel="next"',
    ],
    [
      HUB,
      '/v2/nginx/tags/list?ns=docker.io',
      '<https://registry-1.docker.io/v2/library/nginx/tags/list?last=b>; rel="next"',
      '</v2/nginx/tags/list?last=b&ns=docker.io>; rel="next"',
    ],
    [
      REGISTRY,
      TAGS,
      '</v2/team/app/tags/list?a>; rel="next", <https://docs.example.org/>; rel="help"',
      '</v2/team/app/tags/list?a>; rel="next", <https://docs.example.org/>; rel="help"',
    ],
    [REGISTRY, TAGS, '<https://evil.example/v2/x>; rel="next"', '<https://evil.example/v2/x>; rel="next"'],
    [REGISTRY, TAGS, '</other/x>; rel="next"', '</other/x>; rel="next"'],
    [REGISTRY, TAGS, '<mailto:x>', '<mailto:x>'],
    [REGISTRY, TAGS, 'nonsense <', 'nonsense <'],
  ])('%j %s: %s', (env, target, link, expected) => {
    const here = place(target, env);
    const { upstream, path } = here.route;
    expect(ownLink(link, { ...AT, hostname: upstream.url.hostname, path: upstream.url.path + path }, here)).toBe(
      expected,
    );
  });

  test('of a thousand pages is written at once', () => {
    const start = performance.now();
    ownLink('<'.repeat(16_000), AT, place(TAGS));
    expect(performance.now() - start).toBeLessThan(200);
  });
});
