import { checkAddress, checkRate, clientOf, isAllowedAddress, strangerError } from '../../src/core/client-rules';
import { RateLimiter } from '../../src/core/rate-limit';
import { configOf, REGISTRY, refusal, request } from './heads';

const from = (address: string, forwarded?: string, line = 'GET /v2/team/app/manifests/v1') =>
  request(line, forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }, { address });

describe('ALLOW_CLIENTS', () => {
  test.each<[string, string, string | undefined, string | undefined, boolean]>([
    ['203.0.113.0/24', '203.0.113.7', undefined, undefined, true],
    ['203.0.113.0/24', '203.0.114.7', undefined, undefined, false],
    ['203.0.113.7', '203.0.113.7', undefined, undefined, true],
    ['203.0.113.7', '::ffff:203.0.113.7', undefined, undefined, true],
    ['2001:db8::/32', '2001:db8:1::5', undefined, undefined, true],
    ['2001:db8::/32', '2001:db9::5', undefined, undefined, false],
    ['private, 203.0.113.7', '10.1.2.3', undefined, undefined, true],
    ['loopback', '::1', undefined, undefined, true],
    ['loopback', '', undefined, undefined, false],
    ['loopback', 'nonsense', undefined, undefined, false],
    // behind a proxy that is not trusted, the peer is the client
    ['203.0.113.7', '10.0.0.1', '203.0.113.7', undefined, false],
    ['203.0.113.7', '10.0.0.1', '203.0.113.7', 'false', false],
    // a proxy that nobody has spoken of has one address for all its clients
    ['loopback', '127.0.0.1', '198.51.100.1', undefined, false],
    ['private', '10.0.0.1', '10.0.0.1', undefined, false],
    ['loopback', '127.0.0.1', '198.51.100.1', 'false', true],
    // behind one that is
    ['203.0.113.7', '10.0.0.1', '203.0.113.7', 'private', true],
    ['203.0.113.7', '10.0.0.1', '198.51.100.1', 'private', false],
    // what the client claims itself stands further left
    ['203.0.113.7', '10.0.0.1', '203.0.113.7, 198.51.100.1', 'private', false],
    ['203.0.113.7', '10.0.0.1', '203.0.113.7, nonsense, 198.51.100.1', 'private', false],
    ['203.0.113.7', '10.0.0.1', '203.0.113.7, nonsense', 'private', false],
    ['203.0.113.7', '10.0.0.1', '203.0.113.7, 198.51.100.1:4711', 'private', false],
    ['203.0.113.7', '10.0.0.1', '198.51.100.1, 203.0.113.7:4711', 'private', true],
    ['2001:db8::1', '10.0.0.1', '[2001:db8::1]:4711', 'private', true],
    ['203.0.113.7', '198.51.100.1', '203.0.113.7', 'private', false],
  ])('%s, from %s with %s and TRUST_PROXY %s: %s', (ALLOW_CLIENTS, address, forwarded, TRUST_PROXY, expected) => {
    const config = configOf({ ...REGISTRY, ALLOW_CLIENTS, ...(TRUST_PROXY && { TRUST_PROXY }) });
    const head = from(address, forwarded);
    expect(isAllowedAddress(head, config)).toBe(expected);
    expect(refusal(() => checkAddress(head, config))).toBe(expected ? undefined : '403 DENIED');
  });

  test.each(['forwarded', 'x-real-ip'])('is not met by a proxy that only %s gives away', (name) => {
    const config = configOf({ ...REGISTRY, ALLOW_CLIENTS: 'loopback' });
    const head = request('GET /v2/', { [name]: '198.51.100.1' }, { address: '127.0.0.1' });
    expect(isAllowedAddress(head, config)).toBe(false);
    expect(() => checkAddress(head, config)).toThrow(
      expect.objectContaining({ detail: expect.objectContaining({ hint: expect.stringContaining('TRUST_PROXY') }) }),
    );
  });

  test('without it everybody is served', () => {
    expect(isAllowedAddress(from('nonsense'), configOf())).toBe(true);
  });

  test('a refusal does not tell strangers an address', () => {
    const config = configOf({ ...REGISTRY, ALLOW_CLIENTS: '10.0.0.1' });
    expect(() => checkAddress(from('10.0.0.2'), config)).toThrow(/^(?!.*10\.0\.0)/);
    expect(JSON.stringify(strangerError())).not.toContain('10.0.0');
  });
});

describe('one client', () => {
  test.each([
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::ffff:cb00:7107', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['', ''],
  ])('%s is %s', (address, expected) => {
    expect(clientOf(from(address), configOf())).toBe(expected);
  });
});

describe('RATE_LIMIT', () => {
  const config = configOf({ ...REGISTRY, RATE_LIMIT: '1/s' });
  const check = (rates: RateLimiter, head: ReturnType<typeof from>, now = 0) =>
    refusal(() => checkRate(head, config, rates, now));

  test('is 429 with the time to wait', () => {
    const rates = new RateLimiter();
    expect(check(rates, from('203.0.113.7'))).toBeUndefined();
    expect(() => checkRate(from('203.0.113.7'), config, rates, 0)).toThrow(
      expect.objectContaining({ status: 429, code: 'TOOMANYREQUESTS', headers: [['retry-after', '1']] }),
    );
    expect(check(rates, from('203.0.113.8'))).toBeUndefined();
    expect(check(rates, from('203.0.113.7'), 1000)).toBeUndefined();
  });

  test('counts the addresses of one IPv6 network together', () => {
    const rates = new RateLimiter();
    expect(check(rates, from('2001:db8::1'))).toBeUndefined();
    expect(check(rates, from('2001:db8::2'))).toBe('429 TOOMANYREQUESTS');
    expect(check(rates, from('2001:db8:0:1::1'))).toBeUndefined();
  });

  test('keeps GET /v2/ apart, and limits it as well', () => {
    const rates = new RateLimiter();
    const ping = (target: string) => from('203.0.113.7', undefined, `GET ${target}`);
    expect(check(rates, from('203.0.113.7'))).toBeUndefined();
    expect(check(rates, ping('/v2/'))).toBeUndefined();
    expect([check(rates, ping('/v2/?ns=x')), check(rates, ping('/v2'))]).toEqual(Array(2).fill('429 TOOMANYREQUESTS'));
    expect(check(rates, ping('/a-secret/v2/'))).toBe('429 TOOMANYREQUESTS');
    expect(check(rates, ping('/v2/_catalog'))).toBe('429 TOOMANYREQUESTS');
    const others = new RateLimiter();
    expect([check(others, ping('/a-secret/v2/')), check(others, ping('/v2/_catalog'))]).toEqual([undefined, undefined]);
  });

  test('is none where it is not set', () => {
    const rates = new RateLimiter();
    for (let count = 0; count < 100; count++) checkRate(from('203.0.113.7'), configOf(), rates, 0);
    expect(rates.size).toBe(0);
  });
});
