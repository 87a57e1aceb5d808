import { Counts } from '../../src/shell/counts';

test('requests are counted by what the cache did for them, and continuations of their bodies', () => {
  const counts = new Counts();
  for (const cache of ['hit', 'miss', 'hit', 'stale', 'joined', 'revalidated', 'bypass', undefined] as const) {
    counts.add({ cache, resumed: cache === 'miss' ? 3 : 0 });
  }
  expect(counts.all).toEqual({ hit: 2, miss: 1, stale: 1, joined: 1, revalidated: 1, bypass: 1, resumed: 3 });
});

test('faults of the store are counted by their kind', () => {
  const counts = new Counts();
  for (const fault of ['io', 'full', 'io']) counts.noteFault(fault);
  expect([...counts.faults]).toEqual([
    ['io', 2],
    ['full', 1],
  ]);
});

test('a configuration that could not be read leaves the time of the one that could', () => {
  const counts = new Counts();
  const { goodAt } = counts.reloads;
  expect(counts.reloads).toEqual({ good: 0, bad: 0, isLastGood: true, goodAt: expect.any(Number) });
  counts.noteReload(false);
  expect(counts.reloads).toEqual({ good: 0, bad: 1, isLastGood: false, goodAt });
  counts.noteReload(true);
  expect(counts.reloads).toMatchObject({ good: 1, bad: 1, isLastGood: true });
  expect(counts.reloads.goodAt).toBeGreaterThanOrEqual(goodAt);
});
