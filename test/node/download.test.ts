import { createHash } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import type { Body } from '../../src/node/body';
import { Download } from '../../src/node/download';
import { Spool } from '../../src/node/spool';
import { blob } from '../../src/storage/key';
import { MemoryStore } from '../../src/storage/memory';
import type { Sink } from '../../src/storage/store';
import { payload } from '../upstream/image';

const KIB = 1024;
const MIB = 1024 * KIB;

const digestOf = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** How the body comes: in pieces of these sizes over and over, and until where. */
interface Flow {
  readonly pieces?: readonly number[];
  readonly cutAt?: number;
  readonly wrongAt?: number;
  /** Waited for before each piece. */
  readonly gate?: () => Promise<unknown>;
}

function bodyOf(bytes: Buffer, { pieces = [64 * KIB], cutAt = bytes.length, wrongAt, gate = turn }: Flow = {}): Body {
  const sent = Buffer.from(bytes);
  if (wrongAt !== undefined) sent[wrongAt] ^= 1;
  let received = 0;
  let isClosed = false;
  return {
    get received() {
      return received;
    },
    close: () => {
      isClosed = true;
    },
    async *[Symbol.asyncIterator]() {
      for (let index = 0; received < cutAt; index += 1) {
        await gate();
        if (isClosed) throw new Error('closed');
        const piece = sent.subarray(received, Math.min(cutAt, received + (pieces[index % pieces.length] as number)));
        received += piece.length;
        yield piece;
      }
      if (cutAt < bytes.length) throw new Error('the upstream cut');
    },
  };
}

/** Where the bytes go. */
interface Ground {
  readonly store: 'readable' | 'blind' | 'none';
  readonly spool: boolean;
  /** Bytes after which the store fails. */
  readonly failsAt?: number;
  readonly commit?: () => Promise<void>;
}

function downloadOf(bytes: Buffer, ground: Ground, digest = digestOf(bytes)) {
  const store = new MemoryStore({ maxBytes: 64 * MIB });
  const faults: string[] = [];
  const open = async (): Promise<Sink | undefined> => {
    if (ground.store === 'none') return undefined;
    const sink = await store.put(blob(digest), { size: bytes.length, proof: 'caller' });
    const { read, hold } = ground.store === 'readable' ? sink : {};
    return {
      get written() {
        return sink.written;
      },
      async write(chunk) {
        if (ground.failsAt === undefined || sink.written + chunk.length <= ground.failsAt) return sink.write(chunk);
        await sink.abort();
        throw new Error('the disk is full');
      },
      async commit() {
        await ground.commit?.();
        await sink.commit();
      },
      abort: () => sink.abort(),
      read,
      hold,
    };
  };
  const download = new Download({
    digest,
    size: bytes.length,
    link: 'link',
    sink: open,
    spool: async () => (ground.spool ? await Spool.open(bytes.length) : undefined),
    stored: async (first, last) => store.get(blob(digest), { first, last }),
    onFault: (error) => faults.push(error.message),
  });
  return { download, store, faults };
}

interface Reader {
  readonly first: number;
  readonly last: number;
  /** Turns of the loop between two pieces. */
  readonly pause: number;
  /** Bytes after which it leaves. */
  readonly leavesAt?: number;
}

async function read(download: Download, { first, last, pause, leavesAt = Number.POSITIVE_INFINITY }: Reader) {
  const chunks: Uint8Array[] = [];
  let length = 0;
  let fault: string | undefined;
  try {
    for await (const pieces of download.follow(first, last)) {
      for (const piece of pieces) length += chunks.push(piece) && piece.length;
      if (length >= leavesAt) break;
      for (let count = 0; count < pause; count += 1) await turn();
    }
  } catch (error) {
    fault = (error as Error).message;
  }
  return { bytes: Buffer.concat(chunks), fault };
}

const whole = (bytes: Buffer, pause = 0): Reader => ({ first: 0, last: bytes.length - 1, pause });

