import { hostOf, hrefOf, isSameOrigin, originOf, parseAuthority, parseUrl, resolveUrl } from '../../src/core/url';
import { url } from './heads';

describe('an absolute URL', () => {
  test.each([
    'https://cdn.example.com/a/b?X-Amz-Signature=a%2Bb&c=%7e~+!*()',
    'https://cdn.example.com/a%2Fb%2f..%2f/c//d?',
    "https://cdn.example.com/%zz/{a}|b^c`d'?q=[1]&r=\\&s=?",
    'https://cdn.example.com/a/../b/./c',
    'http://cdn.example.com:8080/?a',
    'https://[2001:db8::1]:8443/x',
  ])('keeps every byte of %s', (text) => {
    expect(hrefOf(url(text))).toBe(text);
  });

  test.each([
    ['HTTPS://CDN.Example.COM/Path', 'https://cdn.example.com/Path'],
    ['https://cdn.example.com', 'https://cdn.example.com/'],
    ['https://cdn.example.com?a=b', 'https://cdn.example.com/?a=b'],
    ['https://cdn.example.com:443/x', 'https://cdn.example.com/x'],
    ['http://cdn.example.com:80/x', 'http://cdn.example.com/x'],
    ['https://cdn.example.com:80/x', 'https://cdn.example.com:80/x'],
    ['https://cdn.example.com./x', 'https://cdn.example.com/x'],
    ['https://cdn.example.com/x#top', 'https://cdn.example.com/x'],
    ['http://0x7f.1/x', 'http://127.0.0.1/x'],
    ['http://2130706433/x', 'http://127.0.0.1/x'],
    ['http://0177.0.0.1/x', 'http://127.0.0.1/x'],
    ['http://[::FFFF:127.0.0.1]/x', 'http://[::ffff:7f00:1]/x'],
    ['http://my_registry/x', 'http://my_registry/x'],
  ])('%s is %s', (text, expected) => {
    expect(hrefOf(url(text))).toBe(expected);
  });

  test.each([
    '',
    'cdn.example.com/x',
    '/x',
    '//cdn.example.com/x',
    'ftp://cdn.example.com/',
    'javascript:alert(1)',
    'https:/cdn.example.com/',
    'https:cdn.example.com',
    'https://',
    'https:///x',
    'https://user@cdn.example.com/',
    'https://user:secret@cdn.example.com/',
    'https://good.example.com\\@evil.example.com/',
    'https://cdn.example.com\\x',
    'https://cdn.example.com:0/',
    'https://cdn.example.com:65536/',
    'https://cdn.example.com:80a/',
    'https://cdn..example.com/',
    'https://-/',
    'https://1.2.3.256/',
    'https://[::1/',
    'https://[::1%25eth0]/',
    'https://cdn.example.com/a b',
    'https://cdn.example.com/é',
    'https://cdn.example.com/\r\nx: y',
    'https://cdn.example.com/\0',
    ` https://cdn.example.com/`,
    `https://${'a'.repeat(300)}.example.com/`,
  ])('%j is none', (text) => {
    expect(parseUrl(text)).toBeUndefined();
  });
});

describe('host and port', () => {
  test.each([
    ['r.example.com', { hostname: 'r.example.com' }],
    ['R.Example.com:5000', { hostname: 'r.example.com', port: 5000 }],
    ['localhost', { hostname: 'localhost' }],
    ['127.0.0.1:3000', { hostname: '127.0.0.1', port: 3000 }],
    ['[::1]', { hostname: '[::1]' }],
    ['[::1]:3000', { hostname: '[::1]', port: 3000 }],
    ['[2001:DB8:0::1]:443', { hostname: '[2001:db8::1]', port: 443 }],
  ])('%s', (text, expected) => {
    expect(parseAuthority(text)).toEqual(expected);
  });

  test.each([
    '',
    ':80',
    'a b',
    'a,b',
    'a/b',
    'a?b',
    'a#b',
    'a@b',
    'a"b',
    '<script>',
    'a:b',
    'a:1:2',
    '::1',
    '[::1',
    '[gg::1]',
    'a:99999',
    'a:-1',
    'a\r\nb',
  ])('%j is none', (text) => {
    expect(parseAuthority(text)).toBeUndefined();
  });
});

