import { randomBytes } from 'node:crypto';
import { READ_AHEAD } from '../../src/node/parts';
import { serveBytes } from '../upstream/bytes';
import { type Exchange, listen, type Upstream } from '../upstream/listen';
import { until } from '../upstream/scene';
import { type Errands, errandsTo, readAll } from './errands';

const MIB = 1024 * 1024;

let upstream: Upstream;
let errands: Errands;
let content: Buffer;

async function begun(size: number, handle?: (exchange: Exchange) => void | Promise<void>): Promise<void> {
  content = randomBytes(size);
  upstream = await listen(
    'registry',
    handle ?? ((exchange) => serveBytes(exchange, content, { etag: '"v"', headers: {} })),
  );
  errands = await errandsTo(upstream.url);
}

afterEach(async () => {
  errands?.close();
  await upstream?.stop();
});

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** A number, once it has been the same for a second. */
async function steady(read: () => number): Promise<number> {
  for (let looks = 0, last = read(); ; looks += 1) {
    if (looks === 10) return last;
    await pause(100);
    if (read() !== last) [looks, last] = [0, read()];
  }
}

/** What ends the reading of a body. */
async function faultOf(reading: Promise<unknown>): Promise<string> {
  return reading.then(
    () => 'none',
    (error: Error) => error.message,
  );
}

describe('a body', () => {
  test.each([[0], [1], [100_000], [5 * MIB]])('of %d bytes comes whole', async (size) => {
    await begun(size);
    const { body, record } = await errands.open();
    expect((await readAll(body)).equals(content)).toBe(true);
    expect([body.received, record.resumed, upstream.requests.length]).toEqual([size, 0, 1]);
  });

  test('leaves its connection to the next one', async () => {
    await begun(3 * MIB);
    for (let i = 0; i < 3; i++) await readAll((await errands.open()).body);
    expect(new Set(upstream.requests.map(({ connection }) => connection)).size).toBe(1);
  });

  test('may be a part', async () => {
    await begun(2 * MIB);
    const { body } = await errands.open({ headers: { range: 'bytes=1000-1500000' } });
    expect((await readAll(body)).equals(content.subarray(1000, 1_500_001))).toBe(true);
  });

  test('of unknown length ends with its framing', async () => {
    await begun(2 * MIB, ({ res }) => void res.writeHead(200).end(content));
    const { body } = await errands.open();
    expect((await readAll(body)).equals(content)).toBe(true);
  });
});

describe('a body that is cut', () => {
  test.each<[string, Parameters<Upstream['fail']>[1]]>([
    ['in the middle', { kind: 'cut', after: 1_500_000 }],
    ['before its first byte', { kind: 'cut', after: 0 }],
    ['by silence', { kind: 'stall', after: 1_500_000 }],
  ])('%s is continued', async (_, fault) => {
    await begun(3 * MIB);
    errands.close();
    // On a busy machine what continues it takes its time, too.
    errands = await errandsTo(upstream.url, { STALL_TIMEOUT: '2s' });
    upstream.fail(/GET/, fault);
    const { body, record } = await errands.open();
    expect((await readAll(body)).equals(content)).toBe(true);
    expect([record.resumed, upstream.requests.length]).toEqual([1, 2]);
  });

  test('many times is continued as often', async () => {
    await begun(9 * MIB);
    upstream.fail(/GET/, { kind: 'cut', after: 1.5 * MIB }, 5);
    const { body, record } = await errands.open();
    expect((await readAll(body)).equals(content)).toBe(true);
    expect(record.resumed).toBe(5);
  });

  test('is continued by an upstream that ignores Range: what is here already is dropped', async () => {
    await begun(3 * MIB);
    upstream.fail(/GET/, { kind: 'cut', after: 1_000_000 });
    const { body } = await errands.open();
    upstream.fail(/GET/, { kind: 'ignore-range' });
    expect((await readAll(body)).equals(content)).toBe(true);
  });

  test('and cannot be continued ends with an error that says why', async () => {
    await begun(3 * MIB);
    upstream.fail(/GET/, { kind: 'cut', after: 1_000_000 });
    const { body } = await errands.open();
    upstream.fail(/GET/, { kind: 'status', status: 404 });
    const chunks: Buffer[] = [];
    const reading = (async () => {
      for await (const chunk of body) chunks.push(chunk);
    })();
    expect(await faultOf(reading)).toBe('the upstream answers 404');
    expect(content.subarray(0, body.received).equals(Buffer.concat(chunks))).toBe(true);
    expect(body.received).toBeLessThanOrEqual(1_000_000);
  });

  test('and has nothing to continue it ends with an error', async () => {
    await begun(3 * MIB);
    upstream.fail(/GET/, { kind: 'cut', after: 1_000_000 });
    const { body } = await errands.open({ resumption: undefined });
    expect(await faultOf(readAll(body))).toMatch(/^the upstream cut/);
  });
});

