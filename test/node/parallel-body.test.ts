import { createHash, randomBytes } from 'node:crypto';
import { FAST_ENOUGH, MIN_SEGMENT, Pace } from '../../src/core/parallel';
import type { Body } from '../../src/node/body';
import { Lanes } from '../../src/node/lanes';
import { READ_AHEAD } from '../../src/node/parts';
import { type ServeOptions, serveBytes } from '../upstream/bytes';
import { type Exchange, type Fault, listen, type Upstream } from '../upstream/listen';
import { until } from '../upstream/scene';
import { type Errands, errandsTo, readAll } from './errands';

// Upstream and reader are in this process, on a machine that may be busy with more: what it has to do besides says nothing of the load
// above which no further connections are begun (test/core/parallel.test.ts).
jest.mock('../../src/node/loop-activity', () => ({ loopActivity: () => 0 }));

const MIB = 1024 * 1024;
const CONNECTIONS = 4;

/** Longer than a busy machine keeps this process waiting: what is late would be taken for silent. */
const STALL = '3s';

/** Sooner than a connection that brings nothing is found to hold up the others. */
const SHORT_STALL = '500ms';

/** What a further connection asks for. */
const FURTHER = /^bytes=[1-9]/;

let upstream: Upstream;
let errands: Errands;
let lanes: Lanes;
let content: Buffer;

interface Scene {
  readonly size?: number;
  /** Bytes a second over each connection. */
  readonly rate?: number;
  readonly serve?: (exchange: Exchange) => Partial<ServeOptions>;
  /** Meets the first `times` requests of further connections. */
  readonly fault?: Fault;
  readonly times?: number;
}

async function begun({ size = 16 * MIB, rate = 4 * MIB, serve, fault, times = 1e9 }: Scene = {}): Promise<void> {
  content = randomBytes(size);
  lanes = new Lanes();
  let left = times;
  upstream = await listen('registry', (exchange) => {
    const isMet = fault && left > 0 && FURTHER.test(exchange.seen.header('range') ?? '');
    if (isMet) left -= 1;
    if (isMet && fault.kind === 'status') return exchange.send(fault.status);
    if (isMet && fault.kind === 'refuse') return void exchange.req.socket.resetAndDestroy();
    const met = isMet ? { ...exchange, fault } : exchange;
    return serveBytes(met, content, { etag: '"v"', headers: {}, rate, ...serve?.(exchange) });
  });
  errands = await errandsTo(upstream.url, { STALL_TIMEOUT: fault?.kind === 'stall' ? SHORT_STALL : STALL });
}

afterEach(async () => {
  errands?.close();
  await upstream?.stop();
});

/** Of a body on a slow link, so that several connections are begun at once. */
const slowPace = () => paceOf(250_000);

/** @param bytes of the last look */
function paceOf(bytes: number): Pace {
  const pace = new Pace();
  pace.look({ elapsed: 250, waited: 250, busy: 0, bytes });
  return pace;
}

const open = (options: Parameters<Errands['open']>[0] = {}) =>
  errands.open({ connections: CONNECTIONS, lanes, pace: slowPace(), ...options });

const sent = () => upstream.requests.reduce((sum, { bytesOut }) => sum + bytesOut, 0);
const connections = () => new Set(upstream.requests.map(({ connection }) => connection)).size;

function isContent(bytes: Buffer, expected = content): boolean {
  const hash = (each: Buffer) => createHash('sha256').update(each).digest('hex');
  return hash(bytes) === hash(expected);
}

/** Reads a body and looks at what is held meanwhile. */
async function watch(body: Body): Promise<{ bytes: Buffer; peak: number }> {
  const chunks: Buffer[] = [];
  let peak = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    peak = Math.max(peak, lanes.reserved);
  }
  return { bytes: Buffer.concat(chunks), peak };
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

