import { completeName, isDigest, isName, isTag, MAX_NAME_LENGTH } from '../../src/core/reference';

describe('a repository name', () => {
  test.each([
    'nginx',
    'library/nginx',
    'a/b/c/d/e/f',
    'a.b_c__d-e---f',
    '0',
    'blobs/uploads/manifests/tags/list',
    'x'.repeat(MAX_NAME_LENGTH),
  ])('%s', (name) => {
    expect(isName(name)).toBe(true);
  });

  test.each([
    '',
    '/',
    'a/',
    '/a',
    'a//b',
    'A',
    'a_',
    '_a',
    '-a',
    'a-',
    'a..b',
    'a___b',
    'a._b',
    '.',
    '..',
    'a/../b',
    'a:b',
    'a b',
    'a%2fb',
    'é',
    'a\n',
    'x'.repeat(MAX_NAME_LENGTH + 1),
  ])('%j is none', (name) => {
    expect(isName(name)).toBe(false);
  });

  test.each([['a'], ['a-'], ['a/'], ['a_'], ['__'], ['-']])('of many %j is judged at once', (part) => {
    const start = performance.now();
    isName(`${part.repeat(MAX_NAME_LENGTH / part.length - 1)}!`);
    expect(performance.now() - start).toBeLessThan(50);
  });
});

describe('a tag', () => {
  test.each(['latest', 'v1.0_x-y', '_', '0', 'A'.repeat(128), 'sha256-abc.sig'])('%s', (tag) => {
    expect(isTag(tag)).toBe(true);
  });

  test.each(['', '.a', '-a', 'a:b', 'a/b', 'a b', 'é', 'a\n', 'A'.repeat(129)])('%j is none', (tag) => {
    expect(isTag(tag)).toBe(false);
  });
});

describe('a digest', () => {
  test.each([
    `sha256:${'a'.repeat(64)}`,
    `sha384:${'0'.repeat(96)}`,
    `sha512:${'f'.repeat(128)}`,
    'blake3:abc_DEF-=',
    'sha256+b64u:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564',
  ])('%s', (digest) => {
    expect(isDigest(digest)).toBe(true);
  });

  test.each([
    '',
    'sha256',
    'sha256:',
    ':abc',
    `sha256:${'a'.repeat(63)}`,
    `sha256:${'a'.repeat(65)}`,
    `sha256:${'A'.repeat(64)}`,
    `sha256:${'g'.repeat(64)}`,
    `sha512:${'a'.repeat(64)}`,
    `SHA256:${'a'.repeat(64)}`,
    'x:a/b',
    'x:../..',
    `x:${'a'.repeat(300)}`,
    `sha256:${'a'.repeat(64)}\n`,
  ])('%j is none', (digest) => {
    expect(isDigest(digest)).toBe(false);
  });
});

test.each([
  ['nginx', 'docker.io', 'library/nginx'],
  ['library/nginx', 'docker.io', 'library/nginx'],
  ['grafana/grafana', 'docker.io', 'grafana/grafana'],
  ['nginx', 'ghcr.io', 'nginx'],
])('%s on %s is %s', (name, registry, expected) => {
  expect(completeName(name, registry)).toBe(expected);
});
