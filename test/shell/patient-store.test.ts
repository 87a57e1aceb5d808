import { Content } from '../../src/node/content';
import { PatientStore } from '../../src/shell/patient-store';
import { blob } from '../../src/storage/key';
import { MemoryStore } from '../../src/storage/memory';
import type { Reading, Store } from '../../src/storage/store';
import { StoreError, type StoreFault } from '../../src/storage/store-error';
import { bytesFrom, content, contentOf, has, putBlob } from '../storage/bytes';

const QUICK = { find: 30, read: 30, rest: 60 };
const never = () => new Promise<never>(() => {});
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

function storeThat(hangs: Partial<Store>): Store {
  const store = new MemoryStore({ maxBytes: 1024 * 1024 });
  const names = ['stat', 'get', 'put', 'delete', 'list', 'verify', 'prune', 'close'] as const;
  const own = Object.fromEntries(names.map((name) => [name, (store[name] as () => unknown).bind(store)]));
  return { ...(own as unknown as Store), ...hangs };
}

const one = content(200_000);

describe('a store that hangs', () => {
  test.each<[string, (store: PatientStore) => Promise<unknown>]>([
    ['stat', (store) => store.stat(one.key)],
    ['get', (store) => store.get(one.key)],
    ['put', (store) => store.put(one.key)],
    ['delete', (store) => store.delete(one.key)],
    ['sign', (store) => store.sign(one.key, 1000)],
  ])('on %s fails, and is not asked again for a while', async (name, act) => {
    const calls = jest.fn(never);
    const store = new PatientStore(storeThat({ [name]: calls }), QUICK);
    await expect(act(store)).rejects.toThrow('does not answer');
    await expect(act(store)).rejects.toThrow('a moment ago');
    await expect(store.stat(one.key)).rejects.toThrow('a moment ago');
    expect(calls).toHaveBeenCalledTimes(1);
    await pause(80);
    await expect(act(store)).rejects.toThrow('does not answer');
  });

  test('gives back what comes too late', async () => {
    const [closed, aborted] = [jest.fn(async () => {}), jest.fn(async () => {})];
    const late = <T>(outcome: T) => pause(60).then(() => outcome);
    const slow = storeThat({
      get: () => late({ close: closed } as unknown as Reading),
      put: () => late({ abort: aborted } as never),
    });
    await expect(new PatientStore(slow, QUICK).get(one.key)).rejects.toThrow('does not answer');
    await expect(new PatientStore(slow, QUICK).put(one.key)).rejects.toThrow('does not answer');
    await pause(100);
    expect([closed.mock.calls.length, aborted.mock.calls.length]).toEqual([1, 1]);
  });

  test('in the middle of what is read ends that, and frees it', async () => {
    const closed = jest.fn(async () => {});
    const reading: Reading = {
      entry: { key: one.key, size: 10, usedAt: 0 },
      first: 0,
      last: 9,
      close: closed,
      async *[Symbol.asyncIterator]() {
        yield Buffer.from('12345');
        await never();
      },
    };
    const found = await new PatientStore(storeThat({ get: async () => reading }), QUICK).get(one.key);
    await expect(bytesFrom(found as Reading)).rejects.toThrow('gives nothing');
    expect(closed).toHaveBeenCalled();
  });
});

test('a store that fails all the time is left alone for a while', async () => {
  let [calls, fault]: [number, StoreFault] = [0, 'io'];
  const fail = () => {
    calls += 1;
    return Promise.reject(new StoreError(fault, 'no'));
  };
  const store = new PatientStore(storeThat({ stat: fail, get: fail }), QUICK);
  const find = () => store.stat(one.key).catch((error: Error) => error.message);
  for (let count = 0; count < 10; count += 1) await find();
  expect([calls, await find()]).toEqual([5, 'the store hung, or failed, a moment ago']);
  // However often it is asked for meanwhile.
  for (let time = 0; time < 8; time += 1) await pause(10).then(find).then(find);
  expect(calls).toBeGreaterThan(5);
  await pause(80);
  calls = 5;
  // Of one entry, and not of the store.
  fault = 'corrupt';
  for (let count = 0; count < 10; count += 1) await find();
  expect(calls).toBe(15);
});

test('a store that does not hang does what it does', async () => {
  const inner = storeThat({});
  await putBlob(inner, one);
  const store = new PatientStore(inner, QUICK);
  expect(await store.stat(one.key)).toMatchObject({ size: 200_000 });
  const part = await store.get(one.key, { first: 10, last: 99 });
  expect([part?.first, part?.last, part && (await bytesFrom(part)).length]).toEqual([10, 99, 90]);
  expect(await store.sign(one.key, 1000)).toBeUndefined();
  expect(await store.delete(one.key)).toBe(true);
  expect(await store.get(one.key)).toBeUndefined();
});

/** What the cache makes of it. */
describe('a cache whose store hangs', () => {
  const small = contentOf(Buffer.from('a manifest'));
  const question = (digest: string) => ({ digest, link: 'link', lead: true });

  test('on every call finds nothing, and says so once for each', async () => {
    const faults: string[] = [];
    const all = { stat: never, get: never, put: never, delete: never, sign: never };
    const cache = new Content(storeThat(all), (error) => faults.push(error.message), QUICK);
    const settles: (() => void)[] = [];
    const find = { verb: 'find' as const, documents: ['a', 'b'], blob: question(one.key.digest) };
    const found = await cache.find(find, (settle) => settles.push(settle));
    expect([found.documents, found.blob, settles.length]).toEqual([{ a: undefined, b: undefined }, undefined, 1]);
    expect(await cache.open(one.key.digest, { first: 0, last: 9, size: 200_000 })).toBeUndefined();
    expect(await cache.sign(one.key.digest, 1e9, 1000)).toBeUndefined();
    await cache.keep(small.key.digest, small.bytes, [{ name: 'a', document: { n: 1 } }, { name: 'b' }]);
    expect(faults.length).toBeGreaterThan(0);
    expect(faults.every((each) => /does not answer|hung/.test(each))).toBe(true);
  });

  test('in the middle of a small body asks elsewhere', async () => {
    const reading = (key = small.key): Reading => ({
      entry: { key, size: small.bytes.length, usedAt: 0 },
      first: 0,
      last: small.bytes.length - 1,
      close: async () => {},
      [Symbol.asyncIterator]: () => ({ next: never }),
    });
    const cache = new Content(storeThat({ get: async () => reading() }), () => {}, QUICK);
    const part = { first: 0, last: small.bytes.length - 1, size: small.bytes.length };
    expect(await cache.open(small.key.digest, part)).toBeUndefined();
  });

  test('gives no body of another size than it was said to have', async () => {
    const store = new MemoryStore({ maxBytes: 1024 * 1024 });
    await putBlob(store, small);
    const cache = new Content(store, () => {}, QUICK);
    for (const size of [small.bytes.length - 1, small.bytes.length + 1]) {
      expect(await cache.open(small.key.digest, { first: 0, last: 3, size })).toBeUndefined();
    }
    const right = await cache.open(small.key.digest, { first: 0, last: 3, size: small.bytes.length });
    expect(right && (await bytesFrom(right as AsyncIterable<Uint8Array>)).toString()).toBe('a ma');
    // and not from memory either
    expect(await cache.open(small.key.digest, { first: 0, last: 3, size: 9 })).toBeUndefined();
    expect(await has(store, { key: blob(small.key.digest), bytes: small.bytes })).toBe(true);
  });
});
