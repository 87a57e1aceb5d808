import { COMMIT_TIME, Deposit, type DepositOptions, STORE_TIME } from '../../src/node/deposit';
import { blob } from '../../src/storage/key';
import { MemoryStore } from '../../src/storage/memory';
import type { Sink } from '../../src/storage/store';
import { bytesFrom, content } from '../storage/bytes';

const one = content(1000);
const never = () => new Promise<never>(() => {});

async function sinkThat(hangs: Partial<Sink> = {}): Promise<Sink> {
  const store = new MemoryStore({ maxBytes: 100_000 });
  const sink = await store.put(blob(one.key.digest), { proof: 'caller' });
  return {
    written: 0,
    write: (chunk) => sink.write(chunk),
    commit: () => sink.commit(),
    abort: jest.fn(() => sink.abort()),
    read: sink.read,
    hold: sink.hold,
    ...hangs,
  };
}

function deposit(sink: DepositOptions['sink']) {
  const faults: string[] = [];
  const options = { sink, spool: async () => undefined, stored: async () => undefined };
  const subject = new Deposit({ ...options, onFault: (error) => faults.push(error.message) });
  subject.open();
  return { subject, faults };
}

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

/** Ends, once so much time has passed. */
async function after<T>(limit: number, work: Promise<T>): Promise<T> {
  let hasEnded = false;
  const ending = work.finally(() => {
    hasEnded = true;
  });
  await jest.advanceTimersByTimeAsync(limit - 1);
  expect(hasEnded).toBe(false);
  await jest.advanceTimersByTimeAsync(2);
  expect(hasEnded).toBe(true);
  return ending;
}

test('a store that does not open is done without, and what it opens too late is given back', async () => {
  const late = await sinkThat();
  let open: (sink: Sink) => void = () => {};
  const { subject, faults } = deposit(
    () =>
      new Promise((resolve) => {
        open = resolve;
      }),
  );
  await after(STORE_TIME, subject.write(one.bytes));
  expect([faults, subject.isReadable]).toEqual([['the store opens nothing for 10 s'], false]);
  open(late);
  await jest.advanceTimersByTimeAsync(1);
  expect(late.abort).toHaveBeenCalledTimes(1);
  await subject.commit();
  expect(subject.isStored).toBe(false);
});

test('one that takes nothing is done without, and what it has taken can be read until the end', async () => {
  let count = 0;
  const real = await sinkThat();
  const sink = { ...real, write: (chunk: Uint8Array) => (count++ === 0 ? real.write(chunk) : never()), abort: never };
  const { subject, faults } = deposit(async () => sink);
  await subject.write(one.bytes.subarray(0, 400));
  expect(subject.isReadable).toBe(true);
  await after(STORE_TIME, subject.write(one.bytes.subarray(400)));
  expect([faults, subject.isReadable]).toEqual([['the store takes nothing for 10 s'], false]);
  const past = await subject.read(100, 999);
  expect(past && (await bytesFrom(past)).equals(one.bytes.subarray(100, 400))).toBe(true);
  expect(await subject.read(400, 999)).toBeUndefined();
  await subject.commit();
  await subject.abort();
  subject.close();
  expect([await subject.read(100, 200), subject.isStored]).toEqual([undefined, false]);
});

test('one that does not finish is done without', async () => {
  const sink = await sinkThat({ commit: never });
  const { subject, faults } = deposit(async () => sink);
  await subject.write(one.bytes);
  await after(COMMIT_TIME, subject.commit());
  expect([faults, subject.isStored]).toEqual([['the store does not finish for 180 s'], false]);
  const past = await subject.read(0, 999);
  expect(past && (await bytesFrom(past)).equals(one.bytes)).toBe(true);
});

test('one that cannot even be left is left', async () => {
  const { subject, faults } = deposit(async () => sinkThat({ abort: never }));
  await subject.write(one.bytes);
  await after(STORE_TIME, subject.abort());
  expect(faults).toEqual(['the store gives nothing up for 10 s']);
});
