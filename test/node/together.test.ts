import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Find, KeepBlob } from '../../src/core/cache-verbs';
import type { BlobSource } from '../../src/node/blob-source';
import { Content } from '../../src/node/content';
import { S3Store } from '../../src/storage/s3';
import type { Store } from '../../src/storage/store';
import { type Content as Bytes, content, has, putBlob } from '../storage/bytes';
import { type Abilities, type Bucket, type S3Server, startS3 } from '../storage/s3-server';

/** Several processes with one object store: what one fetches, the others have from there. */

const MIB = 1024 * 1024;
jest.setTimeout(60_000);

const SIZE = 30 * MIB + 12_345;

let server: S3Server;
let bucket: Bucket;
let now = Date.now;
const stores: Store[] = [];
const doors: Server[] = [];
const faults: string[] = [];

beforeAll(async () => {
  server = await startS3();
});
beforeEach(() => use({}));
afterEach(async () => {
  server.mend();
  for (const store of stores.splice(0)) await store.close();
  for (const door of doors.splice(0)) door.close();
  faults.length = 0;
  now = Date.now;
  expect(server.accusations).toEqual([]);
});
afterAll(() => server.stop());

function use(abilities: Abilities): void {
  bucket = server.bucket({ prefix: 'p/', now: () => now(), ...abilities });
}

/** What a process fetches from upstream. */
interface Upstream {
  readonly keep: KeepBlob;
  readonly source: BlobSource;
  /** Bytes that were sent. */
  sent: number;
  /** How often it was closed before its end. */
  closed: number;
  /** Where it was asked to begin, each time. */
  readonly begun: number[];
}

interface Flow {
  /** Milliseconds for each MiB. */
  readonly pause?: number;
  readonly cutAt?: number;
  readonly wrongAt?: number;
}

function upstreamOf({ key, bytes }: Bytes, { pause = 0, cutAt = bytes.length, wrongAt }: Flow = {}): Upstream {
  const all = Buffer.from(bytes);
  if (wrongAt !== undefined) all[wrongAt] ^= 1;
  const keep: KeepBlob = { kind: 'blob', digest: key.digest, size: bytes.length, link: 'link', notes: [] };
  const upstream: Upstream = {
    keep,
    sent: 0,
    closed: 0,
    begun: [],
    source: {
      discard: () => {},
      open(first) {
        upstream.begun.push(first);
        let received = first;
        let isClosed = false;
        return {
          get received() {
            return received - first;
          },
          close: () => {
            if (received < all.length) upstream.closed += 1;
            isClosed = true;
          },
          async *[Symbol.asyncIterator]() {
            while (received < cutAt) {
              await sleep(pause);
              if (isClosed) throw new Error('closed');
              const piece = all.subarray(received, Math.min(cutAt, received + MIB));
              received += piece.length;
              upstream.sent += piece.length;
              yield piece;
            }
            if (cutAt < all.length) throw new Error('the upstream cut');
          },
        };
      },
    },
  };
  return upstream;
}

