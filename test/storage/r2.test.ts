import { named } from '../../src/storage/key';
import { S3Store } from '../../src/storage/s3';
import { objectKeyOf } from '../../src/storage/s3-layout';
import type { BlobKey, Store } from '../../src/storage/store';
import type { StoreError } from '../../src/storage/store-error';
import { content, faultOf, has, listed, putBlob, putDocument, read } from './bytes';
import { storeContract } from './contract';
import { startR2 } from './r2-server';
import { type S3Server, startS3 } from './s3-server';

let server: Awaited<ReturnType<typeof startR2>>;
beforeAll(async () => {
  server = await startR2();
});
afterAll(() => server.stop());

storeContract('r2', () => server.open(), ['limit', 'recency', 'clock', 'trust']);

const MIB = 1024 * 1024;

test('a blob is there under the same key as in a bucket by S3, with the digest that R2 has proven', async () => {
  const store = await server.open({ prefix: 'own/' });
  const [one, long] = [content(100_000), content(1000, 'sha512')];
  await putBlob(store, one);
  await putBlob(store, long);
  const bucket = await server.bucket();
  for (const { key } of [one, long]) {
    const [algorithm, hex] = key.digest.split(':') as [string, string];
    const object = await bucket.head(`own/blobs/${algorithm}/${hex}`);
    expect(object?.checksums.toJSON()).toMatchObject({ [algorithm]: hex });
  }
});

test.each<[string, number, object]>([
  ['of unknown size comes in parts', 16 * MIB + 1, {}],
  ['of whole parts, too', 16 * MIB, {}],
  ['of known size comes in one piece', 16 * MIB + 1, { size: 16 * MIB + 1 }],
])('a large blob %s', async (_, size, about) => {
  const store = await server.open();
  const one = content(size);
  const put = async (key: BlobKey) => {
    const sink = await store.put(key, about);
    for (let at = 0; at < size; at += 5 * MIB) await sink.write(one.bytes.subarray(at, at + 5 * MIB));
    await sink.commit();
  };
  await put(one.key);
  expect(await has(store, one)).toBe(true);
  const { key } = content(1);
  expect(await faultOf(put(key))).toBe('digest');
  expect(await store.stat(key)).toBeUndefined();
});

describe('what somebody changed in the bucket', () => {
  const wrongBlob = async (prefix: string) => {
    const one = content(50_000);
    const bucket = await server.bucket();
    await bucket.put(`${prefix}blobs/sha256/${one.key.digest.slice(7)}`, 'x'.repeat(50_000));
    return one;
  };

  test('is found out by who reads all of it, and removed', async () => {
    const faults: string[] = [];
    const store = await server.open({ prefix: 'changed/', onFault: (error) => faults.push(error.message) });
    const one = await wrongBlob('changed/');
    expect(await faultOf(read(store, one.key))).toBe('corrupt');
    expect(await store.stat(one.key)).toBeUndefined();
    expect(faults).toEqual([expect.stringContaining('is no longer what was stored, and has been removed')]);
  });

  test('is found out by verify', async () => {
    const store = await server.open({ prefix: 'verified/' });
    const one = await wrongBlob('verified/');
    expect([await store.verify(one.key), await store.verify(one.key)]).toEqual(['wrong', 'missing']);
  });

  test('is no document, and nobody else’s', async () => {
    const store = await server.open({ prefix: 'documents/' });
    const bucket = await server.bucket();
    await putDocument(store, named('a'), 'text', { n: 1 });
    const [a, b] = ['a', 'b'].map((name) => objectKeyOf('documents/', named(name))) as [string, string];
    const file = Buffer.from((await (await bucket.get(a))?.arrayBuffer()) as ArrayBuffer);
    await bucket.put(b, new Uint8Array(file));
    expect([await store.stat(named('b')), await bucket.head(b)]).toEqual([undefined, null]);
    file[file.length - 1] ^= 1;
    await bucket.put(a, new Uint8Array(file));
    expect(await store.verify(named('a'))).toBe('wrong');
    expect(await store.stat(named('a'))).toBeUndefined();
  });
});

