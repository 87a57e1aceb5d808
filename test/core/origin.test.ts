import { clientAddress, originOfRequest } from '../../src/core/origin';
import { originOf } from '../../src/core/url';
import { configOf, type Fields, REGISTRY, request } from './heads';

const NEAR = '127.0.0.1';
const FAR = '203.0.113.7';
const FORWARDED = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'r.example.com' };

describe('our own origin', () => {
  test.each<[string, Record<string, string>, string, Fields, string | undefined]>([
    ['the request', {}, FAR, {}, 'http://proxy.example.net'],
    ['the request with a port', {}, FAR, { host: 'Proxy.Example.NET:3000' }, 'http://proxy.example.net:3000'],
    ['its scheme’s own port is left out', {}, FAR, { host: 'proxy.example.net:80' }, 'http://proxy.example.net'],
    ['IPv6', {}, FAR, { host: '[2001:DB8::1]:3000' }, 'http://[2001:db8::1]:3000'],
    ['IPv6 without a port', {}, FAR, { host: '[::1]' }, 'http://[::1]'],
    ['no host', {}, FAR, { host: '' }, undefined],
    ['a malformed host', {}, FAR, { host: 'a/b' }, undefined],
    ['two hosts', {}, FAR, { host: 'a, b' }, undefined],
    ['a host with a login', {}, FAR, { host: 'user@a' }, undefined],
    // trust
    ['a stranger is not believed', {}, FAR, FORWARDED, 'http://proxy.example.net'],
    ['loopback', {}, NEAR, FORWARDED, 'https://r.example.com'],
    ['loopback as the kernel writes it', {}, '::ffff:127.0.0.1', FORWARDED, 'https://r.example.com'],
    ['IPv6 loopback', {}, '::1', FORWARDED, 'https://r.example.com'],
    ['private', {}, '10.9.8.7', FORWARDED, 'https://r.example.com'],
    ['private IPv6', {}, 'fd12::1', FORWARDED, 'https://r.example.com'],
    ['link-local', {}, 'fe80::1%eth0', FORWARDED, 'https://r.example.com'],
    ['carrier-grade NAT is not private', {}, '100.64.0.1', FORWARDED, 'http://proxy.example.net'],
    ['no address', {}, '', FORWARDED, 'http://proxy.example.net'],
    ['TRUST_PROXY=false', { TRUST_PROXY: 'false' }, NEAR, FORWARDED, 'http://proxy.example.net'],
    ['TRUST_PROXY=true', { TRUST_PROXY: 'true' }, FAR, FORWARDED, 'https://r.example.com'],
    ['TRUST_PROXY names it', { TRUST_PROXY: '198.51.100.0/24, 203.0.113.7' }, FAR, FORWARDED, 'https://r.example.com'],
    ['TRUST_PROXY names another', { TRUST_PROXY: '198.51.100.0/24' }, NEAR, FORWARDED, 'http://proxy.example.net'],
    ['the gateway of Function Compute', { PLATFORM: 'aliyun-fc' }, FAR, FORWARDED, 'https://r.example.com'],
    [
      '… unless told otherwise',
      { PLATFORM: 'aliyun-fc', TRUST_PROXY: 'loopback' },
      FAR,
      FORWARDED,
      'http://proxy.example.net',
    ],
    // PUBLIC_URL
    ['PUBLIC_URL', { PUBLIC_URL: 'https://pub.example.com' }, NEAR, FORWARDED, 'https://pub.example.com'],
    [
      'PUBLIC_URL with a port',
      { PUBLIC_URL: 'https://pub.example.com:8443/' },
      FAR,
      {},
      'https://pub.example.com:8443',
    ],
    [
      'PUBLIC_URL without any host',
      { PUBLIC_URL: 'http://pub.example.com' },
      FAR,
      { host: '' },
      'http://pub.example.com',
    ],
    // each field alone, lists, malformed ones
    ['proto alone', {}, NEAR, { 'x-forwarded-proto': 'https' }, 'https://proxy.example.net'],
    ['proto in capitals', {}, NEAR, { 'x-forwarded-proto': 'HTTPS' }, 'https://proxy.example.net'],
    ['host alone', {}, NEAR, { 'x-forwarded-host': 'r.example.com' }, 'http://r.example.com'],
    ['host without a Host', {}, NEAR, { host: '', 'x-forwarded-host': 'r.example.com' }, 'http://r.example.com'],
    [
      'lists: the first counts',
      {},
      NEAR,
      { 'x-forwarded-proto': 'https, http', 'x-forwarded-host': 'a.example.com ,b', 'x-forwarded-port': '8443,80' },
      'https://a.example.com:8443',
    ],
    [
      'several lines: the first counts',
      {},
      NEAR,
      { 'x-forwarded-host': ['a.example.com', 'b.example.com'] },
      'http://a.example.com',
    ],
    ['an unknown scheme', {}, NEAR, { 'x-forwarded-proto': 'javascript' }, 'http://proxy.example.net'],
    [
      'an empty first value',
      {},
      NEAR,
      { 'x-forwarded-proto': ',https', 'x-forwarded-host': ', b' },
      'http://proxy.example.net',
    ],
    ['a malformed host', {}, NEAR, { 'x-forwarded-host': 'evil.example/x?' }, 'http://proxy.example.net'],
    ['a host with a quote', {}, NEAR, { 'x-forwarded-host': 'a"b' }, 'http://proxy.example.net'],
    [
      'an IPv6 host',
      {},
      NEAR,
      { 'x-forwarded-host': '[2001:db8::1]:8443', 'x-forwarded-proto': 'https' },
      'https://[2001:db8::1]:8443',
    ],
    // ports
    ['a port', {}, NEAR, { ...FORWARDED, 'x-forwarded-port': '8443' }, 'https://r.example.com:8443'],
    ['its own port', {}, NEAR, { ...FORWARDED, 'x-forwarded-port': '443' }, 'https://r.example.com'],
    ['80 with https', {}, NEAR, { ...FORWARDED, 'x-forwarded-port': '80' }, 'https://r.example.com'],
    [
      '443 with http',
      {},
      NEAR,
      { 'x-forwarded-host': 'r.example.com', 'x-forwarded-port': '443' },
      'http://r.example.com',
    ],
    [
      '80 with https, in the host',
      {},
      NEAR,
      { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'r.example.com:80' },
      'https://r.example.com',
    ],
    ['a port beside the Host', {}, NEAR, { 'x-forwarded-port': '8080' }, 'http://proxy.example.net:8080'],
    ['a port that is none', {}, NEAR, { ...FORWARDED, 'x-forwarded-port': '8443x' }, 'https://r.example.com'],
    ['port 0', {}, NEAR, { ...FORWARDED, 'x-forwarded-port': '0' }, 'https://r.example.com'],
    ['port 65536', {}, NEAR, { ...FORWARDED, 'x-forwarded-port': '65536' }, 'https://r.example.com'],
    [
      'a contradicting port gives way to the host’s',
      {},
      NEAR,
      { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'r.example.com:8443', 'x-forwarded-port': '80' },
      'https://r.example.com:8443',
    ],
  ])('%s (%j, %s)', (_, env, address, headers, expected) => {
    const origin = originOfRequest(request('GET /v2/', headers, { address }), configOf({ ...REGISTRY, ...env }));
    expect(origin && originOf(origin)).toBe(expected);
  });

  test('is https on a TLS connection', () => {
    const origin = originOfRequest(request('GET /v2/', {}, { secure: true }), configOf());
    expect(origin && originOf(origin)).toBe('https://proxy.example.net');
  });
});

