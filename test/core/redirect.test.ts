import { isRedirect, MAX_HOPS, MAX_RETURNS, Redirects } from '../../src/core/redirect';
import { hrefOf } from '../../src/core/url';
import { configOf, fields, forward, refusal, response } from './heads';

const START = 'https://registry.example.com/v2/a/blobs/x';
const [upstream] = configOf().upstreams;
const to = (location: string, status = 307) => response(status, { location });

describe('a redirect', () => {
  test.each([301, 302, 303, 307, 308])('%d with a Location', (status) => {
    expect(isRedirect(to('/x', status))).toBe(true);
    expect(isRedirect(response(status))).toBe(false);
  });

  test.each([200, 201, 202, 300, 304, 305, 306, 404])('%d is none', (status) => {
    expect(isRedirect(to('/x', status))).toBe(false);
  });
});

describe('following', () => {
  const HEADERS = {
    accept: 'a/b',
    'accept-encoding': 'identity',
    authorization: 'Bearer secret',
    cookie: 'c=d',
    'content-type': 'x/y',
    'if-match': '"m"',
    'if-none-match': '"n"',
    'if-range': '"r"',
    range: 'bytes=5-',
    'user-agent': 'docker',
    via: '1.1 registry-proxy',
    'x-meta-source-client': 'c',
  };

  test.each(['https://cdn.example.net/x?sig=a%2Bb', '//cdn.example.net/x', 'https://registry.example.com:8443/x'])(
    'to %s, another origin, starts from fresh headers',
    (location) => {
      const next = new Redirects(upstream).follow(
        forward(START, { headers: fields(HEADERS), after: 100 }),
        to(location),
      );
      expect(next).toMatchObject({ method: 'GET', purpose: 'hop', reach: 'public', after: undefined, body: 'none' });
      expect(next.headers.map(([name]) => name)).toEqual([
        'accept',
        'accept-encoding',
        'if-none-match',
        'if-range',
        'range',
        'user-agent',
        'via',
      ]);
    },
  );

  test('within the origin keeps them', () => {
    const next = new Redirects(upstream).follow(forward(START, { headers: fields(HEADERS) }), to('../y?z'));
    expect(hrefOf(next.url)).toBe('https://registry.example.com/v2/a/y?z');
    expect(next.headers).toEqual(fields(HEADERS));
  });

  test('away and back does not bring the token back', () => {
    const redirects = new Redirects(upstream);
    const away = redirects.follow(forward(START, { headers: fields(HEADERS) }), to('https://cdn.example.net/x'));
    const back = redirects.follow(away, to('https://registry.example.com/v2/a/blobs/y'));
    expect(back.headers.map(([name]) => name)).not.toContain('authorization');
  });

  test('keeps HEAD a HEAD, and every byte of the target', () => {
    const target = "https://cdn.example.net/a%2Fb/../c?sig=%2B~'|&x";
    const next = new Redirects(upstream).follow(forward(START, { method: 'HEAD' }), to(target, 303));
    expect([next.method, hrefOf(next.url)]).toEqual(['HEAD', target]);
  });

  /** How many hops of a chain of distinct URLs are followed. */
  function hops(locations: (i: number) => string): number | string {
    const redirects = new Redirects(upstream);
    let sent = forward(START);
    for (let i = 1; i <= 20; i++) {
      const refused = refusal(() => {
        sent = redirects.follow(sent, to(locations(i)));
      });
      if (refused) return `${refused} after ${i - 1}`;
    }
    return 'no end';
  }

  test.each<[string, (i: number) => string, string]>([
    ['a chain', (i) => `https://cdn.example.net/${i}`, `502 UNAVAILABLE after ${MAX_HOPS}`],
    ['a chain of hosts', (i) => `https://cdn${i}.example.net/`, `502 UNAVAILABLE after ${MAX_HOPS}`],
    ['a relative chain', (i) => `${i}`, `502 UNAVAILABLE after ${MAX_HOPS}`],
    ['back to itself, later', (i) => `${START}?_offload=${i}`, `502 UNAVAILABLE after ${MAX_HOPS + MAX_RETURNS}`],
    ['to itself', () => START, '502 UNAVAILABLE after 0'],
    ['to itself, with a fragment', () => `${START}#x`, '502 UNAVAILABLE after 0'],
    [
      'to itself, spelled otherwise',
      () => START.replace('registry.example.com', 'REGISTRY.example.com:443'),
      '502 UNAVAILABLE after 0',
    ],
    [
      'to and fro',
      (i) => (i % 2 ? 'https://cdn.example.net/a' : 'https://cdn.example.net/b'),
      '502 UNAVAILABLE after 2',
    ],
    ['back to the start', (i) => (i === 3 ? START : `https://cdn.example.net/${i}`), '502 UNAVAILABLE after 2'],
    ['to http', () => 'http://cdn.example.net/', '502 UNAVAILABLE after 0'],
    ['to http on the second hop', (i) => (i === 2 ? 'http://cdn.example.net/' : '/a'), '502 UNAVAILABLE after 1'],
    ['to a private address', () => 'https://169.254.169.254/', '502 UNAVAILABLE after 0'],
    ['to a private name', () => 'https://metadata.google.internal/', '502 UNAVAILABLE after 0'],
    ['to another scheme', () => 'ftp://cdn.example.net/', '502 UNAVAILABLE after 0'],
    ['to a login', () => 'https://user:pw@cdn.example.net/', '502 UNAVAILABLE after 0'],
    ['to no URL', () => 'https://', '502 UNAVAILABLE after 0'],
    ['to a line break', () => 'https://cdn.example.net/\r\nx: y', '502 UNAVAILABLE after 0'],
  ])('%s ends', (_, locations, expected) => {
    expect(hops(locations)).toBe(expected);
  });

  test('says where it failed without the signature', () => {
    const redirects = new Redirects(upstream);
    const sent = redirects.follow(forward(START), to('https://cdn.example.net/x?X-Amz-Signature=secret'));
    try {
      redirects.follow(sent, to('https://cdn.example.net/x?X-Amz-Signature=secret'));
      throw new Error('not refused');
    } catch (error) {
      expect(JSON.stringify({ ...(error as object), message: (error as Error).message })).not.toContain('secret');
      expect(error).toMatchObject({ detail: { from: 'https://cdn.example.net/…' } });
    }
  });
});
