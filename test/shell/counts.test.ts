import { Counts } from '../../src/shell/counts';

test('requests are counted by what the cache did for them, and continuations of their bodies', () => {
  const counts = new Counts();
  for (const cache of ['hit', 'miss', 'hit', 'stale', 'joined', 'revalidated', 'bypass', undefined] as const) {
    counts.add({ cache, resumed: cache === 'miss' ? 3 : 0 });
  }
  expect(counts.all).toEqual({ hit: 2, miss: 1, stale: 1, joined: 1, revalidated: 1, bypass: 1, resumed: 3 });
});
