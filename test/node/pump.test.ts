import type { IncomingMessage, ServerResponse } from 'node:http';
import { PassThrough, Writable } from 'node:stream';
import { type PumpOptions, pump } from '../../src/node/pump';

const OPTIONS: PumpOptions = { skip: 0, limit: Number.POSITIVE_INFINITY, stall: 10_000, client: 10_000 };

/** A body from upstream; `complete` is what node:http says about its framing. */
function upstream(complete = true): PassThrough & IncomingMessage {
  return Object.assign(new PassThrough({ highWaterMark: 1 << 20 }), { complete }) as unknown as PassThrough &
    IncomingMessage;
}

/** A client that takes bytes only while `isReading`. */
function client(isReading = true) {
  const chunks: Buffer[] = [];
  let pending: (() => void) | undefined;
  let reads = isReading;
  const writable = new Writable({
    highWaterMark: 16,
    write(chunk, _encoding, done) {
      chunks.push(chunk);
      if (reads) done();
      else pending = done;
    },
  });
  return {
    res: writable as unknown as ServerResponse,
    text: () => Buffer.concat(chunks).toString(),
    read() {
      reads = true;
      pending?.();
      pending = undefined;
    },
    leave: () => writable.destroy(),
    isEnded: () => writable.writableEnded,
  };
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const FAR_MORE_THAN_THE_BUFFER = 'x'.repeat(64);

describe('pump', () => {
  test.each<[string, Partial<PumpOptions>, string, number]>([
    ['a whole body', {}, 'abcdefgh', 8],
    ['what follows the bytes that the client has', { skip: 3 }, 'defgh', 5],
    ['the end of a chunk boundary', { skip: 4 }, 'efgh', 4],
    ['no more than it may', { limit: 5 }, 'abcde', 5],
    ['the middle', { skip: 2, limit: 3 }, 'cde', 3],
    ['exactly the body', { limit: 8 }, 'abcdefgh', 8],
  ])('sends %s', async (_, options, text, bytes) => {
    const [body, { res, text: sent, isEnded }] = [upstream(), client()];
    for (const chunk of ['ab', 'cd', 'efg', 'h']) body.write(chunk);
    body.end();
    expect(await pump(body, res, { ...OPTIONS, ...options })).toEqual({ end: 'complete', bytes, why: undefined });
    expect([sent(), isEnded()]).toEqual([text, false]);
  });

  test('a body that ended before its framing said so is cut', async () => {
    const [body, { res }] = [upstream(false), client()];
    body.end('abc');
    expect(await pump(body, res, OPTIONS)).toMatchObject({ end: 'cut', bytes: 3 });
  });

  test('a body that was skipped to its end is complete without a byte', async () => {
    const [body, { res }] = [upstream(), client()];
    body.end('abc');
    expect(await pump(body, res, { ...OPTIONS, skip: 10 })).toMatchObject({ end: 'complete', bytes: 0 });
  });

  test('a broken connection is a cut, and breaking again later harms nobody', async () => {
    const [body, { res }] = [upstream(false), client()];
    body.write('abc');
    const pumping = pump(body, res, OPTIONS);
    await pause(5);
    body.destroy(Object.assign(new Error('secret path'), { code: 'ECONNRESET' }));
    expect(await pumping).toEqual({ end: 'cut', bytes: 3, why: 'the upstream cut (ECONNRESET)' });
    body.emit('error', new Error('again'));
  });

  test('a body that was destroyed before is a cut', async () => {
    const [body, { res }] = [upstream(false), client()];
    body.destroy();
    expect(await pump(body, res, OPTIONS)).toMatchObject({ end: 'cut', bytes: 0 });
  });

  test('silence counts as a cut', async () => {
    const [body, { res }] = [upstream(), client()];
    body.write('abc');
    expect(await pump(body, res, { ...OPTIONS, stall: 30 })).toEqual({
      end: 'cut',
      bytes: 3,
      why: 'no byte for 0.03 s',
    });
  });

  test('a byte now and then is no silence', async () => {
    const [body, { res }] = [upstream(), client()];
    const pumping = pump(body, res, { ...OPTIONS, stall: 80 });
    for (const byte of 'abcdef') {
      body.write(byte);
      await pause(25);
    }
    body.end();
    expect(await pumping).toMatchObject({ end: 'complete', bytes: 6 });
  });

  test('a client that does not read is no silence of the upstream', async () => {
    const [body, slow] = [upstream(), client(false)];
    body.write(FAR_MORE_THAN_THE_BUFFER);
    const pumping = pump(body, slow.res, { ...OPTIONS, stall: 30 });
    await pause(90);
    slow.read();
    body.end('end');
    expect(await pumping).toMatchObject({ end: 'complete', bytes: 67 });
  });

  test('a stall after the client held it up counts as a cut', async () => {
    const [body, slow] = [upstream(), client(false)];
    body.write(FAR_MORE_THAN_THE_BUFFER);
    const pumping = pump(body, slow.res, { ...OPTIONS, stall: 30 });
    await pause(10);
    slow.read();
    const result = await Promise.race([pumping, pause(500)]);
    expect(result).toMatchObject({ end: 'cut', bytes: 64 });
  });

  test('a client that does not read holds the upstream up', async () => {
    const [body, slow] = [upstream(), client(false)];
    const pumping = pump(body, slow.res, OPTIONS);
    body.write(FAR_MORE_THAN_THE_BUFFER);
    await pause(5);
    body.write(FAR_MORE_THAN_THE_BUFFER);
    await pause(5);
    expect([body.isPaused(), slow.text().length]).toEqual([true, 64]);
    slow.read();
    body.end();
    expect(await pumping).toMatchObject({ end: 'complete', bytes: 128 });
  });

  test('a client that takes nothing for too long is given up', async () => {
    const [body, slow] = [upstream(), client(false)];
    body.write(FAR_MORE_THAN_THE_BUFFER);
    expect(await pump(body, slow.res, { ...OPTIONS, client: 30 })).toEqual({
      end: 'client-stalled',
      bytes: 64,
      why: 'the client took no byte for 0.03 s',
    });
  });

  test('with no limit it is waited for', async () => {
    const [body, slow] = [upstream(), client(false)];
    body.write(FAR_MORE_THAN_THE_BUFFER);
    const pumping = pump(body, slow.res, { ...OPTIONS, client: 0 });
    expect(await Promise.race([pumping, pause(60)])).toBeUndefined();
    slow.read();
    body.end();
    expect(await pumping).toMatchObject({ end: 'complete' });
  });

  test.each([
    ['before', 0],
    ['while it streams', 5],
  ])('a client that leaves %s is told apart from a cut', async (_, after) => {
    const [body, { res, leave }] = [upstream(), client()];
    body.write('abc');
    if (after === 0) leave();
    const pumping = pump(body, res, OPTIONS);
    await pause(after);
    leave();
    expect(await pumping).toMatchObject({ end: 'client-left', why: 'the client left' });
  });

  test('leaves no listeners on the response: thirty bodies may follow one another', async () => {
    const { res } = client();
    for (let i = 0; i < 30; i++) {
      const body = upstream();
      body.end('abc');
      await pump(body, res, OPTIONS);
    }
    expect([res.listenerCount('drain'), res.listenerCount('close')]).toEqual([0, 0]);
  });
});

describe('pump hands a body over', () => {
  test('with nothing lost, paused before the next byte', async () => {
    const [body, { res, text }] = [upstream(), client()];
    const sights: number[] = [];
    body.write('abc');
    const pumping = pump(body, res, {
      ...OPTIONS,
      isOver: (sight, bytes) => {
        expect([sight.bytes, sight.elapsed > 0, sight.waited <= sight.elapsed]).toEqual([
          sights.length ? 0 : 3,
          true,
          true,
        ]);
        return sights.push(bytes) === 2;
      },
    });
    expect(await pumping).toEqual({ end: 'handed-over', bytes: 3, why: undefined });
    body.end('def');
    expect([body.isPaused(), body.destroyed, text(), sights]).toEqual([true, false, 'abc', [3, 3]]);
    const rest: Buffer[] = [];
    for await (const chunk of body) rest.push(chunk as Buffer);
    expect(Buffer.concat(rest).toString()).toBe('def');
  });

  test('and sees for how long the client held it', async () => {
    const [body, slow] = [upstream(), client(false)];
    body.write(FAR_MORE_THAN_THE_BUFFER);
    const waited: number[] = [];
    const pumping = pump(body, slow.res, {
      ...OPTIONS,
      isOver: (sight) => waited.push(sight.waited / sight.elapsed) === 2,
    });
    expect((await pumping).end).toBe('handed-over');
    // All of the second look was spent waiting for the client.
    expect(waited[1]).toBe(0);
  });

  test('not while bytes are dropped', async () => {
    const [body, { res }] = [upstream(), client()];
    body.write('abc');
    let count = 0;
    const pumping = pump(body, res, { ...OPTIONS, skip: 10, isOver: () => ++count > 0 });
    await pause(600);
    body.end('defghijkl');
    expect([await pumping, count]).toEqual([{ end: 'complete', bytes: 2, why: undefined }, 0]);
  });
});
