import fc from 'fast-check';
import { MAX_CLIENTS, parseRate, type Rate, RateLimiter, tooManyRequests } from '../../src/core/rate-limit';

const rate = (text: string) => parseRate(text) as Rate;

describe('a rate', () => {
  test.each([
    ['20/s', { count: 20, within: 1000, burst: 20 }],
    ['600/m', { count: 600, within: 60_000, burst: 600 }],
    ['10000/h', { count: 10_000, within: 3_600_000, burst: 10_000 }],
    ['20/s burst 100', { count: 20, within: 1000, burst: 100 }],
    ['20/S  Burst=100', { count: 20, within: 1000, burst: 100 }],
    ['1/h burst 1', { count: 1, within: 3_600_000, burst: 1 }],
  ])('%s is %j', (text, expected) => {
    expect(parseRate(text)).toEqual(expected);
  });

  test.each([
    '',
    '20',
    '20/',
    '20/d',
    '0/s',
    '20/s burst 0',
    '20/s burst',
    '-1/s',
    '1.5/s',
    '20 /s',
    '20/s,5/m',
    '9999999999/s',
  ])('%j is none', (text) => {
    expect(parseRate(text)).toBeUndefined();
  });
});

describe('a client', () => {
  test('has its burst at once, and after that so much as the rate gives', () => {
    const rates = new RateLimiter();
    const take = (now: number) => rates.take('a', rate('2/s burst 3'), now);
    expect([take(0), take(0), take(0)]).toEqual([0, 0, 0]);
    expect([take(0), take(100)]).toEqual([500, 400]);
    expect([take(500), take(500)]).toEqual([0, 500]);
    expect([take(1000), take(1500), take(1500)]).toEqual([0, 0, 500]);
    // rested long enough to have all of it again, and no more than that
    expect([take(60_000), take(60_000), take(60_000), take(60_000)]).toEqual([0, 0, 0, 500]);
  });

  test('is not set back by what was refused', () => {
    const rates = new RateLimiter();
    rates.take('a', rate('1/s'), 0);
    for (let now = 0; now < 1000; now += 10) expect(rates.take('a', rate('1/s'), now)).toBeGreaterThan(0);
    expect(rates.take('a', rate('1/s'), 1000)).toBe(0);
  });

  test('does not count for another', () => {
    const rates = new RateLimiter();
    expect([rates.take('a', rate('1/h'), 0), rates.take('a', rate('1/h'), 0)]).toEqual([0, 3_600_000]);
    expect(rates.take('b', rate('1/h'), 0)).toBe(0);
  });

  test('lives by the limit that holds now', () => {
    const rates = new RateLimiter();
    for (let count = 0; count < 5; count++) rates.take('a', rate('10/s'), 0);
    expect(rates.take('a', rate('10/s burst 2'), 0)).toBe(0);
    expect(rates.take('a', rate('10/s burst 2'), 0)).toBe(0);
    expect(rates.take('a', rate('10/s burst 2'), 0)).toBe(100);
  });

  test('that comes at the very time it was told is let in, whatever fractions add up to', () => {
    const rates = new RateLimiter();
    const limit = { count: 1, within: 1000, burst: 2 };
    expect([rates.take('a', limit, 0), rates.take('a', limit, 251), rates.take('a', limit, 436)]).toEqual([0, 0, 564]);
    expect(rates.take('a', limit, 1000)).toBe(0);
  });

  test('never gets more than burst and rate allow, and is told when to come back', () => {
    const steps = fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 200 });
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 20 }), (waits, count, burst) => {
        const rates = new RateLimiter();
        const limit = { count, within: 1000, burst };
        let now = 0;
        let passed = 0;
        for (const wait of waits) {
          now += wait;
          const left = rates.take('a', limit, now);
          if (left === 0) passed += 1;
          else {
            now += Math.ceil(left);
            expect(rates.take('a', limit, now)).toBe(0);
            passed += 1;
          }
          expect(passed).toBeLessThanOrEqual(burst + (now * count) / 1000 + 0.001);
        }
      }),
    );
  });
});

describe('what is remembered', () => {
  test(`is ${MAX_CLIENTS} clients at most, and the oldest goes first`, () => {
    const rates = new RateLimiter();
    const limit = rate('1/h');
    for (let index = 0; index < MAX_CLIENTS; index++) rates.take(`client ${index}`, limit, index);
    rates.take('client 0', limit, MAX_CLIENTS);
    for (let index = 0; index < 10; index++) rates.take(`late ${index}`, limit, MAX_CLIENTS);
    expect(rates.size).toBe(MAX_CLIENTS);
    // it came back meanwhile, so others went
    expect(rates.take('client 0', limit, MAX_CLIENTS)).toBeGreaterThan(0);
    expect(rates.take('client 1', limit, MAX_CLIENTS)).toBe(0);
  });

  test('shrinks with each request when they have left', () => {
    const rates = new RateLimiter();
    for (let index = 0; index < 100; index++) rates.take(`client ${index}`, rate('1/s'), 0);
    for (let index = 0; index < 50; index++) rates.take('who stays', rate('1/s'), 2000 + index * 1000);
    expect(rates.size).toBe(1);
  });
});

test.each([
  [1, '1'],
  [1000, '1'],
  [1001, '2'],
  [3_600_000, '3600'],
])('%d ms are Retry-After: %s', (wait, seconds) => {
  const error = tooManyRequests('x', 'RATE_LIMIT', wait);
  expect([error.status, error.code, error.headers]).toEqual([429, 'TOOMANYREQUESTS', [['retry-after', seconds]]]);
});
