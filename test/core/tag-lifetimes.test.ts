import { lifetimeOf, parseTagLifetimes } from '../../src/core/tag-lifetimes';

const HUB = 'docker.io';

/** Seconds for which a tag is good, `registry/repository:tag`. */
function seconds(text: string, name: string, defaultName = HUB): number | undefined {
  const lifetimes = parseTagLifetimes(text);
  if (!lifetimes) throw new Error(`${text} is not read`);
  const [, registry, repository, tag] = /^([^/]+)\/(.+):([^:]+)$/.exec(name) ?? [];
  const lifetime = lifetimeOf(lifetimes, { registry, repository, tag }, defaultName);
  return lifetime === undefined ? undefined : lifetime / 1000;
}

const SEVERAL = '60s,latest=30s,v*=1d,ghcr.io/team/*:*=1h,nginx:1.*=2h,quay.io/**=0';

describe('a tag is good for what is said of it', () => {
  test.each([
    ['60s', 'docker.io/library/nginx:latest', 60],
    ['90', 'docker.io/library/nginx:latest', 90],
    ['0', 'docker.io/library/nginx:latest', 0],
    [SEVERAL, 'docker.io/library/nginx:latest', 30],
    [SEVERAL, 'ghcr.io/team/app:latest', 30],
    [SEVERAL, 'ghcr.io/team/app:v1', 86_400],
    [SEVERAL, 'ghcr.io/team/app:main', 3600],
    [SEVERAL, 'ghcr.io/team/sub/app:main', 60],
    [SEVERAL, 'docker.io/library/nginx:1.27', 7200],
    [SEVERAL, 'docker.io/library/nginx:2', 60],
    [SEVERAL, 'quay.io/a/b/c:x', 0],
    [SEVERAL, 'gcr.io/a/b:x', 60],
    ['1h latest=5m', 'docker.io/library/nginx:latest', 300],
  ])('%s: %s', (text, name, expected) => {
    expect(seconds(text, name)).toBe(expected);
  });

  test.each([
    ['the first pattern that fits decides', 'a=1,*=2,b=3', 'docker.io/library/nginx:b', 2],
    ['wherever the one without a pattern stands', '1,b=3', 'docker.io/library/nginx:b', 3],
    ['tags tell capitals from small letters', 'Latest=1,2', 'docker.io/library/nginx:latest', 2],
    ['registries do not', 'GHCR.io/a/b=1,2', 'ghcr.io/a/b:x', 1],
    ['a registry may go by another name', 'index.docker.io/library/nginx=1,2', 'docker.io/library/nginx:x', 1],
    ['a registry may have a port', 'r.example.com:5000/a=1,2', 'r.example.com:5000/a:x', 1],
    ['and a tag behind it', 'r.example.com:5000/a:x=1,2', 'r.example.com:5000/a:y', 2],
    ['an image needs no tag', 'library/nginx=1,2', 'docker.io/library/nginx:x', 1],
    ['official images may be shortened', 'nginx:*=1,2', 'docker.io/library/nginx:x', 1],
    ['a word alone is a tag', 'nginx=1,2', 'docker.io/library/nginx:x', 2],
  ])('%s', (_, text, name, expected) => {
    expect(seconds(text, name)).toBe(expected);
  });

  test('a pattern without a registry is of the default one', () => {
    expect(seconds('team/app=1,2', 'ghcr.io/team/app:x', 'ghcr.io')).toBe(1);
    expect(seconds('team/app=1,2', 'docker.io/team/app:x', 'ghcr.io')).toBe(2);
  });

  test('nothing is said of some', () => {
    expect(seconds('latest=1', 'docker.io/library/nginx:1')).toBeUndefined();
  });
});

test.each([
  '',
  ',',
  'latest',
  'latest=',
  'latest=soon',
  '=1h',
  '1h,2h',
  'nginx:=1h',
  ':x=1h',
  'a b=1h',
  'ghcr.io/=1h',
  'ghcr.io/a**b=1h',
  'nginx:a:b=1h',
  'nginx@sha256=1h',
  `${'a'.repeat(129)}=1h`,
])('%j is not read', (text) => {
  expect(parseTagLifetimes(text)).toBeUndefined();
});
