import { Hot, MAX_HOT_BYTES, MAX_HOT_ENTRY } from '../../src/shell/hot';

test('what was used longest ago goes first, and all of it is never more than it may be', () => {
  const hot = new Hot();
  // What each costs beside its bytes leaves room for one less.
  const count = MAX_HOT_BYTES / MAX_HOT_ENTRY - 1;
  for (let index = 0; index < count; index += 1) hot.set(`${index}`, index, MAX_HOT_ENTRY);
  expect([hot.get('0'), hot.get('1')]).toEqual([0, 1]);
  hot.set('more', 'more', MAX_HOT_ENTRY);
  expect([hot.get('0'), hot.get('2'), hot.get('more')]).toEqual([0, undefined, 'more']);
});

test('what is too large for it is not held, and what was there under that name neither', () => {
  const hot = new Hot();
  hot.set('a', 'small', 10);
  hot.set('a', 'large', MAX_HOT_ENTRY + 1);
  expect(hot.get('a')).toBeUndefined();
});

test('an entry is replaced and counted once', () => {
  const hot = new Hot();
  for (let index = 0; index < 1000; index += 1) hot.set('a', index, MAX_HOT_ENTRY);
  hot.set('b', 'b', 10);
  expect([hot.get('a'), hot.get('b')]).toEqual([999, 'b']);
  hot.delete('a');
  hot.delete('a');
  expect(hot.get('a')).toBeUndefined();
});

test('nothing is hot for long: another process may have changed it', () => {
  jest.useFakeTimers();
  try {
    const hot = new Hot();
    hot.set('a', 'a', 10);
    jest.advanceTimersByTime(29_000);
    expect(hot.get('a')).toBe('a');
    jest.advanceTimersByTime(2_000);
    expect(hot.get('a')).toBeUndefined();
  } finally {
    jest.useRealTimers();
  }
});
