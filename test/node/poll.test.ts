import { poll, RELOAD_INTERVAL } from '../../src/node/poll';

afterEach(() => jest.useRealTimers());

test('no look begins before the last one is over, and none after the end', async () => {
  jest.useFakeTimers();
  const ends: (() => void)[] = [];
  const look = jest.fn(() => new Promise<void>((resolve) => ends.push(resolve)));
  const end = poll(look);
  jest.advanceTimersByTime(3 * RELOAD_INTERVAL);
  expect(look).toHaveBeenCalledTimes(1);
  ends[0]();
  await jest.advanceTimersByTimeAsync(RELOAD_INTERVAL);
  expect(look).toHaveBeenCalledTimes(2);
  ends[1]();
  end();
  await jest.advanceTimersByTimeAsync(3 * RELOAD_INTERVAL);
  expect(look).toHaveBeenCalledTimes(2);
});
