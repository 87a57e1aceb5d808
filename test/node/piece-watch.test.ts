import { setTimeout as sleep } from 'node:timers/promises';
import { SharedFetch } from '../../src/node/shared-fetch';
import type { Incoming, Piece } from '../../src/storage/store';
import { content } from '../storage/bytes';

const MIB = 1024 * 1024;
const SIZE = 9 * MIB;
const PIECE: Piece = { name: 'n', first: 0, size: 8 * MIB };

function follow(incoming: Partial<Incoming>) {
  const { key } = content(1);
  const faults: string[] = [];
  const shared = new SharedFetch({
    key,
    size: SIZE,
    incoming: incoming as Incoming,
    stored: async () => undefined,
    isStored: async () => false,
    put: async () => undefined,
    onFault: (error) => faults.push(error.message),
  });
  return shared;
}

test('a piece that is listed, and is not there, is not asked for at once again and again', async () => {
  let [looks, reads] = [0, 0];
  const shared = follow({
    look: async () => {
      looks += 1;
      return { pieces: [PIECE], isFetched: true };
    },
    read: async () => {
      reads += 1;
      return undefined;
    },
  });
  const reading = shared[Symbol.asyncIterator]().next();
  reading.catch(() => {});
  for (const end = Date.now() + 10_000; reads < 2 && Date.now() < end; ) await sleep(20);
  await sleep(200);
  shared.close();
  await expect(reading).rejects.toThrow();
  expect(reads).toBeGreaterThan(1);
  expect(Math.max(looks, reads)).toBeLessThan(10);
});

test('a piece that the store gives too late is given back', async () => {
  let isClosed = false;
  let give = (_: AsyncIterable<Uint8Array>) => {};
  const shared = follow({
    look: async () => ({ pieces: [PIECE], isFetched: true }),
    read: () => new Promise((resolve) => (give = resolve)),
  });
  jest.useFakeTimers();
  const reading = shared[Symbol.asyncIterator]().next();
  reading.catch(() => {});
  await jest.advanceTimersByTimeAsync(5_001);
  jest.useRealTimers();
  await expect(reading).rejects.toThrow('does not give a piece');
  async function* none(): AsyncGenerator<Uint8Array> {}
  give(
    Object.assign(none(), {
      close: async () => {
        isClosed = true;
      },
    }),
  );
  await sleep(0);
  expect(isClosed).toBe(true);
});