describe('a download', () => {
  test('is stored before anybody has all of it, where there may be no time afterwards', async () => {
    const bytes = payload(MIB, 5);
    const steps: string[] = [];
    const store = new MemoryStore({ maxBytes: 64 * MIB });
    const digest = digestOf(bytes);
    const download = new Download({
      digest,
      size: bytes.length,
      link: 'link',
      sink: () => store.put(blob(digest), { size: bytes.length, proof: 'caller' }),
      spool: async () => undefined,
      stored: async (first, last) => store.get(blob(digest), { first, last }),
      onFault: (error) => steps.push(error.message),
      isStoredFirst: true,
      onStored: async () => {
        steps.push((await store.stat(blob(digest))) ? 'stored' : 'missing');
      },
    });
    const reading = read(download, whole(bytes)).then((result) => {
      steps.push('read');
      return result;
    });
    await download.run(bodyOf(bytes));
    expect((await reading).bytes.equals(bytes)).toBe(true);
    expect(steps).toEqual(['stored', 'read']);
  });

  const bytes = payload(3 * MIB, 3);

  test('ends for nobody before its digest is proven, and gives all but the last byte meanwhile', async () => {
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { download } = downloadOf(bytes, { store: 'readable', spool: false });
    let hasAll = false;
    const body = bodyOf(bytes);
    const held: Body = {
      ...body,
      received: 0,
      close: () => body.close(),
      async *[Symbol.asyncIterator]() {
        yield* body;
        hasAll = true;
        await gate;
      },
    };
    const run = download.run(held);
    let seen = 0;
    const reading = (async () => {
      for await (const pieces of download.follow(0, bytes.length - 1)) for (const each of pieces) seen += each.length;
    })();
    while (!hasAll) await turn();
    for (let count = 0; count < 10; count += 1) await turn();
    expect(seen).toBe(bytes.length - 1);
    release();
    await Promise.all([run, reading]);
    expect(seen).toBe(bytes.length);
  });

  test.each<[string, Flow]>([
    ['a wrong byte', { wrongAt: 2 * MIB }],
    ['a wrong last byte', { wrongAt: 3 * MIB - 1 }],
    ['too few bytes', { cutAt: 3 * MIB - 1 }],
  ])('of %s ends for nobody, and is not stored', async (_, flow) => {
    const { download, store } = downloadOf(bytes, { store: 'readable', spool: false });
    const run = download.run(bodyOf(bytes, flow)).catch((error: Error) => error.message);
    const all = await Promise.all([read(download, whole(bytes)), read(download, whole(bytes, 3))]);
    expect(await run).toMatch(/other bytes|cut/);
    for (const each of all) {
      expect(each.fault).toBeDefined();
      expect(each.bytes.length).toBeLessThan(bytes.length);
    }
    expect(await store.stat(blob(digestOf(bytes)))).toBeUndefined();
    expect(download.canFollowFrom(0)).toBe(false);
  });

  test('of nothing ends once it is proven to be nothing', async () => {
    const empty = Buffer.alloc(0);
    const right = downloadOf(empty, { store: 'readable', spool: false });
    const [stored, one] = await Promise.all([right.download.run(bodyOf(empty)), read(right.download, whole(empty))]);
    expect([stored, one.fault]).toEqual([true, undefined]);
    const wrong = downloadOf(empty, { store: 'readable', spool: false }, digestOf(Buffer.from('something')));
    const reading = read(wrong.download, whole(empty));
    await expect(wrong.download.run(bodyOf(empty))).rejects.toThrow(/other bytes/);
    expect((await reading).fault).toMatch(/other bytes/);
  });

  test.each<[string, Ground]>([
    ['that can be read', { store: 'readable', spool: false }],
    ['that cannot', { store: 'blind', spool: true }],
  ])(
    'is followed from its start while a store %s makes it visible, also when all others have left',
    async (_, ground) => {
      let release = () => {};
      const commit = () =>
        new Promise<void>((resolve) => {
          release = resolve;
        });
      const { download } = downloadOf(bytes, { ...ground, commit });
      const run = download.run(bodyOf(bytes));
      expect((await read(download, whole(bytes))).bytes.equals(bytes)).toBe(true);
      for (let count = 0; count < 10; count += 1) await turn();
      expect(download.canFollowFrom(0)).toBe(true);
      const late = await read(download, whole(bytes));
      expect([late.fault, late.bytes.equals(bytes)]).toEqual([undefined, true]);
      release();
      expect(await run).toBe(true);
    },
  );

  test.each<[string, Ground]>([
    ['takes no more in the middle', { store: 'readable', spool: false, failsAt: 6 * MIB }],
    ['cannot finish', { store: 'readable', spool: false, commit: () => Promise.reject(new Error('read-only')) }],
    ['cannot be read, and takes no more', { store: 'blind', spool: true, failsAt: MIB }],
  ])('comes whole to those far behind where the store %s', async (_, ground) => {
    const large = payload(12 * MIB, 4);
    const { download, faults } = downloadOf(large, ground);
    let isFirst = true;
    // Far ahead of who reads, as a registry is that is near.
    const run = download.run(bodyOf(large, { pieces: [256 * KIB] }));
    const slow = read(download, { ...whole(large), pause: 60 });
    const fast = read(download, whole(large)).then((each) => {
      isFirst = false;
      return each;
    });
    const all = await Promise.all([slow, fast]);
    expect(all.map(({ fault, bytes }) => [fault, bytes.equals(large)])).toEqual([
      [undefined, true],
      [undefined, true],
    ]);
    expect([await run, isFirst, faults.length]).toEqual([false, false, 1]);
  });

  test('waits for those who are behind where only memory holds it, and not for ever', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
    try {
      const large = payload(20 * MIB, 5);
      const { download } = downloadOf(large, { store: 'none', spool: false });
      const run = download.run(bodyOf(large, { pieces: [256 * KIB] }));
      const stuck = download.follow(0, large.length - 1)[Symbol.asyncIterator]();
      await stuck.next();
      const fast = read(download, whole(large));
      for (let count = 0; count < 200; count += 1) await turn();
      const before = download.received;
      expect(before).toBeLessThan(6 * MIB);
      await jest.advanceTimersByTimeAsync(60_000);
      expect((await fast).bytes.equals(large)).toBe(true);
      await expect(stuck.next()).rejects.toThrow(/too far behind/);
      await run;
    } finally {
      jest.useRealTimers();
    }
  });

  test("goes on at nobody's pace, and without a reader, for those who wait until it is stored", async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
    try {
      const large = payload(80 * MIB, 5);
      let isHeld = true;
      const gate = async () => {
        while (isHeld && download.received >= 70 * MIB) await turn();
      };
      const store = new MemoryStore({ maxBytes: 400 * MIB });
      const digest = digestOf(large);
      const download: Download = new Download({
        digest,
        size: large.length,
        link: 'link',
        sink: () => store.put(blob(digest), { size: large.length, proof: 'caller' }),
        spool: async () => undefined,
        stored: async () => undefined,
        onFault: () => {},
      });
      const stuck = download.follow(0, large.length - 1);
      const run = download.run(bodyOf(large, { pieces: [MIB], gate }));
      await stuck.next();
      const waiting = download.stored(60_000);
      while (download.received < 70 * MIB) await turn();
      await stuck.return(undefined);
      const impatient = download.stored(1000);
      await jest.advanceTimersByTimeAsync(59_000);
      expect(await impatient).toBe('coming');
      expect(await download.stored(60_000, AbortSignal.abort())).toBe('coming');
      isHeld = false;
      expect([await waiting, await run, await download.stored(0)]).toEqual(['stored', true, 'stored']);
    } finally {
      jest.useRealTimers();
    }
  });

  test.each<[string, Flow, Ground]>([
    ['is wrong', { wrongAt: 5 }, { store: 'readable', spool: false }],
    ['is cut', { cutAt: 2 * MIB }, { store: 'readable', spool: false }],
    ['cannot be stored', {}, { store: 'none', spool: true }],
  ])('that %s is told as failed to those who wait', async (_, flow, ground) => {
    const { download } = downloadOf(bytes, ground);
    const waiting = download.stored(60_000);
    await download.run(bodyOf(bytes, flow)).catch(() => {});
    expect(await waiting).toBe('failed');
  });

  test('is not fetched far ahead of who reads it', async () => {
    const large = payload(20 * MIB, 5);
    const { download } = downloadOf(large, { store: 'none', spool: false });
    const run = download.run(bodyOf(large));
    const reading = download.follow(0, large.length - 1);
    await reading.next();
    for (let count = 0; count < 500; count += 1) await turn();
    expect(download.received).toBeLessThan(6 * MIB);
    await reading.return(undefined);
    await run.catch(() => {});
  });
});

