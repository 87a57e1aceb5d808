import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { readSmallBody } from '../../src/node/small-body';

function incoming(complete = true): PassThrough & IncomingMessage {
  return Object.assign(new PassThrough(), { complete }) as unknown as PassThrough & IncomingMessage;
}

const failure = (kind: string) => ({ failure: expect.objectContaining({ kind }) });

describe('a small body', () => {
  test.each([
    ['', false],
    ['abc', false],
    ['exactly 10', false],
    ['eleven byte', true],
    ['x'.repeat(5000), true],
  ])('%j of at most ten bytes', async (text, isLonger) => {
    const body = incoming();
    body.end(text);
    const read = await readSmallBody(body, 10, 1000);
    expect(read.isLonger).toBe(isLonger);
    expect(Buffer.concat(read.chunks).toString()).toBe(text);
  });

  test('comes in pieces', async () => {
    const body = incoming();
    const reading = readSmallBody(body, 10, 1000);
    for (const piece of ['a', 'b', 'c']) body.write(piece);
    body.end();
    expect(Buffer.concat((await reading).chunks).toString()).toBe('abc');
  });

  test('that is longer is paused, so that the rest can be streamed', async () => {
    const body = incoming();
    body.write('eleven byte');
    expect((await readSmallBody(body, 10, 1000)).isLonger).toBe(true);
    expect(body.isPaused()).toBe(true);
    const rest: Buffer[] = [];
    body.on('data', (chunk) => rest.push(chunk)).resume();
    body.end('!');
    await new Promise((resolve) => body.on('end', resolve));
    expect(Buffer.concat(rest).toString()).toBe('!');
  });

  test('that was read before is there, empty', async () => {
    const body = incoming();
    body.end();
    body.resume();
    await new Promise((resolve) => body.on('end', resolve));
    expect(await readSmallBody(body, 10, 1000)).toEqual({ chunks: [], isLonger: false });
  });

  test('that ends before its framing said so is cut', async () => {
    const body = incoming(false);
    body.end('abc');
    await expect(readSmallBody(body, 10, 1000)).rejects.toMatchObject(failure('reset'));
  });

  test.each([
    ['breaks', new Error('broken')],
    ['closes', undefined],
  ])('that %s is cut', async (_, error) => {
    const body = incoming(false);
    const reading = readSmallBody(body, 10, 1000);
    body.destroy(error);
    await expect(reading).rejects.toMatchObject(failure('reset'));
    await expect(readSmallBody(body, 10, 1000)).rejects.toMatchObject(failure('reset'));
  });

  test('that takes too long as a whole runs out, however steadily it drips', async () => {
    const body = incoming();
    const drip = setInterval(() => body.write('a'), 10);
    await expect(readSmallBody(body, 1000, 60)).rejects.toMatchObject(failure('timeout'));
    clearInterval(drip);
  });
});
