import { type Check, isReady, readinessAnswer, readinessPings } from '../../src/core/readiness';
import { hrefOf } from '../../src/core/url';
import { configOf, request } from './heads';

const well = (name: Check['name']): Check => ({ name });
const ill = (name: Check['name']): Check => ({ name, fault: 'it is broken', why: 'a secret place is broken' });

describe('ready', () => {
  test.each<[string, Check[], boolean]>([
    ['an upstream', [well('configuration'), well('upstream')], true],
    ['no upstream', [well('configuration'), ill('upstream')], false],
    ['a store and an upstream', [well('configuration'), well('store'), well('upstream')], true],
    ['a store alone', [well('configuration'), well('store'), ill('upstream')], true],
    ['an upstream alone, and a store that fails', [well('configuration'), ill('store'), well('upstream')], true],
    ['neither', [well('configuration'), ill('store'), ill('upstream')], false],
    ['no configuration', [ill('configuration'), well('store'), well('upstream')], false],
  ])('with %s', (_, checks, expected) => {
    expect(isReady(checks)).toBe(expected);
  });

  const checks = [well('configuration'), ill('store'), well('upstream')];

  test.each([
    ['/-/readyz', 'ok\n'],
    ['/-/readyz?verbose', '[+]configuration ok\n[-]store failed: it is broken\n[+]upstream ok\nreadyz check passed\n'],
    [
      '/-/readyz?verbose=1&x',
      '[+]configuration ok\n[-]store failed: it is broken\n[+]upstream ok\nreadyz check passed\n',
    ],
    ['/-/readyz?other', 'ok\n'],
  ])('is said to %s', (target, body) => {
    expect(readinessAnswer(checks, request(`GET ${target}`), configOf({}))).toMatchObject({ status: 200, body });
  });

  test('is not said with what only the log may tell', () => {
    const none = [well('configuration'), ill('store'), ill('upstream')];
    const { status, body, why } = readinessAnswer(none, request('GET /-/readyz'), configOf({}));
    expect([status, body]).toEqual([503, expect.stringContaining('[-]store failed: it is broken\n')]);
    expect(body).not.toContain('secret');
    expect(why).toContain('store: a secret place is broken; upstream: a secret place is broken');
  });
});

test('registries are asked at their own addresses, three at most, and none without an address of its own', () => {
  const config = configOf({ REGISTRIES: '*.pkg.dev,ghcr.io,quay.io,gcr.io' });
  const pings = readinessPings(config);
  expect(pings.map(({ name, ping }) => `${name} ${ping.method} ${hrefOf(ping.url)}`)).toEqual([
    'docker.io GET https://registry-1.docker.io/v2/',
    'ghcr.io GET https://ghcr.io/v2/',
    'quay.io GET https://quay.io/v2/',
  ]);
  expect(pings.flatMap(({ ping }) => ping.headers).map(([name]) => name)).not.toContain('authorization');
});
