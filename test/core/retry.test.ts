import { FIRST_RETRY_DELAY, isTransient, isTransientFailure, MAX_RETRIES, retryDelay } from '../../src/core/retry';
import { fields, forward } from './heads';

const REGISTRY = 'https://registry.example.com/v2/';

describe('a retry', () => {
  test.each([
    [500, true],
    [502, true],
    [503, true],
    [504, true],
    [501, false],
    [429, false],
    [408, false],
    [404, false],
    [200, false],
  ])('after %d: %s', (status, expected) => {
    expect(isTransient(status)).toBe(expected);
  });

  test.each([
    ['refused', true],
    ['dns', true],
    ['timeout', true],
    ['reset', true],
    ['unknown', true],
    ['tls', false],
    ['forbidden', false],
  ] as const)('after a failure of kind %s: %s', (kind, expected) => {
    expect(isTransientFailure({ kind, message: '' })).toBe(expected);
  });

  test('comes later each time, three times at most', () => {
    const delays = [0, 1, 2, 3, 4].map((count) => retryDelay(forward(REGISTRY), count, 0, 8000, []));
    expect(delays).toEqual([100, 400, 1600, undefined, undefined]);
    expect([FIRST_RETRY_DELAY, MAX_RETRIES]).toEqual([100, 3]);
  });

  test.each<[string, Parameters<typeof retryDelay>[0]]>([
    ['POST', forward(REGISTRY, { method: 'POST', body: 'client' })],
    ['PATCH', forward(REGISTRY, { method: 'PATCH', body: 'client' })],
    ['PUT', forward(REGISTRY, { method: 'PUT', body: 'client' })],
    ['DELETE', forward(REGISTRY, { method: 'DELETE' })],
    ['a token form', forward(REGISTRY, { method: 'POST', body: 'scope=a' })],
  ])('never follows %s', (_, sent) => {
    expect(retryDelay(sent, 0, 0, 8000, [])).toBeUndefined();
  });

  test.each<[number, number, number | undefined]>([
    [7800, 8000, 100],
    [7900, 8000, undefined],
    [9000, 8000, undefined],
    [0, 0, undefined],
    [0, 100, undefined],
    [0, 101, 100],
  ])('after %d ms of %d: %s', (elapsed, limit, expected) => {
    expect(retryDelay(forward(REGISTRY, { method: 'HEAD' }), 0, elapsed, limit, [])).toBe(expected);
  });

  test.each<[string, number | undefined]>([
    ['1', 1000],
    ['0', 100],
    ['-5', 100],
    ['30', undefined],
    ['Wed, 21 Oct 2026 07:28:00 GMT', undefined],
    ['soon', undefined],
  ])('with Retry-After: %s waits %s', (field, expected) => {
    expect(retryDelay(forward(REGISTRY), 0, 0, 8000, fields({ 'retry-after': field }))).toBe(expected);
  });
});
