import fc from 'fast-check';
import { blob, named } from '../../src/storage/key';
import {
  type Key,
  MAX_DOCUMENT_BYTES,
  MAX_HEAD_BYTES,
  type Sink,
  type Store,
  type StoreOptions,
} from '../../src/storage/store';
import { bytesFrom, content, contentOf, faultOf, has, listed, putBlob, putDocument, read } from './bytes';

export interface ContractOptions extends StoreOptions {
  readonly maxBytes: number;
}

const KIB = 1024;
const LARGE = 64 * KIB * KIB;
const TAG = named('tag docker.io/library/nginx:latest');

/**
 * What object stores do otherwise:
 * - `limit`: no limit is kept by itself
 * - `recency`: the time of last use is that of writing
 * - `clock`: and that by a clock of their own
 * - `trust`: the digest is proven by whoever stores the bytes, whatever the caller has done
 */
export type Lack = 'limit' | 'recency' | 'clock' | 'trust';

/** What every driver has to do: the sentences that the cache relies on. `make` gives an empty store each time. */
export function storeContract(
  driver: string,
  make: (options: ContractOptions) => Promise<Store>,
  lacks: readonly Lack[] = [],
): void {
  /** For those that have what it takes. */
  const testWith = (needed: readonly Lack[], name: string, work: () => Promise<void>) => {
    if (!needed.some((each) => lacks.includes(each))) test(name, work);
  };
  const stores: Store[] = [];
  const open = async (maxBytes = LARGE, now?: () => number) => {
    const store = await make({ maxBytes, now });
    stores.push(store);
    return store;
  };
  afterEach(async () => {
    for (const store of stores.splice(0)) await store.close();
  });

  describe(`a blob in the ${driver} store`, () => {
    test.each([0, 1, 70_000, 1_000_000])('of %d bytes comes back as it was put', async (size) => {
      const store = await open();
      const one = content(size);
      await putBlob(store, one);
      expect(await store.stat(one.key)).toMatchObject({ key: one.key, size });
      const reading = await store.get(one.key);
      expect(reading).toMatchObject({ entry: { key: one.key, size }, first: 0, last: size - 1 });
      expect(reading && (await bytesFrom(reading)).equals(one.bytes)).toBe(true);
    });

    test('may have a digest of sha512, and an unknown size', async () => {
      const store = await open();
      const one = content(100_000, 'sha512');
      await putBlob(store, one, {});
      expect(await has(store, one)).toBe(true);
    });

    test('is not there before it was put, nor after it was removed', async () => {
      const store = await open();
      const one = content(10_000);
      const state = async () => [await store.stat(one.key), await store.get(one.key), await store.verify(one.key)];
      expect(await state()).toEqual([undefined, undefined, 'missing']);
      expect(await store.delete(one.key)).toBe(false);
      await putBlob(store, one);
      expect(await store.delete(one.key)).toBe(true);
      expect(await state()).toEqual([undefined, undefined, 'missing']);
    });

    test('is seen by nobody before commit', async () => {
      const store = await open();
      const one = content(200_000);
      const sink = await store.put(one.key, { size: one.bytes.length });
      await sink.write(one.bytes);
      expect([await store.stat(one.key), await store.get(one.key), await listed(store)]).toEqual([
        undefined,
        undefined,
        [],
      ]);
      await sink.commit();
      expect(await listed(store)).toMatchObject([{ key: one.key, size: 200_000 }]);
    });

    test('leaves nothing when its put is aborted', async () => {
      const store = await open();
      const one = content(200_000);
      const sink = await store.put(one.key);
      await sink.write(one.bytes);
      await sink.abort();
      await sink.abort();
      expect([await store.stat(one.key), await listed(store)]).toEqual([undefined, []]);
      expect(await faultOf(sink.commit())).toBe('misuse');
    });

    test.each<[string, number | undefined, (bytes: Buffer) => Buffer]>([
      ['digest', undefined, (bytes) => Buffer.concat([bytes, Buffer.from('!')])],
      ['digest', undefined, (bytes) => bytes.subarray(1)],
      ['digest', 100_000, (bytes) => Buffer.from(bytes).fill(0, 50_000, 50_001)],
      ['length', 100_000, (bytes) => bytes.subarray(1)],
      ['length', 100_000, (bytes) => Buffer.concat([bytes, Buffer.from('!')])],
      ['length', 0, (bytes) => bytes],
    ])('of another %s (announced: %p) is refused and leaves nothing', async (fault, size, change) => {
      const store = await open();
      const bytes = Buffer.alloc(100_000, 7);
      const { key } = contentOf(bytes);
      expect(await faultOf(putBlob(store, { key, bytes: change(bytes) }, { size }))).toBe(fault);
      expect([await store.stat(key), await listed(store)]).toEqual([undefined, []]);
    });

    test('stays when a wrong one is put under its digest', async () => {
      const store = await open();
      const one = content(100_000);
      await putBlob(store, one);
      expect(await faultOf(putBlob(store, { key: one.key, bytes: Buffer.alloc(100_000) }))).toBe('digest');
      expect(await has(store, one)).toBe(true);
    });

    testWith(['trust'], 'whose digest the caller has proven is not proven again, and verify tells', async () => {
      const store = await open();
      const [right, { key }] = [content(50_000), content(10)];
      await putBlob(store, right, { proof: 'caller' });
      await putBlob(store, { key, bytes: Buffer.from('something else') }, { proof: 'caller' });
      expect(await store.verify(right.key)).toBe('right');
      expect(await store.verify(key)).toBe('wrong');
      expect([await store.stat(key), await store.verify(key)]).toEqual([undefined, 'missing']);
      expect(await has(store, right)).toBe(true);
    });

    test('is copied: what brought it may be used again', async () => {
      const store = await open();
      const bytes = Buffer.concat([Buffer.alloc(1000, 'a'), Buffer.alloc(1000, 'b')]);
      const { key } = contentOf(bytes);
      const sink = await store.put(key);
      const chunk = Buffer.alloc(1000, 'a');
      await sink.write(chunk);
      chunk.fill('b');
      await sink.write(chunk);
      chunk.fill('c');
      await sink.commit();
      expect(await has(store, { key, bytes })).toBe(true);
      const document = await store.put(TAG);
      await document.write(chunk);
      chunk.fill('d');
      await document.commit();
      expect((await read(store, TAG))?.toString()).toBe('c'.repeat(1000));
    });

    test.each([
      '',
      'sha256:',
      `sha256:${'a'.repeat(63)}`,
      `sha256:${'A'.repeat(64)}`,
      `sha512:${'a'.repeat(64)}`,
      `sha1:${'a'.repeat(40)}`,
      `md5:${'a'.repeat(64)}`,
      `sha256:${'a'.repeat(64)}\n`,
      `sha256:../../../../${'a'.repeat(52)}`,
      `sha256:${'a'.repeat(64)}/../x`,
      'a'.repeat(64),
    ])('cannot be called %j', async (digest) => {
      const store = await open();
      const key = blob(digest);
      const calls = [store.stat(key), store.get(key), store.put(key), store.delete(key), store.verify(key)];
      expect(await Promise.all(calls.map(faultOf))).toEqual(calls.map(() => 'key'));
    });

    test('has no head, and no size that is none', async () => {
      const store = await open();
      const { key } = content(10);
      const abouts = [{ head: { type: 'x' } }, { size: -1 }, { size: 0.5 }, { size: Number.NaN }];
      expect(await Promise.all(abouts.map((about) => faultOf(store.put(key, about))))).toEqual(
        abouts.map(() => 'misuse'),
      );
    });
  });

  describe(`a range in the ${driver} store`, () => {
    const one = content(300_000);

    test('is exactly these bytes', async () => {
      const store = await open();
      await putBlob(store, one);
      const position = fc.integer({ min: 0, max: one.bytes.length - 1 });
      await fc.assert(
        fc.asyncProperty(position, fc.option(fc.integer({ min: 0, max: 400_000 })), async (first, length) => {
          const last = length === null ? undefined : first + length;
          const reading = await store.get(one.key, { first, last });
          const end = Math.min(last ?? Number.POSITIVE_INFINITY, one.bytes.length - 1);
          expect([reading?.first, reading?.last, reading?.entry.size]).toEqual([first, end, one.bytes.length]);
          const bytes = await bytesFrom(reading as NonNullable<typeof reading>);
          expect(bytes.equals(one.bytes.subarray(first, end + 1))).toBe(true);
        }),
        { numRuns: 60 },
      );
    });

    test.each([
      [300_000, undefined],
      [300_000, 300_001],
      [-1, 5],
      [10, 9],
      [0.5, 9],
      [Number.NaN, 9],
    ])('from %d to %p is none', async (first, last) => {
      const store = await open();
      await putBlob(store, one);
      expect(await faultOf(store.get(one.key, { first, last }))).toBe('range');
    });

    test('of nothing is none, and all of nothing is nothing', async () => {
      const store = await open();
      const nothing = content(0);
      await putBlob(store, nothing);
      expect(await faultOf(store.get(nothing.key, { first: 0 }))).toBe('range');
      expect(await read(store, nothing.key)).toEqual(Buffer.alloc(0));
    });

    test('of a document is one of its body', async () => {
      const store = await open();
      await putDocument(store, TAG, 'abcdefgh', { type: 'text' });
      expect((await read(store, TAG, { first: 2, last: 4 }))?.toString()).toBe('cde');
      expect(await faultOf(store.get(TAG, { first: 8 }))).toBe('range');
    });
  });

  describe(`a document in the ${driver} store`, () => {
    test('comes back with its head', async () => {
      const store = await open();
      const head = { type: 'application/json', headers: [['etag', '"ä\n"']], at: 1_700_000_000_000, none: null };
      await putDocument(store, TAG, '{"a":1}\n{}', head);
      expect(await store.stat(TAG)).toMatchObject({ key: TAG, size: 10, head });
      expect((await store.get(TAG))?.entry).toMatchObject({ key: TAG, size: 10, head });
      expect((await read(store, TAG))?.toString()).toBe('{"a":1}\n{}');
      expect([await store.verify(TAG), await store.delete(TAG), await store.stat(TAG)]).toEqual([
        'right',
        true,
        undefined,
      ]);
    });

    test('may be a head alone, or a body alone', async () => {
      const store = await open();
      await putDocument(store, named('head'), '', { status: 404 });
      await putDocument(store, named('body'), 'text');
      expect(await store.stat(named('head'))).toMatchObject({ size: 0, head: { status: 404 } });
      expect(await read(store, named('head'))).toEqual(Buffer.alloc(0));
      expect((await store.stat(named('body')))?.head).toBeUndefined();
    });

    test('takes the place of the one before, head and body together', async () => {
      const store = await open();
      await putDocument(store, TAG, 'one', { n: 1 });
      const before = await store.get(TAG);
      await putDocument(store, TAG, 'second', { n: 2 });
      expect(await store.stat(TAG)).toMatchObject({ size: 6, head: { n: 2 } });
      expect(before?.entry.head).toEqual({ n: 1 });
      expect(before && (await bytesFrom(before)).toString()).toBe('one');
      expect(await listed(store)).toHaveLength(1);
    });

    test('has any name, and is nobody else', async () => {
      const store = await open();
      const names = [
        '../../x',
        '/etc/passwd',
        'a\0b',
        'a',
        'A',
        'é',
        'e\u0301',
        '.',
        ' ',
        'x'.repeat(2048),
        'sha256:x',
        '\n',
      ];
      for (const name of names) await putDocument(store, named(name), `of ${name}`, { name });
      for (const name of names) {
        expect((await read(store, named(name)))?.toString()).toBe(`of ${name}`);
        expect((await store.stat(named(name)))?.head).toEqual({ name });
      }
      const found = (await listed(store, 'document')).map(({ key }) => (key as { name: string }).name);
      expect(found.sort()).toEqual([...names].sort());
    });

    test.each(['', 'x'.repeat(2049), 'half \ud800 a character'])('cannot be called %j', async (name) => {
      const store = await open();
      const key = named(name);
      const calls = [store.stat(key), store.get(key), store.put(key), store.delete(key), store.verify(key)];
      expect(await Promise.all(calls.map(faultOf))).toEqual(calls.map(() => 'key'));
    });

    test('is small', async () => {
      const store = await open();
      expect(await faultOf(store.put(TAG, { size: MAX_DOCUMENT_BYTES + 1 }))).toBe('too-large');
      expect(await faultOf(store.put(TAG, { head: { text: 'x'.repeat(MAX_HEAD_BYTES) } }))).toBe('too-large');
      const sink = await store.put(TAG);
      await sink.write(Buffer.alloc(MAX_DOCUMENT_BYTES));
      expect(await faultOf(sink.write(Buffer.alloc(1)))).toBe('too-large');
      await putDocument(store, TAG, 'x'.repeat(MAX_DOCUMENT_BYTES), { text: 'x'.repeat(MAX_HEAD_BYTES - 100) });
      expect(await store.stat(TAG)).toMatchObject({ size: MAX_DOCUMENT_BYTES });
    });
  });

  describe(`several at a time in the ${driver} store`, () => {
    test('put one blob, and each may', async () => {
      const store = await open();
      const one = content(500_000);
      await Promise.all([1, 2, 3, 4].map(() => putBlob(store, one)));
      expect(await has(store, one)).toBe(true);
      expect(await listed(store)).toHaveLength(1);
    });

    test('put one document, and no reader sees a mix', async () => {
      const store = await open();
      const write = async (letter: string) => {
        for (let round = 0; round < 15; round++) await putDocument(store, TAG, letter.repeat(60_000), { letter });
      };
      let isDone = false;
      const seen = new Set<string>();
      const watch = async () => {
        while (!isDone) {
          const reading = await store.get(TAG);
          if (!reading) continue;
          const text = (await bytesFrom(reading)).toString();
          expect(text).toBe(String(reading.entry.head?.letter).repeat(60_000));
          seen.add(text[0] as string);
        }
      };
      const watching = watch();
      await Promise.all([write('a'), write('b'), write('c')]).finally(() => {
        isDone = true;
      });
      await watching;
      expect(seen.size).toBeGreaterThan(0);
    });

    test('read what is removed, to its end', async () => {
      const store = await open();
      const one = content(1_000_000);
      await putBlob(store, one);
      const readings = await Promise.all([store.get(one.key), store.get(one.key, { first: 500_000 })]);
      await store.delete(one.key);
      const [all, half] = await Promise.all(
        readings.map((reading) => bytesFrom(reading as NonNullable<typeof reading>)),
      );
      expect([all?.equals(one.bytes), half?.equals(one.bytes.subarray(500_000))]).toEqual([true, true]);
    });

    test('leave early, or never begin', async () => {
      const store = await open();
      const one = content(1_000_000);
      await putBlob(store, one);
      for await (const chunk of (await store.get(one.key)) ?? []) {
        expect(chunk.length).toBeGreaterThan(0);
        break;
      }
      const reading = await store.get(one.key);
      await reading?.close();
      await reading?.close();
      expect(await has(store, one)).toBe(true);
    });
  });

  describe(`a sink of the ${driver} store`, () => {
    test('takes one call at a time', async () => {
      const store = await open();
      const one = content(200_000);
      const sink = await store.put(one.key);
      const writing = sink.write(one.bytes);
      expect(await Promise.all([faultOf(sink.commit()), faultOf(sink.write(one.bytes))])).toEqual(['misuse', 'misuse']);
      await writing;
      expect(sink.written).toBe(200_000);
      await sink.commit();
      expect(await Promise.all([faultOf(sink.write(one.bytes)), faultOf(sink.commit())])).toEqual(['misuse', 'misuse']);
      await sink.abort();
      expect(await has(store, one)).toBe(true);
    });

    test('can be aborted while it writes', async () => {
      const store = await open();
      const one = content(200_000);
      const sink = await store.put(one.key);
      const writing = sink.write(one.bytes);
      await Promise.all([sink.abort(), sink.abort()]);
      expect(await faultOf(writing)).toBe('none');
      expect([await store.stat(one.key), await faultOf(sink.commit())]).toEqual([undefined, 'misuse']);
    });

    test('is aborted too late where it is being committed', async () => {
      const store = await open();
      const one = content(200_000);
      const sink = await store.put(one.key);
      await sink.write(one.bytes);
      const committing = sink.commit();
      await sink.abort();
      expect([await faultOf(committing), await has(store, one)]).toEqual(['none', true]);
    });

    test('may show what it has so far, to those who come later', async () => {
      const store = await open();
      const one = content(900_000);
      const sink = await store.put(one.key);
      if (!sink.read) return;
      const writing = sink.write(one.bytes.subarray(0, 600_000));
      expect(() => sink.read?.({ first: 0, last: 0 })).toThrow('only what has been written');
      await writing;
      expect((await bytesFrom(sink.read({ first: 0 }))).equals(one.bytes.subarray(0, 600_000))).toBe(true);
      const part = await bytesFrom(sink.read({ first: 99, last: 70_000 }));
      expect(part.equals(one.bytes.subarray(99, 70_001))).toBe(true);
      expect(() => sink.read?.({ first: 0, last: 600_000 })).toThrow('only what has been written');
      const late = sink.read({ first: 0 })[Symbol.asyncIterator]();
      const start = (await late.next()).value as Uint8Array;
      await sink.write(one.bytes.subarray(600_000));
      await sink.commit();
      const rest = await bytesFrom({ [Symbol.asyncIterator]: () => late });
      expect(Buffer.concat([start, rest]).equals(one.bytes.subarray(0, 600_000))).toBe(true);
      expect(() => sink.read?.({ first: 0 })).toThrow('has ended');
    });

    test.each<[string, (sink: Sink) => Promise<void>]>([
      ['stored', async (sink) => sink.write(Buffer.alloc(100_000, 7)).then(() => sink.commit())],
      ['given up', (sink) => sink.abort()],
      ['refused', (sink) => faultOf(sink.write(Buffer.alloc(500_000))).then(() => {})],
    ])('and is %s can be read on by who holds it', async (_, end) => {
      const store = await open();
      const one = contentOf(Buffer.alloc(300_000, 7));
      const sink = await store.put(one.key, { size: one.bytes.length });
      expect(sink.hold === undefined).toBe(sink.read === undefined);
      const hold = sink.hold?.();
      if (!hold) return;
      await sink.write(one.bytes.subarray(0, 200_000));
      await end(sink);
      for (const range of [
        { first: 0, last: 199_999 },
        { first: 5, last: 5 },
      ]) {
        const bytes = await bytesFrom(hold.read(range));
        expect(bytes.equals(one.bytes.subarray(range.first, range.last + 1))).toBe(true);
      }
      const late = hold.read({ first: 0, last: 199_999 })[Symbol.asyncIterator]();
      let length = (await late.next()).value.length;
      hold.release();
      hold.release();
      expect(() => hold.read({ first: 0, last: 0 })).toThrow('not held any more');
      for (let next = await late.next(); !next.done; next = await late.next()) length += next.value.length;
      expect(length).toBe(200_000);
    });

    test('ends with its store', async () => {
      const store = await open();
      const one = content(1000);
      const sink = await store.put(one.key);
      await sink.write(one.bytes);
      await store.close();
      expect(await faultOf(sink.commit())).toBe('misuse');
      expect(await faultOf(store.put(one.key))).toBe('closed');
    });
  });

  describe(`the room of the ${driver} store`, () => {
    /** Each call is a quarter of an hour later, so that no driver takes two times for one. */
    const clock = () => {
      let now = 1_700_000_000_000;
      return () => {
        now += 900_000;
        return now;
      };
    };
    const present = async (store: Store, keys: Key[]) =>
      Promise.all(keys.map(async (key) => !!(await store.stat(key))));

    testWith(['limit', 'recency'], 'belongs to what was used last', async () => {
      const store = await open(640 * KIB, clock());
      const blobs = Array.from({ length: 6 }, () => content(96 * KIB));
      const [first, second, third, ...others] = blobs as [(typeof blobs)[0], (typeof blobs)[0], (typeof blobs)[0]];
      for (const each of [first, second, third]) await putBlob(store, each);
      await read(store, first.key);
      for (const each of others) await putBlob(store, each);
      await putBlob(store, content(96 * KIB));
      await store.prune();
      expect(await present(store, [first.key, second.key, ...others.map(({ key }) => key)])).toEqual([
        true,
        false,
        true,
        true,
        true,
      ]);
    });

    testWith(['limit', 'recency'], 'is never passed, and nothing goes before what was used longer ago', async () => {
      const keys = Array.from({ length: 12 }, (_, index) => content((index % 4) * 20 * KIB + 8 * KIB));
      const step = fc.record({ index: fc.nat({ max: 11 }), isPut: fc.boolean() });
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
          const limit = 300 * KIB;
          const store = await open(limit, clock());
          const used = new Map<number, number>();
          for (const [time, { index, isPut }] of steps.entries()) {
            const one = keys[index] as (typeof keys)[0];
            if (isPut) await putBlob(store, one);
            const bytes = await read(store, one.key);
            if (isPut) expect(bytes).toBeDefined();
            if (bytes) used.set(index, time);
            await store.prune();
            const left = (await listed(store)).map(({ key }) =>
              keys.findIndex((each) => each.key.digest === (key as { digest: string }).digest),
            );
            const sum = left.reduce((total, each) => total + (keys[each]?.bytes.length ?? 0), 0);
            expect(sum).toBeLessThanOrEqual(limit);
            const gone = [...used.keys()].filter((each) => !left.includes(each));
            const oldest = Math.min(...left.map((each) => used.get(each) ?? -1));
            for (const each of gone) {
              expect(used.get(each)).toBeLessThan(oldest);
              used.delete(each);
            }
          }
          await store.close();
        }),
        { numRuns: 15 },
      );
    });

    testWith(['limit'], 'is not for one entry alone', async () => {
      const store = await open(1024 * KIB);
      const [small, large] = [content(10 * KIB), content(1000 * KIB)];
      await putBlob(store, small);
      expect(await faultOf(store.put(large.key, { size: large.bytes.length }))).toBe('too-large');
      expect(await faultOf(putBlob(store, large, {}))).toBe('too-large');
      expect(await has(store, small)).toBe(true);
      expect(await listed(store)).toHaveLength(1);
    });

    testWith(['clock'], 'can be made by hand: by time, by bytes, to nothing', async () => {
      let now = 1_700_000_000_000;
      const store = await open(LARGE, () => now);
      const blobs = Array.from({ length: 5 }, () => content(40 * KIB));
      for (const each of blobs) {
        await putBlob(store, each);
        now += 3_600_000;
      }
      expect(await store.prune()).toEqual({ entries: 0, bytes: 0 });
      expect(await store.prune({ usedBefore: 1_700_000_000_000 + 2 * 3_600_000 })).toEqual({
        entries: 2,
        bytes: 80 * KIB,
      });
      expect(
        await present(
          store,
          blobs.map(({ key }) => key),
        ),
      ).toEqual([false, false, true, true, true]);
      expect(await store.prune({ maxBytes: 90 * KIB })).toEqual({ entries: 1, bytes: 40 * KIB });
      expect(
        await present(
          store,
          blobs.map(({ key }) => key),
        ),
      ).toEqual([false, false, false, true, true]);
      expect(await store.prune({ maxBytes: 0 })).toEqual({ entries: 2, bytes: 80 * KIB });
      expect(await listed(store)).toEqual([]);
    });

    testWith(['clock', 'recency'], 'is listed, with size and time of last use', async () => {
      let now = 1_700_000_000_000;
      const store = await open(LARGE, () => now);
      const one = content(40 * KIB);
      await putBlob(store, one);
      await putDocument(store, TAG, 'text', { n: 1 });
      now += 3_600_000;
      await read(store, TAG);
      const entries = (await listed(store)).sort((a, b) => a.usedAt - b.usedAt);
      expect(entries).toMatchObject([
        { key: one.key, size: 40 * KIB, usedAt: now - 3_600_000 },
        { key: TAG, size: 4, usedAt: now, head: { n: 1 } },
      ]);
      expect(await listed(store, 'blob')).toMatchObject([{ key: one.key }]);
      expect(await listed(store, 'document')).toMatchObject([{ key: TAG }]);
    });

    testWith(['clock'], 'is not kept warm by looking, listing and verifying', async () => {
      let now = 1_700_000_000_000;
      const store = await open(LARGE, () => now);
      const one = content(40 * KIB);
      await putBlob(store, one);
      now += 3_600_000;
      await store.verify(one.key);
      await listed(store);
      expect((await store.stat(one.key))?.usedAt).toBe(1_700_000_000_000);
    });
  });
}