/** Seeds are printed where one fails. */
describe('whoever follows a download', () => {
  const bytes = payload(4 * MIB, 6);
  const size = bytes.length;
  const offset = fc.integer({ min: 0, max: size - 1 });
  const reader = fc.record({
    joinsAt: fc.integer({ min: 0, max: size }),
    span: fc.tuple(offset, offset),
    isWhole: fc.boolean(),
    pause: fc.constantFrom(0, 0, 1, 3, 10),
    leavesAt: fc.option(fc.integer({ min: 1, max: size }), { nil: undefined, freq: 4 }),
  });
  const ground: fc.Arbitrary<Ground> = fc.record({
    store: fc.constantFrom('readable' as const, 'blind' as const, 'none' as const),
    spool: fc.constant(true),
    failsAt: fc.option(offset, { nil: undefined }),
    commit: fc.constantFrom(
      undefined,
      async () => {
        for (let count = 0; count < 20; count += 1) await turn();
      },
      () => Promise.reject(new Error('cannot be finished')),
    ),
  });
  const flow: fc.Arbitrary<Flow> = fc.record({
    pieces: fc.array(fc.integer({ min: 1000, max: 300 * KIB }), { minLength: 1, maxLength: 5 }),
    cutAt: fc.option(offset, { nil: undefined, freq: 3 }),
    wrongAt: fc.option(offset, { nil: undefined, freq: 3 }),
  });

  test('has exactly its bytes, or a fault', async () => {
    await fc.assert(
      fc.asyncProperty(ground, flow, fc.array(reader, { minLength: 1, maxLength: 6 }), async (on, how, readers) => {
        const isRight = how.cutAt === undefined && how.wrongAt === undefined;
        const { download } = downloadOf(bytes, on);
        let received = 0;
        const waiting = new Set(readers.map((each) => ({ each, start: () => {} })));
        const body = bodyOf(bytes, {
          ...how,
          gate: async () => {
            received = body.received;
            for (const one of waiting) if (one.each.joinsAt <= received) one.start();
            await turn();
          },
        });
        const outcomes = [...waiting].map(async (one) => {
          await new Promise<void>((resolve) => {
            one.start = resolve;
          });
          waiting.delete(one);
          const [a, b] = one.each.span;
          const [first, last] = one.each.isWhole ? [0, size - 1] : [Math.min(a, b), Math.max(a, b)];
          if (!download.canFollowFrom(first)) return;
          const { leavesAt, pause } = one.each;
          const { bytes: got, fault } = await read(download, { first, last, pause, leavesAt });
          const wanted = bytes.subarray(first, last + 1);
          const hasLeft = leavesAt !== undefined && got.length >= leavesAt;
          if (isRight) {
            expect(fault).toBeUndefined();
            expect(got.equals(hasLeft ? wanted.subarray(0, got.length) : wanted)).toBe(true);
          } else if (last === size - 1) {
            expect(got.length).toBeLessThan(wanted.length);
            if (!hasLeft) expect(fault).toBeDefined();
          }
        });
        const run = download.run(body).catch(() => false);
        const isStored = await run;
        for (const one of waiting) one.start();
        await Promise.all(outcomes);
        if (!isRight) expect(isStored).toBe(false);
      }),
      { numRuns: 60 },
    );
  }, 60_000);
});
