import { matchesWildcard, parseRegistries } from '../../src/core/registries-setting';

test.each(['./r.yaml', '/etc/r.json', '../r.yml', 'registries.yaml', 'C:\\r.json', '/no/ending'])(
  '%s is where the document is',
  (path) => {
    expect(parseRegistries(path)).toEqual({ kind: 'file', path });
  },
);

test('JSON stands in the setting itself', () => {
  expect(parseRegistries('{"ghcr.io": {}}')).toEqual({ kind: 'document', document: { 'ghcr.io': {} } });
  expect(parseRegistries('["ghcr.io"]')).toEqual({ kind: 'document', document: ['ghcr.io'] });
  expect(parseRegistries('{"ghcr.io": ')).toBeUndefined();
});

test('a list may hold names, addresses and wildcards', () => {
  expect(parseRegistries('ghcr.io, *.pkg.dev *.dkr.ecr.*.amazonaws.com')).toEqual({
    kind: 'list',
    entries: [{ name: 'ghcr.io' }, { name: '*.pkg.dev' }, { name: '*.dkr.ecr.*.amazonaws.com' }],
  });
});

test.each([
  '*',
  '*.com',
  '*.*.com',
  'a.*',
  'pkg.*',
  '*.co.uk',
  '*.com.cn',
  'a.*.com.cn',
  '*.example.com:5000',
  'a*b*.example.com',
  '*.pkg.dev=https://a.example.com',
  'http://x',
  '*.a_b?.dev',
])('"%s" is refused', (text) => {
  expect(parseRegistries(text)).toBeUndefined();
});

test.each(['*.example.co.uk', '*.cn-*.example.com', '*.internal.lan', '*.azurecr.io', '*.cr.aliyuncs.com'])(
  '%s is a name with *',
  (name) => {
    expect(parseRegistries(name.toUpperCase())).toEqual({ kind: 'list', entries: [{ name }] });
  },
);

test.each<[string, string, boolean]>([
  ['us-docker.pkg.dev', '*.pkg.dev', true],
  ['pkg.dev', '*.pkg.dev', false],
  ['a.b.pkg.dev', '*.pkg.dev', false],
  ['.pkg.dev', '*.pkg.dev', false],
  ['us-docker.pkg.dev.evil.com', '*.pkg.dev', false],
  ['evil.com/.pkg.dev', '*.pkg.dev', false],
  ['a:80.pkg.dev', '*.pkg.dev', false],
  ['a@b.pkg.dev', '*.pkg.dev', false],
  ['123.dkr.ecr.eu-west-1.amazonaws.com', '*.dkr.ecr.*.amazonaws.com', true],
  ['123.dkr.ecr.evil.example.amazonaws.com', '*.dkr.ecr.*.amazonaws.com', false],
  ['a-registry.cn-hangzhou.cr.aliyuncs.com', '*-registry.*.cr.aliyuncs.com', true],
  ['-registry.cn-hangzhou.cr.aliyuncs.com', '*-registry.*.cr.aliyuncs.com', false],
])('%s and %s: %s', (host, wildcard, matches) => {
  expect(matchesWildcard(host, wildcard)).toBe(matches);
});