describe('a body over several connections', () => {
  test('comes whole and in order, each byte once', async () => {
    await begun();
    const { body, record } = await open();
    const { bytes, peak } = await watch(body);
    expect(isContent(bytes)).toBe(true);
    // The first connection is cut where the next segment begins, and what is on its way then comes in vain.
    expect(sent()).toBeLessThan(content.length + 2 * MIB);
    expect(connections()).toBeGreaterThan(CONNECTIONS - 1);
    expect(connections()).toBeLessThanOrEqual(CONNECTIONS + 1);
    expect(upstream.requests.length).toBeGreaterThan(connections());
    expect([peak > 0, peak <= lanes.share, lanes.reserved]).toEqual([true, true, 0]);
    expect(record).toMatchObject({ connections: CONNECTIONS, resumed: 0 });
  });

  test('may be a part of another one', async () => {
    await begun();
    const { body } = await open({ headers: { range: 'bytes=1000000-9999999' } });
    expect(isContent(await readAll(body), content.subarray(1_000_000, 10_000_000))).toBe(true);
    const ranges = upstream.requests.map((request) => request.header('range') ?? '');
    expect(ranges.every((range) => Number(range.split('-')[1]) < 10_000_000)).toBe(true);
  });

  test('begins with one, and gets more where the reader waits', async () => {
    await begun();
    const { body, record } = await open({ pace: undefined });
    expect(isContent(await readAll(body))).toBe(true);
    expect(record.connections).toBe(CONNECTIONS);
  });

  test.each<[string, Scene, Parameters<Errands['open']>[0]]>([
    ['where no more are wanted', { size: 3 * MIB }, { connections: 1 }],
    ['where the upstream is fast', { size: 16 * MIB, rate: 0 }, { pace: paceOf(FAST_ENOUGH) }],
    ['where little is missing', { size: MIB - 1, rate: MIB }, {}],
    ['where nothing can be asked for', { size: 3 * MIB }, { resumption: undefined }],
  ])('has one only %s', async (_, scene, options) => {
    await begun(scene);
    const { body, record } = await open(options);
    expect(isContent(await readAll(body))).toBe(true);
    expect([upstream.requests.length, record.connections]).toEqual([1, undefined]);
  });
});

describe('an upstream that does not keep to ranges', () => {
  test.each<[string, Fault]>([
    ['sends the whole', { kind: 'ignore-range' }],
    ['sends other ranges', { kind: 'wrong-content-range', shift: 1 }],
    ['has another size', { kind: 'changed-size', by: 1 }],
    ['has another entity tag', { kind: 'changed-etag' }],
  ])('and %s is left to its first connection, and not tried again', async (_, fault) => {
    // Slow enough that what further connections are sent is seen before the first one has brought all.
    await begun({ fault, size: 6 * MIB, rate: 3 * MIB });
    const { body, record } = await open();
    expect(isContent(await readAll(body))).toBe(true);
    // What is refused is not read away.
    expect(sent()).toBeLessThan(content.length + CONNECTIONS * 3 * MIB);
    expect([record.resumed, lanes.reserved]).toEqual([0, 0]);
    expect(upstream.requests.length).toBeLessThanOrEqual(CONNECTIONS);

    const before = upstream.requests.length;
    expect(isContent(await readAll((await open()).body))).toBe(true);
    expect(upstream.requests.length - before).toBe(1);
  });

  test('from the second segment on is asked for the rest, of which what is here is dropped', async () => {
    let asked = 0;
    await begun({ size: 8 * MIB });
    await upstream.stop();
    upstream = await listen('registry', (exchange) => {
      const isLate = FURTHER.test(exchange.seen.header('range') ?? '') && ++asked > CONNECTIONS;
      const met: Exchange = isLate ? { ...exchange, fault: { kind: 'ignore-range' } } : exchange;
      return serveBytes(met, content, { etag: '"v"', headers: {}, rate: 4 * MIB });
    });
    errands.close();
    errands = await errandsTo(upstream.url, { STALL_TIMEOUT: STALL });
    expect(isContent(await readAll((await open()).body))).toBe(true);
    expect(lanes.reserved).toBe(0);
  });
});

describe('segments that', () => {
  test.each<[string, Fault, number, number]>([
    ['are cut are continued', { kind: 'cut', after: 100_000 }, 3, 3],
    ['fall silent are continued', { kind: 'stall', after: 100_000 }, 2, 2],
    ['come in smaller pieces are continued', { kind: 'short-range', bytes: 200_000 }, 2, 2],
    ['are refused for a moment are asked for again', { kind: 'status', status: 503 }, 3, 0],
    ['do not even begin are asked for again', { kind: 'refuse' }, 3, 0],
  ])('%s', async (_, fault, times, resumed) => {
    await begun({ fault, times, size: 8 * MIB });
    const { body, record } = await open();
    expect(isContent(await readAll(body))).toBe(true);
    expect([record.resumed, lanes.reserved]).toEqual([resumed, 0]);
  });

  test('are not to be had are left to the first connection', async () => {
    await begun({ fault: { kind: 'status', status: 404 }, size: 6 * MIB });
    const { body, record } = await open();
    expect(isContent(await readAll(body))).toBe(true);
    expect([record.resumed, lanes.reserved, connections()]).toEqual([0, 0, CONNECTIONS]);
  });

  test('come far more slowly than others are asked for again, and not waited for', async () => {
    let slow: number | undefined;
    await begun({
      size: 32 * MIB,
      rate: 8 * MIB,
      serve: ({ seen }) => {
        if (FURTHER.test(seen.header('range') ?? '')) slow ??= seen.connection;
        return seen.connection === slow ? { rate: 10_000 } : {};
      },
    });
    const { body } = await open();
    expect(isContent(await readAll(body))).toBe(true);
    const held = upstream.requests.find(({ connection }) => connection === slow);
    expect(held?.closedEarlyAt).toBeLessThan(MIN_SEGMENT);
  });
});

