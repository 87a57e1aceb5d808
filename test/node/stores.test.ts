import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { CacheConfig, StorePlace } from '../../src/core/cache-config';
import { FIRST_PRUNE, openStore, PRUNE_INTERVAL, Stores } from '../../src/node/stores';
import { createLog } from '../../src/shell/log';
import { DiskStore } from '../../src/storage/disk';
import { MemoryStore } from '../../src/storage/memory';
import { StoreError } from '../../src/storage/store-error';
import { content, has, putBlob } from '../storage/bytes';
import { base } from '../storage/folder';
import { startS3 } from '../storage/s3-server';

const folder = mkdtempSync(join(base, 'stores-'));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => {
  jest.restoreAllMocks();
  jest.useRealTimers();
});

const MEMORY: StorePlace = { kind: 'memory', maxBytes: 16 * 1024 * 1024 };
const DISK: StorePlace = { kind: 'disk', folder: join(folder, 'cache') };

const cache = (place: StorePlace, inactive = 0): CacheConfig => {
  return { place, tagLifetime: () => 0, stale: 0, staleMissing: false, negative: 0, inactive };
};

function make() {
  const lines: Record<string, unknown>[] = [];
  const log = createLog({ level: 'info', format: 'json', write: (line) => lines.push(JSON.parse(line)) });
  return { stores: new Stores(log), lines };
}

async function lease(stores: Stores, ...config: Parameters<typeof cache>) {
  return stores.lease(cache(...config));
}

test.each([
  ['memory', MEMORY, MemoryStore],
  ['disk', DISK, DiskStore],
] as const)('a store in %s is opened', async (_, place, driver) => {
  const store = await openStore(place);
  expect(store).toBeInstanceOf(driver);
  const one = content(1000);
  await putBlob(store, one);
  expect(await has(store, one)).toBe(true);
  await store.close();
});

test('a store in a bucket is opened', async () => {
  const server = await startS3();
  const store = await openStore(server.bucket({}).place);
  const one = content(1000);
  await putBlob(store, one);
  expect(await has(store, one)).toBe(true);
  await store.close();
  await server.stop();
});

test('the size of the cache is the limit of the store', async () => {
  const store = await openStore({ kind: 'disk', folder: join(folder, 'small'), maxBytes: 1000 });
  await expect(store.put(content(1000).key, { size: 1000 })).rejects.toThrow(StoreError);
  await store.close();
});

test('one place is one store, until the last one who has it gives it back', async () => {
  const { stores } = make();
  const [one, two, other] = [
    await lease(stores, MEMORY),
    await lease(stores, { ...MEMORY }, 1000),
    await lease(stores, DISK),
  ];
  expect(two.store).toBe(one.store);
  expect(other.store).not.toBe(one.store);
  const close = jest.spyOn(one.store, 'close');
  await one.release();
  expect(close).not.toHaveBeenCalled();
  await two.release();
  expect(close).toHaveBeenCalledTimes(1);
  const next = await lease(stores, MEMORY);
  expect(next.store).not.toBe(one.store);
  await Promise.all([next.release(), other.release()]);
});

test('in place of a store that cannot be opened there is memory, which is said; the next one is tried anew', async () => {
  const { stores, lines } = make();
  const place = {
    ...MEMORY,
    get maxBytes(): number {
      throw new Error('no memory');
    },
  };
  jest.spyOn(JSON, 'stringify').mockReturnValueOnce('place');
  const { store, release } = await stores.lease(cache(place));
  const one = content(1000);
  await putBlob(store, one);
  expect(await has(store, one)).toBe(true);
  await release();
  expect(lines).toMatchObject([{ level: 'warn', msg: expect.stringContaining('cannot be opened'), why: 'no memory' }]);
});

test('what a store complains of is in the log', async () => {
  const { stores, lines } = make();
  const { report, release } = await lease(stores, MEMORY);
  report(new StoreError('full', 'no room'));
  expect(lines).toMatchObject([{ level: 'warn', fault: 'full', why: 'no room' }]);
  await release();
});

test('a store that fails to close, or never does, ends nothing else', async () => {
  const { stores, lines } = make();
  const [one, two] = [await lease(stores, MEMORY), await lease(stores, DISK)];
  jest.spyOn(one.store, 'close').mockRejectedValue(new StoreError('io', 'broken'));
  await one.release();
  const closed = two.store.close();
  jest.spyOn(two.store, 'close').mockReturnValue(new Promise(() => {}));
  await closed;
  jest.useFakeTimers();
  const released = two.release();
  await jest.advanceTimersByTimeAsync(5000);
  await released;
  expect(lines.map(({ why }) => why)).toEqual(['broken', expect.stringContaining('did not close within 5 s')]);
});

test('what nobody used for CACHE_INACTIVE goes, after a minute and each hour, as long as somebody has the store', async () => {
  jest.useFakeTimers({ now: 1_000_000_000 });
  const { stores, lines } = make();
  const { store, release } = await lease(stores, MEMORY, 90_000);
  const prune = jest.spyOn(store, 'prune');
  const one = content(1000);
  await putBlob(store, one);
  await jest.advanceTimersByTimeAsync(FIRST_PRUNE);
  expect(await has(store, one)).toBe(true);
  expect(prune.mock.calls).toEqual([[{ usedBefore: 1_000_000_000 + FIRST_PRUNE - 90_000 }]]);
  prune.mockRejectedValueOnce(new StoreError('io', 'broken'));
  await jest.advanceTimersByTimeAsync(PRUNE_INTERVAL);
  expect([await has(store, one), lines.map(({ why }) => why)]).toEqual([true, ['broken']]);
  await jest.advanceTimersByTimeAsync(PRUNE_INTERVAL);
  expect([await has(store, one), prune.mock.calls.length]).toEqual([false, 3]);
  await release();
  await jest.advanceTimersByTimeAsync(2 * PRUNE_INTERVAL);
  expect(prune).toHaveBeenCalledTimes(3);
});

test('without CACHE_INACTIVE nobody looks', async () => {
  jest.useFakeTimers();
  const { stores } = make();
  const { release } = await lease(stores, MEMORY);
  expect(jest.getTimerCount()).toBe(0);
  await release();
});