/** A process; `kill` takes the object store from it, so that it can neither go on nor clean up. */
async function start(clock = Date.now): Promise<{ content: Content; store: Store; kill: () => void }> {
  const sockets = new Set<Socket>();
  const door = createServer((near) => {
    const far = connect(server.port, '127.0.0.1');
    for (const each of [near, far]) sockets.add(each.on('error', () => {}));
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
  const { port } = door.address() as AddressInfo;
  const { endpoint } = bucket.place;
  const place = { ...bucket.place, endpoint: { ...endpoint, port } };
  const store = new S3Store({ place, now: clock, patience: { backOff: 1, rest: 0 } });
  stores.push(store);
  doors.push(door);
  return {
    store,
    content: new Content(store, (error) => faults.push(error.message)),
    kill: () => {
      door.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function read(source: AsyncIterable<Uint8Array | readonly Uint8Array[]> | undefined): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const each of source ?? []) chunks.push(...(each instanceof Uint8Array ? [each] : each));
  return Buffer.concat(chunks);
}

const question = ({ key }: Bytes): Find => {
  return { verb: 'find', documents: [], blob: { digest: key.digest, link: 'link', lead: true } };
};
const leftOver = () => [...bucket.objects.keys()].filter((key) => key.includes('/incoming/'));

async function until(what: string, reached: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 30_000; !(await reached()); await sleep(20))
    if (Date.now() > deadline) throw new Error(`not within 30 s: ${what}`);
}

test.each<[string, Abilities]>([
  ['keeps conditions', {}],
  ['passes over them', { conditions: 'ignored' }],
  ['refuses them', { conditions: 'refused' }],
])('three that get the same at once fetch it once, where the store %s', async (_, abilities) => {
  use(abilities);
  const one = content(SIZE);
  const started = await Promise.all([start(), start(), start()]);
  const all = started.map((each) => ({ ...each, upstream: upstreamOf(one, { pause: 10 }) }));
  const reads = all.map(({ content, upstream }) => read(content.fetch(upstream.keep, upstream.source).source));
  const bytes = await Promise.all(reads);
  expect(bytes.map((each) => each.equals(one.bytes))).toEqual([true, true, true]);
  expect(all.reduce((sum, { upstream }) => sum + upstream.sent, 0)).toBe(SIZE);
  const fates = await Promise.all(all.map(({ content }) => content.stored(one.key.digest, 30_000)));
  expect(fates).toEqual(['stored', 'stored', 'stored']);
  await until('nothing is left over', () => leftOver().length === 0);
  expect([faults, await has(stores[0] as Store, one)]).toEqual([[], true]);
});

test('who comes later follows from its first byte on, also where it asks nobody upstream', async () => {
  const one = content(SIZE);
  const [first, second] = await Promise.all([start(), start()]);
  const upstream = upstreamOf(one, { pause: 50 });
  const leading = read(first.content.fetch(upstream.keep, upstream.source).source);
  const find = () => second.content.find(question(one), () => {});
  await until('it is known', async () => (await find()).blob !== undefined);
  expect((await find()).blob).toEqual({ state: 'coming', size: SIZE, written: expect.any(Number), isLinked: false });
  const parts = [
    { first: 0, last: SIZE - 1, size: SIZE },
    { first: 9 * MIB, last: 10 * MIB, size: SIZE },
  ];
  const followed = await Promise.all(parts.map(async (part) => read(await second.content.open(one.key.digest, part))));
  expect(
    followed.map((bytes, index) =>
      bytes.equals(one.bytes.subarray(parts[index]?.first, (parts[index]?.last ?? 0) + 1)),
    ),
  ).toEqual([true, true]);
  expect([(await leading).equals(one.bytes), upstream.sent]).toEqual([true, SIZE]);
  expect(await second.content.open(one.key.digest, { first: 0, last: SIZE, size: SIZE + 1 })).toBeUndefined();
});

test('what is killed in the middle is taken over, and asked for from there', async () => {
  const one = content(SIZE);
  const [first, second] = await Promise.all([start(), start()]);
  const [dying, living] = [upstreamOf(one, { pause: 50 }), upstreamOf(one)];
  const led = read(first.content.fetch(dying.keep, dying.source).source);
  await until('there are pieces', () => leftOver().length > 2);
  const followed = read(second.content.fetch(living.keep, living.source).source);
  await until('it follows', async () => (await second.content.find(question(one), () => {})).blob !== undefined);
  first.kill();
  now = () => Date.now() + 60_000;
  expect((await followed).equals(one.bytes)).toBe(true);
  expect(living.begun).toHaveLength(1);
  expect(living.begun[0]).toBeGreaterThanOrEqual(16 * MIB);
  expect(await second.content.stored(one.key.digest, 30_000)).toBe('stored');
  expect([await has(stores[1] as Store, one), leftOver()]).toEqual([true, []]);
  expect((await led).equals(one.bytes)).toBe(true);
});

test('what ended in the middle is gone on with, by whoever comes next', async () => {
  const one = content(SIZE);
  const [first, second] = await Promise.all([start(), start()]);
  const cut = upstreamOf(one, { cutAt: 18 * MIB });
  await expect(read(first.content.fetch(cut.keep, cut.source).source)).rejects.toThrow('the upstream cut');
  await until('it is given up', () => leftOver().every((key) => !key.endsWith('claim')));
  expect(await second.content.stored(one.key.digest, 1000)).toBe('failed');
  const rest = upstreamOf(one);
  expect(second.content.begin(rest.keep, rest.source)).toBe(true);
  expect(await second.content.stored(one.key.digest, 30_000)).toBe('stored');
  expect([rest.begun, rest.sent]).toEqual([[16 * MIB], SIZE - 16 * MIB]);
  expect([await has(stores[1] as Store, one), leftOver()]).toEqual([true, []]);
});

test('a wrong body ends for nobody, and nothing of it stays', async () => {
  const one = content(SIZE);
  const [first, second] = await Promise.all([start(), start()]);
  const wrong = upstreamOf(one, { pause: 20, wrongAt: 20 * MIB });
  const led = read(first.content.fetch(wrong.keep, wrong.source).source).catch((error: Error) => error.message);
  await until('there are pieces', () => leftOver().length > 1);
  const part = { first: 0, last: SIZE - 1, size: SIZE };
  const followed = read(await second.content.open(one.key.digest, part)).catch((error: Error) => error.message);
  expect(await led).toMatch('other bytes');
  expect(typeof (await followed)).toBe('string');
  await until('nothing is left over', () => leftOver().length === 0);
  const right = upstreamOf(one);
  expect((await read(second.content.fetch(right.keep, right.source).source)).equals(one.bytes)).toBe(true);
  expect(right.begun).toEqual([0]);
});

test('of two that lead at once one steps down, and ends alone if it must', async () => {
  const one = content(SIZE);
  const { content: first } = await start();
  const upstream = upstreamOf(one, { pause: 300 });
  const led = read(first.fetch(upstream.keep, upstream.source).source);
  await until('there are pieces', () => leftOver().length > 1);
  await until('it has heard of the other one', () => {
    const claim = bucket.objects.get(leftOver().find((key) => key.endsWith('claim')) as string);
    if (claim) claim.bytes = Buffer.from(JSON.stringify({ owner: 'somebody', size: SIZE, written: 0 }));
    return upstream.closed > 0;
  });
  now = () => Date.now() + 60_000;
  expect((await led).equals(one.bytes)).toBe(true);
  await until('it is over', () => faults.length > 0);
  expect(faults).toEqual(['who fetched it has not stored it']);
  expect(upstream.begun).toEqual([0, expect.any(Number)]);
  expect(upstream.begun[1]).toBeGreaterThan(8 * MIB);
});

test('who cannot store what somebody else has stored meanwhile says that it is stored', async () => {
  const one = content(SIZE);
  const [{ content: first }, { store: second }] = [await start(), await start()];
  const upstream = upstreamOf(one, { pause: 20 });
  first.begin(upstream.keep, upstream.source);
  const fate = first.stored(one.key.digest, 30_000);
  await until('there are pieces', () => leftOver().length > 2);
  await putBlob(second, one);
  for (const key of leftOver()) if (!key.endsWith('claim')) bucket.objects.delete(key);
  expect(await fate).toBe('stored');
  expect(faults).not.toEqual([]);
});

test('an object store that takes no more in the middle is done without, by all of them', async () => {
  const one = content(SIZE);
  const [first, second] = await Promise.all([start(), start()]);
  server.fail(/^PUT .*-0000[2-9]-/, { kind: 'status', status: 403 }, 1000);
  const [led, followed] = [upstreamOf(one, { pause: 20 }), upstreamOf(one)];
  const reads = [first.content.fetch(led.keep, led.source), second.content.fetch(followed.keep, followed.source)];
  const bytes = await Promise.all(reads.map(({ source }) => read(source)));
  expect(bytes.map((each) => each.equals(one.bytes))).toEqual([true, true]);
  expect(led.sent + followed.sent).toBeLessThanOrEqual(2 * SIZE - 16 * MIB);
  await until('nobody claims it', () => leftOver().every((key) => !key.endsWith('claim')));
});

test('pieces that are not one behind the other are passed over', async () => {
  const one = content(SIZE);
  const [first, second] = await Promise.all([start(), start()]);
  const cut = upstreamOf(one, { cutAt: 28 * MIB });
  await expect(read(first.content.fetch(cut.keep, cut.source).source)).rejects.toThrow('the upstream cut');
  await until('it is given up', () => leftOver().length === 3 && leftOver().every((key) => !key.endsWith('claim')));
  bucket.objects.delete(leftOver().sort()[1] as string);
  const rest = upstreamOf(one);
  expect((await read(second.content.fetch(rest.keep, rest.source).source)).equals(one.bytes)).toBe(true);
  expect(rest.begun).toEqual([8 * MIB]);
  expect(await second.content.stored(one.key.digest, 30_000)).toBe('stored');
  expect([await has(stores[1] as Store, one), leftOver()]).toEqual([true, []]);
});

test('what nobody has gone on with for a day is removed', async () => {
  const one = content(SIZE);
  const [first, second] = await Promise.all([start(), start()]);
  const cut = upstreamOf(one, { cutAt: 18 * MIB });
  await expect(read(first.content.fetch(cut.keep, cut.source).source)).rejects.toThrow('the upstream cut');
  await until('it is given up', () => leftOver().length === 2);
  const store = stores[1] as Store;
  await store.prune({ usedBefore: 0 });
  expect(leftOver()).toHaveLength(2);
  for (const key of leftOver()) (bucket.objects.get(key) as { at: number }).at -= 25 * 3_600_000;
  const other = upstreamOf(content(2 * MIB));
  await read(second.content.fetch(other.keep, other.source).source);
  await until('it is gone', () => leftOver().length === 0);
});

/** By more, object stores refuse what it signs. */
test.each([-14, 14])('a machine whose clock is wrong by %d minutes is one like the others', async (minutes) => {
  const one = content(12 * MIB);
  const [first, second] = await Promise.all([start(), start(() => Date.now() + minutes * 60_000)]);
  const [upstream, other] = [upstreamOf(one, { pause: 30 }), upstreamOf(one)];
  const led = read(first.content.fetch(upstream.keep, upstream.source).source);
  await until('it is claimed', () => leftOver().length > 0);
  expect((await read(second.content.fetch(other.keep, other.source).source)).equals(one.bytes)).toBe(true);
  expect([(await led).equals(one.bytes), other.sent]).toEqual([true, 0]);
});
