import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { content, contentOf } from '../storage/bytes';
import { startContents } from './content-server';

const MIB = 1024 * 1024;

let caches: Awaited<ReturnType<typeof startContents>>;
beforeAll(async () => {
  caches = await startContents();
});
afterAll(() => caches.stop());

const MANIFEST = 'manifest docker.io client library/nginx sha256:0';

/** Such an isolate has nothing in its memory. */
const fresh = () => randomUUID();
const pathOf = (digest: string) => `blobs/${digest.replace(':', '/')}`;
const isStored = async (digest: string) => (await (await caches.bucket()).head(pathOf(digest))) !== null;
const find = async (isolate: string, digest: string, link = 'blob x') =>
  (await caches.json('/find', { isolate, digest, link })).blob;
const open = (isolate: string, digest: string, size: number, first = 0, last = size - 1) =>
  caches.ask('/open', { isolate, digest, size, first, last });

describe('a blob that is fetched', () => {
  test('goes to the client and into the bucket, and every isolate has it then', async () => {
    const isolate = fresh();
    const { key, bytes } = content(3 * MIB);
    const query = { isolate, digest: key.digest, size: bytes.length };
    const given = await caches.ask('/fetch', query, bytes);
    expect([given.isWhole, given.bytes.equals(bytes)]).toEqual([true, true]);
    // One for the blob, one for the document that says which repository has it.
    expect(await caches.counts(isolate)).toMatchObject({ calls: ['put', 'put'], faults: [] });
    expect(await find(isolate, key.digest)).toMatchObject({ state: 'stored', size: bytes.length });
    expect((await caches.counts(isolate)).calls).toEqual([]);

    const other = fresh();
    expect(await find(other, key.digest)).toMatchObject({ state: 'stored', size: bytes.length });
    const whole = await open(other, key.digest, bytes.length);
    // R2 itself has proven it, so nothing is hashed again.
    expect([whole.kind, whole.bytes.equals(bytes)]).toEqual(['stream', true]);
    const part = await open(other, key.digest, bytes.length, 5, MIB);
    expect([part.kind, part.bytes.equals(bytes.subarray(5, MIB + 1))]).toEqual(['stream', true]);
    expect((await caches.counts(other)).calls).toEqual(['head', 'get', 'get']);
    expect((await caches.json('/find', { isolate: other, documents: 'link' })).documents).toEqual({ link: {} });
  });

  test.each<[string, (bytes: Buffer) => Buffer]>([
    ['wrong', (bytes) => Buffer.from(bytes).fill(0, MIB, MIB + 1)],
    ['cut', (bytes) => bytes.subarray(0, -1)],
  ])('and is %s breaks off before its end, and nothing is stored', async (_, change) => {
    const isolate = fresh();
    const { key, bytes } = content(2 * MIB);
    const given = await caches.ask('/fetch', { isolate, digest: key.digest, size: bytes.length }, change(bytes));
    expect(given.isWhole).toBe(false);
    expect(given.bytes.length).toBeLessThan(bytes.length);
    expect(await isStored(key.digest)).toBe(false);
    // It can be had right, later.
    expect((await caches.ask('/fetch', { isolate, digest: key.digest, size: bytes.length }, bytes)).isWhole).toBe(true);
    expect(await isStored(key.digest)).toBe(true);
  });

  test.each([
    ['half a put', 'R2 says 10001'],
    ['no end', 'the store takes nothing for 0.3 s'],
    ['no bucket', 'there is no such bucket'],
  ])('goes on without a bucket that is in trouble (%s)', async (fault, told) => {
    const isolate = fresh();
    const { key, bytes } = content(3 * MIB);
    const given = await caches.ask('/fetch', { isolate, fault, digest: key.digest, size: bytes.length }, bytes);
    expect([given.isWhole, given.bytes.equals(bytes)]).toEqual([true, true]);
    expect(await isStored(key.digest)).toBe(false);
    expect((await caches.counts(isolate)).faults).toEqual([expect.stringContaining(told)]);
  });

  test('waits for a client that does not read, and is not stored where that leaves', async () => {
    const isolate = fresh();
    const size = 64 * MIB;
    const digest = `sha256:${createHash('sha256').update(Buffer.alloc(size, 7)).digest('hex')}`;
    const query = { isolate, digest, size, made: size };
    const response = await caches.send('/fetch', query);
    const given = async () => (await caches.counts(isolate)).given;
    let before = -1;
    for (let now = await given(); now !== before; now = await given()) {
      before = now;
      await pause(300);
    }
    expect(before).toBeLessThan(size / 2);
    response.destroy();
    // Somebody else may store it after that; the runtime says of who left that the stream to it is broken.
    await pause(500);
    expect(await isStored(digest)).toBe(false);
    expect((await caches.ask('/fetch', query)).isWhole).toBe(true);
    expect(await isStored(digest)).toBe(true);
  });

  test('is written by one of two that want it at once, and both have it', async () => {
    const isolate = fresh();
    const size = 48 * MIB;
    const digest = `sha256:${createHash('sha256').update(Buffer.alloc(size, 7)).digest('hex')}`;
    const query = { isolate, digest, size, made: size };
    // It waits for who does not read yet.
    const first = await caches.send('/fetch', query);
    expect(await caches.ask('/fetch', query)).toMatchObject({ isWhole: true });
    expect([(await caches.counts(isolate)).calls, await isStored(digest)]).toEqual([['put'], false]);
    let length = 0;
    for await (const chunk of first) length += chunk.length;
    expect([length, await isStored(digest)]).toEqual([size, true]);
  });
});

