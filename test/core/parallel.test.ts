import {
  FAST_ENOUGH,
  isFaster,
  isStraggler,
  isWorthSpreading,
  MAX_SEGMENT,
  MIN_REST,
  MIN_SEGMENT,
  Pace,
  type Room,
  segmentSize,
} from '../../src/core/parallel';

const MIB = 1024 * 1024;

/** Bytes a millisecond of so many MiB a second. */
const mibps = (rate: number) => (rate * MIB) / 1000;

function paceOf(rate: number, waiting = 1, load = 0): Pace {
  const pace = new Pace();
  pace.look({ elapsed: 250, waited: 250 * waiting, busy: 250 * load, bytes: rate * 250 * waiting });
  return pace;
}

describe('a pace', () => {
  test('is nothing before the first look', () => {
    expect([new Pace().rate, new Pace().waiting]).toEqual([0, 0]);
  });

  test('is what the first look saw, while the reader waited', () => {
    const pace = paceOf(100, 0.8, 0.3);
    expect([pace.rate, pace.waiting, pace.load]).toEqual([100, 80, 30]);
  });

  test('forgets half with each look', () => {
    const pace = paceOf(100, 1, 1);
    pace.look({ elapsed: 250, waited: 0, busy: 0, bytes: 0 });
    expect([pace.waiting, pace.load]).toEqual([100 / 3, 100 / 3]);
    pace.look({ elapsed: 250, waited: 250, busy: 0, bytes: 0 });
    expect(pace.rate).toBeCloseTo(100 / 5);
  });
});

describe('several connections are begun', () => {
  test.each<[string, number, number, number, boolean]>([
    ['where the reader waits, and would for long', mibps(5), 1, 200 * MIB, true],
    ['where the reader waits most of the time', mibps(5), 0.6, 200 * MIB, true],
    ['not where the reader is what limits', mibps(5), 0.59, 200 * MIB, false],
    ['not where the rest takes a second', mibps(5), 1, 5 * MIB, false],
    ['where it takes a little longer', mibps(5), 1, 5 * MIB + 1, true],
    ['for a small rest on a slow link', mibps(0.1), 1, MIN_REST, true],
    ['not for a smaller one', mibps(0.1), 1, MIN_REST - 1, false],
    ['not where nothing came at all', 0, 1, 200 * MIB, false],
    ['not where one is fast enough', (FAST_ENOUGH / 1000) * 1.01, 1, 1e12, false],
    ['where one is not quite', FAST_ENOUGH / 1000, 1, 1e12, true],
  ])('%s', (_, rate, waiting, rest, expected) => {
    expect(isWorthSpreading(paceOf(rate, waiting), rest)).toBe(expected);
  });

  test.each([
    [0.8, true],
    [0.81, false],
  ])('where we are at work for %d of the time: %s', (load, expected) => {
    expect(isWorthSpreading(paceOf(mibps(5), 1, load), 200 * MIB)).toBe(expected);
  });
});

describe('a segment', () => {
  const usual: Room = { rest: 200 * MIB, connections: 8, rate: mibps(5), share: 48 * MIB };

  test.each<[string, Partial<Room>, number]>([
    ['is as large as may be where much is left', {}, MAX_SEGMENT],
    ['takes two seconds at most', { rate: mibps(1) }, 2 * (MIB * 1)],
    ['is no smaller than a few round trips are worth', { rate: mibps(0.01) }, MIN_SEGMENT],
    ['gets smaller towards the end', { rest: 32 * MIB }, 2 * MIB],
    ['takes a quarter of a second at least', { rest: 8 * MIB }, 1.25 * MIB],
    ['is what is left', { rest: 1000 }, 1000],
    ['leaves no scraps', { rest: 4 * MIB, rate: mibps(15.5) }, 4 * MIB],
    ['leaves memory for the others', { share: 6 * MIB }, MIB / 2],
    ['may take all the memory there is', { share: MIN_SEGMENT }, MIN_SEGMENT],
    ['is none where there is none', { share: MIN_SEGMENT - 1 }, 0],
  ])('%s', (_, room, size) => {
    expect(segmentSize({ ...usual, ...room })).toBe(size);
  });

  test('after the other come to the end, and never hold more than the share', () => {
    for (const connections of [2, 8, 10, 64]) {
      let { rest } = usual;
      for (let count = 0; rest > 0; count++) {
        const size = segmentSize({ ...usual, connections, rest });
        expect(size).toBeGreaterThan(0);
        expect(size).toBeLessThanOrEqual(usual.share);
        expect(count).toBeLessThan(1000);
        rest -= size;
      }
      expect(rest).toBe(0);
    }
  });
});

test.each([
  [10, 12.4, false],
  [10, 12.5, true],
  [10, 80, true],
  [10, 3, false],
])('of %d alone, %d together is worth it: %s', (alone, together, expected) => {
  expect(isFaster(alone, together)).toBe(expected);
});

describe('the connection that all wait for', () => {
  test.each<[string, number, number, number, boolean]>([
    ['is asked again where it is far slower', mibps(0.1), mibps(5), 4 * MIB, true],
    ['and where it brings nothing', 0, mibps(5), 1000, true],
    ['is not where it is only slower', mibps(2), mibps(5), 4 * MIB, false],
    ['nor where it is nearly done', mibps(0.1), mibps(5), 100_000, false],
    ['nor where there are no others', 0, 0, 4 * MIB, false],
  ])('%s', (_, rate, others, rest, expected) => {
    expect(isStraggler(rate, others, rest)).toBe(expected);
  });
});