describe('a body that is not as long as was said', () => {
  const part = (length: number) => ({ 'content-range': `bytes 0-99/${length}` });

  test('but longer is an error', async () => {
    await begun(100, ({ res }) => void res.writeHead(206, part(100)).end('x'.repeat(101)));
    const { body } = await errands.open({ headers: { range: 'bytes=0-99' } });
    expect(await faultOf(readAll(body))).toBe('the upstream sent more than it said');
  });

  test('but longer a little later is an error, too', async () => {
    await begun(100, ({ res }) => {
      res.writeHead(206, part(100)).write('x'.repeat(100));
      setTimeout(() => res.end('y'), 50);
    });
    const { body } = await errands.open({ headers: { range: 'bytes=0-99' } });
    expect(await faultOf(readAll(body))).toBe('the upstream sent more than it said');
  });

  test('but shorter is continued, and an error where that brings nothing', async () => {
    await begun(100, ({ res }) => void res.writeHead(206, part(100)).end('x'.repeat(99)));
    const { body } = await errands.open({ headers: { range: 'bytes=0-99' } });
    expect(await faultOf(readAll(body))).toBe('the upstream answers with another range');
    expect(body.received).toBe(99);
  });
});

describe('a reader', () => {
  test('who is slow holds the upstream back, and no silence is made of it', async () => {
    await begun(64 * MIB);
    const { body, record } = await errands.open({ stall: 2000 });
    const reading = body[Symbol.asyncIterator]();
    await reading.next();
    const sent = await steady(() => upstream.requests[0].bytesOut);
    // For longer than a silence may last.
    await pause(2500);
    expect(upstream.requests[0].bytesOut).toBe(sent);
    // What lies in the sockets' own buffers has been sent, too.
    expect(sent).toBeLessThan(READ_AHEAD + 24 * MIB);
    let size = body.received;
    for (let next = await reading.next(); !next.done; next = await reading.next()) size += next.value.length;
    expect([size, record.resumed]).toEqual([64 * MIB, 0]);
  });

  test('who leaves the loop ends the connection', async () => {
    await begun(64 * MIB);
    const { body } = await errands.open();
    for await (const _ of body) break;
    expect(await until(() => upstream.requests[0].closed)).toBe(true);
    expect(upstream.requests[0].closedEarlyAt).toBeDefined();
  });

  test.each<[string, (opened: Awaited<ReturnType<Errands['open']>>) => void]>([
    ['closes it', ({ body }) => body.close()],
    ['abandons the errand', ({ abandon }) => abandon()],
  ])('who waits when somebody %s gets an error, and the connection ends', async (_, act) => {
    await begun(0, ({ res }) => void res.writeHead(200, { 'content-length': 1000 }).write('x'));
    const opened = await errands.open({ stall: 60_000 });
    const reading = faultOf(readAll(opened.body));
    await until(() => opened.body.received === 1);
    act(opened);
    expect(await reading).toBe('nobody waits for the body any more');
    expect(await until(() => upstream.requests[0].closed)).toBe(true);
  });

  test('who never comes leaves nothing behind when it is closed', async () => {
    await begun(64 * MIB);
    const { body } = await errands.open();
    await pause(20);
    body.close();
    expect(await until(() => upstream.requests[0].closed)).toBe(true);
  });

  test('who leaves while a continuation is awaited ends that, too', async () => {
    await begun(3 * MIB);
    upstream.fail(/GET/, { kind: 'cut', after: MIB });
    const { body } = await errands.open();
    upstream.fail(/GET/, { kind: 'silence' });
    const reading = faultOf(readAll(body));
    await until(() => upstream.requests.length === 2);
    body.close();
    await reading;
    expect(await until(() => upstream.requests[1].closed)).toBe(true);
  });
});

test('an error of a response after its body was closed goes unheard', async () => {
  await begun(3 * MIB);
  const { body, response } = await errands.open();
  body.close();
  expect(() => response.emit('error', new Error('late'))).not.toThrow();
});