describe('what is small', () => {
  test('is there at once, lies in R2, and in the Cache API in front of it', async () => {
    const isolate = fresh();
    const { key, bytes } = content(5000);
    await caches.ask('/keep', { isolate, digest: key.digest }, bytes);
    expect((await open(isolate, key.digest, 5000)).bytes.equals(bytes)).toBe(true);
    expect((await caches.counts(isolate)).calls).toEqual(['put']);
    expect(await isStored(key.digest)).toBe(true);

    const other = fresh();
    expect(await find(other, key.digest, MANIFEST)).toMatchObject({ state: 'stored', size: 5000 });
    const given = await open(other, key.digest, 5000, 10, 19);
    expect([given.kind, given.bytes.equals(bytes.subarray(10, 20))]).toEqual(['bytes', true]);
    expect((await caches.counts(other)).calls).toEqual([]);
  });

  test('comes from R2 where the Cache API has nothing, or something else', async () => {
    const cache = await (await caches.caches()).open('registry-proxy');
    const { key, bytes } = content(5000);
    const url = `https://content.invalid/${key.digest}`;
    await caches.ask('/keep', { isolate: fresh(), digest: key.digest }, bytes);
    expect(await cache.match(url)).toBeDefined();
    await cache.delete(url);
    const first = fresh();
    expect(await find(first, key.digest, MANIFEST)).toMatchObject({ size: 5000 });
    expect((await open(first, key.digest, 5000)).bytes.equals(bytes)).toBe(true);
    expect((await caches.counts(first)).calls).toEqual(['head', 'get']);
    // Which put it back.
    const headers = { 'content-length': '5000', 'cache-control': 'max-age=1000' };
    const found = await cache.match(url);
    expect(Buffer.from((await found?.arrayBuffer()) as ArrayBuffer).equals(bytes)).toBe(true);
    const { Response } = await import('miniflare');
    await cache.put(url, new Response('x'.repeat(5000), { headers }));
    const second = fresh();
    expect((await open(second, key.digest, 5000)).bytes.equals(bytes)).toBe(true);
    expect((await caches.counts(second)).calls).toEqual(['get']);
  });

  test('is kept where its digest is of sha512, too', async () => {
    const { key, bytes } = content(5000, 'sha512');
    await caches.ask('/keep', { isolate: fresh(), digest: key.digest }, bytes);
    const other = fresh();
    expect(await find(other, key.digest, MANIFEST)).toMatchObject({ size: 5000 });
    expect((await open(other, key.digest, 5000)).bytes.equals(bytes)).toBe(true);
  });
});

describe('what is in the bucket, and R2 has not proven', () => {
  const putRaw = async (digest: string, bytes: Buffer) => {
    await (await caches.bucket()).put(pathOf(digest), new Uint8Array(bytes));
  };

  test('is proven on its way, once', async () => {
    const isolate = fresh();
    const { key, bytes } = content(2 * MIB);
    await putRaw(key.digest, bytes);
    const kinds: (string | undefined)[] = [];
    for (let times = 0; times < 2; times += 1) {
      const given = await open(isolate, key.digest, bytes.length);
      expect(given.bytes.equals(bytes)).toBe(true);
      kinds.push(given.kind);
    }
    expect(kinds).toEqual(['pieces', 'stream']);
  });

  test('and is something else breaks off, is removed, and asked for elsewhere', async () => {
    const isolate = fresh();
    const { key, bytes } = content(2 * MIB);
    await putRaw(key.digest, Buffer.alloc(bytes.length, 'x'));
    expect(await find(isolate, key.digest)).toBeDefined();
    expect((await open(isolate, key.digest, bytes.length)).isWhole).toBe(false);
    expect([await isStored(key.digest), await find(isolate, key.digest)]).toEqual([false, undefined]);
    expect((await open(isolate, key.digest, bytes.length)).status).toBe(404);
  });

  test('or has another size than was said is not sent', async () => {
    const { key, bytes } = contentOf(Buffer.alloc(MIB, 1));
    await putRaw(key.digest, bytes);
    expect((await open(fresh(), key.digest, MIB + 1)).status).toBe(404);
    expect((await open(fresh(), key.digest, MIB - 1)).status).toBe(404);
  });
});

describe('documents', () => {
  test('are read once in a while, and what was removed is gone', async () => {
    const [one, other] = [fresh(), fresh()];
    const [name, absent] = [`tag ${randomUUID()}`, `tag ${randomUUID()}`];
    const documents = `${name},${absent}`;
    await caches.json('/note', { isolate: one }, [{ name, document: { n: 1 } }]);
    for (let times = 0; times < 2; times += 1) {
      expect((await caches.json('/find', { isolate: other, documents })).documents).toEqual({ [name]: { n: 1 } });
    }
    expect((await caches.counts(other)).calls).toEqual(['get', 'get']);
    await caches.json('/note', { isolate: one }, [{ name }]);
    expect((await caches.json('/find', { isolate: fresh(), documents })).documents).toEqual({});
  });
});

test('a bucket in trouble is as if nothing were there', async () => {
  const isolate = fresh();
  const { key, bytes } = content(5000);
  const query = { isolate, fault: 'no network', digest: key.digest };
  const { blob, documents } = await caches.json('/find', { ...query, link: 'blob x', documents: 'a' });
  expect([blob, documents]).toEqual([undefined, {}]);
  expect((await open(isolate, key.digest, MIB)).status).toBe(404);
  expect((await caches.ask('/keep', query, bytes)).status).toBe(200);
  await caches.json('/note', query, [{ name: 'a', document: {} }]);
  expect((await caches.counts(isolate)).faults.length).toBeGreaterThan(3);
});