describe('a reference is resolved as RFC 3986 section 5.4 says', () => {
  const base = url('http://a/b/c/d;p?q');

  test.each([
    ['http://g/h', 'http://g/h'],
    ['g', 'http://a/b/c/g'],
    ['./g', 'http://a/b/c/g'],
    ['g/', 'http://a/b/c/g/'],
    ['/g', 'http://a/g'],
    ['//g', 'http://g/'],
    ['?y', 'http://a/b/c/d;p?y'],
    ['g?y', 'http://a/b/c/g?y'],
    ['#s', 'http://a/b/c/d;p?q'],
    ['g#s', 'http://a/b/c/g'],
    ['g?y#s', 'http://a/b/c/g?y'],
    [';x', 'http://a/b/c/;x'],
    ['g;x', 'http://a/b/c/g;x'],
    ['g;x?y#s', 'http://a/b/c/g;x?y'],
    ['', 'http://a/b/c/d;p?q'],
    ['.', 'http://a/b/c/'],
    ['./', 'http://a/b/c/'],
    ['..', 'http://a/b/'],
    ['../', 'http://a/b/'],
    ['../g', 'http://a/b/g'],
    ['../..', 'http://a/'],
    ['../../', 'http://a/'],
    ['../../g', 'http://a/g'],
    ['../../../g', 'http://a/g'],
    ['../../../../g', 'http://a/g'],
    ['/./g', 'http://a/g'],
    ['/../g', 'http://a/g'],
    ['g.', 'http://a/b/c/g.'],
    ['.g', 'http://a/b/c/.g'],
    ['g..', 'http://a/b/c/g..'],
    ['..g', 'http://a/b/c/..g'],
    ['./../g', 'http://a/b/g'],
    ['./g/.', 'http://a/b/c/g/'],
    ['g/./h', 'http://a/b/c/g/h'],
    ['g/../h', 'http://a/b/c/h'],
    ['g;x=1/./y', 'http://a/b/c/g;x=1/y'],
    ['g;x=1/../y', 'http://a/b/c/y'],
    ['g?y/./x', 'http://a/b/c/g?y/./x'],
    ['g?y/../x', 'http://a/b/c/g?y/../x'],
    ['g#s/../x', 'http://a/b/c/g'],
    ['g?a=http://h/', 'http://a/b/c/g?a=http://h/'],
    ['/x%2F..%2Fy', 'http://a/x%2F..%2Fy'],
  ])('%j is %s', (reference, expected) => {
    const resolved = resolveUrl(reference, base);
    expect(resolved && hrefOf(resolved)).toBe(expected);
  });

  test.each(['g:h', 'mailto:a@b', 'javascript:x', 'http:g', '//', '//user@g/', '/a b', '/é', '//g:0/'])(
    '%j leads nowhere that we could go',
    (reference) => {
      expect(resolveUrl(reference, base)).toBeUndefined();
    },
  );
});

describe('an origin', () => {
  test.each([
    ['https://a/x', 'https://a/y?z', true],
    ['https://a', 'https://A:443', true],
    ['https://a', 'http://a', false],
    ['https://a', 'https://a:8443', false],
    ['https://a', 'https://b', false],
    ['https://a', 'https://a.evil', false],
  ])('%s and %s are the same: %s', (one, other, expected) => {
    expect(isSameOrigin(url(one), url(other))).toBe(expected);
  });

  test('names a port only where it is not the scheme’s own', () => {
    expect(originOf(url('http://a:80/x?y'))).toBe('http://a');
    expect(originOf(url('http://a:443/x'))).toBe('http://a:443');
    expect(hostOf(url('https://[::1]:5000/'))).toBe('[::1]:5000');
  });
});