describe('a bucket that is shared with the S3 driver', () => {
  let s3: S3Server;
  beforeAll(async () => {
    s3 = await startS3();
  });
  afterAll(() => s3.stop());

  test('is one cache, both ways', async () => {
    const far = s3.bucket({ prefix: 'shared/' });
    const [byS3, byR2] = [new S3Store({ place: far.place }), await server.open({ prefix: 'shared/' })];
    const bucket = await server.bucket();
    const [one, large, other] = [content(70_000), content(9 * MIB), content(80_000, 'sha512')];
    await putBlob(byS3, one);
    await putBlob(byS3, large);
    await putDocument(byS3, named('tag ä'), 'of S3', { by: 's3' });
    for (const [key, { bytes }] of far.objects) await bucket.put(key, new Uint8Array(bytes));
    expect([await has(byR2, one), await has(byR2, large)]).toEqual([true, true]);
    expect(await byR2.stat(named('tag ä'))).toMatchObject({ size: 5, head: { by: 's3' } });

    await putBlob(byR2, other);
    await putDocument(byR2, named('tag ö'), 'of R2', { by: 'r2' });
    for (const { key } of (await bucket.list({ prefix: 'shared/' })).objects) {
      const bytes = Buffer.from((await (await bucket.get(key))?.arrayBuffer()) as ArrayBuffer);
      far.objects.set(key, { bytes, etag: `"${key}"`, at: Date.now() });
    }
    expect(await has(byS3, other)).toBe(true);
    expect((await read(byS3, named('tag ö')))?.toString()).toBe('of R2');
    expect((await listed(byS3)).length).toBe(5);
    await byS3.close();
  });
});

describe('a bucket in trouble', () => {
  test.each([
    ['no bucket', 'io', 'there is no such bucket; make it'],
    ['no right', 'denied', 'see the bindings of the Worker'],
    ['too many', 'busy', 'too many requests'],
    ['no network', 'io', 'Network connection lost'],
  ])('(%s) fails each call, and says what to do', async (fault, kind, hint) => {
    const store = await server.open({ fault });
    const { key, bytes } = content(10);
    const calls: Promise<unknown>[] = [
      store.stat(key),
      store.get(key),
      store.get(named('a')),
      store.delete(key),
      store.verify(key),
      putBlob(store, { key, bytes }),
      putBlob(store, { key, bytes }, {}),
      putDocument(store, named('a'), 'text'),
      listed(store),
      store.prune({ maxBytes: 0 }),
    ];
    const errors = await Promise.all(
      calls.map((call) =>
        call.then(
          () => undefined,
          (error) => error as StoreError,
        ),
      ),
    );
    expect(errors.map((error) => error?.fault)).toEqual(calls.map(() => kind));
    expect(errors.map((error) => error?.message)).toEqual(calls.map(() => expect.stringContaining(hint)));
  });

  test.each<[string, number, object]>([
    ['at once', 300_000, { size: 300_000 }],
    ['in parts', 17 * MIB, {}],
  ])('takes half of what is put %s, and nothing is there', async (_, size, about) => {
    const store = await server.open({ prefix: 'half/', fault: 'half a put' });
    const { key, bytes } = content(size);
    const sink = await store.put(key, about);
    expect(await faultOf(sink.write(bytes).then(() => sink.commit()))).toBe('io');
    expect(await store.stat(key)).toBeUndefined();
  });

  test('gives half, which is never taken for all of it', async () => {
    const [store, broken] = (await Promise.all(
      ['', 'half a get'].map((fault) => server.open({ prefix: 'cut/', fault })),
    )) as Store[] as [Store, Store];
    const one = content(100_000);
    await putBlob(store, one);
    expect(await faultOf(read(broken, one.key))).toBe('io');
    expect(await has(store, one)).toBe(true);
  });
});

describe('room', () => {
  test('is made by hand: what was written first goes first', async () => {
    const store = await server.open();
    const blobs = [content(40_000), content(40_000), content(40_000)];
    for (const each of blobs) {
      await putBlob(store, each);
      // Its clock counts in milliseconds.
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(await store.prune()).toEqual({ entries: 0, bytes: 0 });
    expect(await store.prune({ maxBytes: 90_000 })).toEqual({ entries: 1, bytes: 40_000 });
    expect(await Promise.all(blobs.map((each) => has(store, each)))).toEqual([false, true, true]);
    expect(await store.prune({ usedBefore: Date.now() + 3_600_000 })).toMatchObject({ entries: 2 });
  });

  test('is looked through page by page, and what others put there stays', async () => {
    const bucket = await server.bucket();
    const store = await server.open({ prefix: 'pages/', fault: 'short pages' });
    await bucket.put('pages/blobs/sha256/readme.txt', 'of somebody');
    for (let index = 0; index < 5; index += 1) await putBlob(store, content(100 + index));
    await putDocument(store, named('a'), 'text');
    expect(await listed(store)).toHaveLength(6);
    expect(await store.prune({ maxBytes: 0 })).toMatchObject({ entries: 6 });
    expect(await bucket.head('pages/blobs/sha256/readme.txt')).not.toBeNull();
  });
});