describe('further connections that are of no use', () => {
  test('are let go, and not begun again for this host', async () => {
    const link = {};
    await begun({ size: 12 * MIB, serve: () => ({ link, rate: 4 * MIB }) });
    const pace = new Pace();
    pace.look({ elapsed: 250, waited: 250, busy: 0, bytes: MIB });
    expect(isContent(await readAll((await open({ pace })).body))).toBe(true);
    expect(lanes.futile.has('127.0.0.1', performance.now())).toBe(true);
    expect(upstream.requests.some((request) => request.header('range')?.endsWith(`-${content.length - 1}`))).toBe(true);
    expect(sent()).toBeLessThan(content.length + 3 * MIB);
  });
});

test('the rest, after further connections were let go, may come from an upstream that sends the whole', async () => {
  const link = {};
  await begun({ size: 8 * MIB });
  await upstream.stop();
  let whole = 0;
  upstream = await listen('registry', (exchange) => {
    const isRest = exchange.seen.header('range')?.endsWith(`-${content.length - 1}`);
    if (isRest) whole += 1;
    const met: Exchange = isRest ? { ...exchange, fault: { kind: 'ignore-range' } } : exchange;
    return serveBytes(met, content, { etag: '"v"', headers: {}, link, rate: 3 * MIB });
  });
  errands.close();
  errands = await errandsTo(upstream.url, { STALL_TIMEOUT: STALL });
  const pace = new Pace();
  pace.look({ elapsed: 250, waited: 250, busy: 0, bytes: 0.75 * MIB });
  expect(isContent(await readAll((await open({ pace })).body))).toBe(true);
  expect(whole).toBe(2);
  expect([lanes.reserved, lanes.share]).toEqual([0, new Lanes().share]);
});

describe('a reader', () => {
  test('who leaves in the middle ends all connections, and gives back all memory', async () => {
    await begun();
    const { body } = await open();
    for await (const _ of body) if (body.received > 3 * MIB) break;
    expect(await until(() => upstream.requests.every(({ closed }) => closed))).toBe(true);
    expect(lanes.reserved).toBe(0);
    const before = upstream.requests.length;
    await pause(300);
    expect(upstream.requests.length).toBe(before);
  });

  test('who stops reading lets nothing grow, and gets the rest when he goes on', async () => {
    await begun({ size: 64 * MIB, rate: 32 * MIB });
    const { body } = await open();
    const reading = body[Symbol.asyncIterator]();
    const hash = createHash('sha256').update((await reading.next()).value as Buffer);
    await pause(1500);
    const [asked, before] = [upstream.requests.length, sent()];
    expect(lanes.reserved).toBeLessThanOrEqual(lanes.share);
    await pause(600);
    expect([upstream.requests.length, sent()]).toEqual([asked, before]);
    expect(before).toBeLessThan(lanes.share + READ_AHEAD + 12 * MIB);
    for (let next = await reading.next(); !next.done; next = await reading.next()) hash.update(next.value);
    expect(hash.digest('hex')).toBe(createHash('sha256').update(content).digest('hex'));
  });
});

describe('ten bodies at once', () => {
  test('share the memory, and each of them is whole', async () => {
    await begun({ size: 4 * MIB, rate: 2 * MIB });
    const limit = 4 * MIB;
    lanes = new Lanes(limit);
    const all = await Promise.all(Array.from({ length: 10 }, () => open()));
    const read = await Promise.all(all.map(({ body }) => watch(body)));
    expect(read.every(({ bytes }) => isContent(bytes))).toBe(true);
    expect(Math.max(...read.map(({ peak }) => peak))).toBeLessThanOrEqual(limit);
    expect(all.filter(({ record }) => (record.connections ?? 1) > 1).length).toBeGreaterThan(1);
    expect(lanes.reserved).toBe(0);
  });

  test('of which most leave keep nothing', async () => {
    await begun({ size: 8 * MIB });
    const all = await Promise.all(Array.from({ length: 10 }, () => open()));
    await Promise.all(
      all.map(async ({ body }, index) => {
        for await (const _ of body) if (index > 0 && body.received > index * 300_000) break;
      }),
    );
    expect(lanes.reserved).toBe(0);
    expect(lanes.share).toBe(new Lanes().share);
  });
});

test('an upstream that is gone ends the body with an error, and gives back all memory', async () => {
  await begun();
  const { body } = await open();
  const reading = readAll(body).then(
    () => 'none',
    (error: Error) => error.message,
  );
  await until(() => body.received > MIB, 5000);
  await upstream.stop();
  expect(await reading).toMatch(/^connection refused|brought almost nothing$/);
  expect(lanes.reserved).toBe(0);
});
