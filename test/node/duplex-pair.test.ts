import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { duplexPair } from '../../src/node/duplex-pair';

const ADDRESSES = { remoteAddress: '192.0.2.1', remotePort: 7, localAddress: '192.0.2.2', encrypted: true };

const pair = () => duplexPair(ADDRESSES);

/** What has been read so far, and whether it is all. */
function reading(end: NodeJS.ReadableStream) {
  const read = { bytes: Buffer.alloc(0) as Buffer, isEnded: false };
  end.on('data', (chunk: Buffer) => {
    read.bytes = Buffer.concat([read.bytes, chunk]);
  });
  end.on('end', () => {
    read.isEnded = true;
  });
  return read;
}

const turns = () => new Promise((resolve) => setTimeout(resolve, 20));

test('the far end says whom it stands for', () => {
  expect(pair().far).toMatchObject(ADDRESSES);
});

test('bytes arrive both ways, in their order, also those written together', async () => {
  const { near, far } = pair();
  const [there, back] = [reading(far), reading(near)];
  const bytes = randomBytes(300_000);
  for (let at = 0; at < bytes.length; at += 10_000) near.write(bytes.subarray(at, at + 10_000));
  far.cork();
  for (const text of ['a', '', 'b', 'c']) far.write(text);
  far.uncork();
  await turns();
  expect(there.bytes.equals(bytes)).toBe(true);
  expect(back.bytes.toString()).toBe('abc');
});

test('a writer is held while nobody reads, and goes on when somebody does', async () => {
  const { near, far } = pair();
  let written = 0;
  while (written < 10_000_000 && far.write(Buffer.alloc(16_000))) written += 16_000;
  await turns();
  expect(written).toBeLessThan(200_000);
  expect(far.writableNeedDrain).toBe(true);
  near.resume();
  await once(far, 'drain');
});

test('the far end’s end is told at once, the near one’s with it', async () => {
  const { near, far } = pair();
  const [there, back] = [reading(far), reading(near)];
  near.end('question');
  await turns();
  expect([there.bytes.toString(), there.isEnded]).toEqual(['question', false]);
  far.end('answer');
  await turns();
  expect([back.bytes.toString(), back.isEnded, there.isEnded]).toEqual(['answer', true, true]);
  expect([near.destroyed, far.destroyed]).toEqual([true, true]);
});

test.each(['near', 'far'] as const)(
  'when the %s end is destroyed too early, the other one breaks off',
  async (which) => {
    const { near, far } = pair();
    const [broken, other] = which === 'near' ? [near, far] : [far, near];
    const read = reading(other);
    broken.write('abc');
    await turns();
    broken.destroy();
    await turns();
    expect([other.destroyed, read.isEnded]).toEqual([true, false]);
  },
);