describe('the client', () => {
  test.each<[string, string | undefined, string, string | string[], string]>([
    ['not believed by default', undefined, NEAR, '198.51.100.1', NEAR],
    ['not on Function Compute either', undefined, FAR, '198.51.100.1', FAR],
    ['believed where it is set', 'loopback', NEAR, '198.51.100.1', '198.51.100.1'],
    ['past trusted hops, from the right', 'loopback,private', NEAR, '9.9.9.9, 198.51.100.1, 10.0.0.1', '198.51.100.1'],
    ['several lines are one list', 'loopback,private', NEAR, ['9.9.9.9', '198.51.100.1, 10.0.0.1'], '198.51.100.1'],
    ['all trusted: the farthest', 'loopback,private', NEAR, '10.0.0.2, 10.0.0.1', '10.0.0.2'],
    ['a stranger is not believed', 'loopback', FAR, '198.51.100.1', FAR],
    ['anybody is', 'true', FAR, '198.51.100.1, 10.0.0.1', '198.51.100.1'],
    ['nobody is', 'false', NEAR, '198.51.100.1', NEAR],
    ['nothing usable', 'loopback', NEAR, 'unknown, <script>', NEAR],
    ['an empty field', 'loopback', NEAR, '', NEAR],
    ['with a port', 'loopback', NEAR, '198.51.100.1:4711', '198.51.100.1'],
    ['with a port, IPv6', 'loopback', NEAR, '[2001:db8::1]:4711', '2001:db8::1'],
    ['with a port, from anybody', 'true', FAR, '198.51.100.1:4711, 10.0.0.1', '198.51.100.1'],
    ['nothing left of what is no address', 'loopback', NEAR, '198.51.100.1, unknown', NEAR],
    ['nothing left of that, with trusted ones between', 'loopback,private', NEAR, '9.9.9.9, x, 10.0.0.1', '10.0.0.1'],
    ['words of hex letters are no address', 'loopback', NEAR, 'dead', NEAR],
  ])('%s', (_, TRUST_PROXY, address, forwarded, expected) => {
    const env = { ...REGISTRY, ...(TRUST_PROXY && { TRUST_PROXY }) };
    const head = request('GET /v2/', { 'x-forwarded-for': forwarded }, { address });
    expect(clientAddress(head, configOf(env).trustProxy)).toBe(expected);
  });
});
