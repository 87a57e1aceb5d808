import { createHash, createHmac, randomBytes, randomUUID } from 'node:crypto';
import { hmacOf, isSame, sha256Of } from '../../src/shell/digests';

test.each([0, 1, 55, 56, 63, 64, 65, 1000])('are those of OpenSSL for %d bytes', (length) => {
  const bytes = randomBytes(length);
  expect(Buffer.from(sha256Of(bytes))).toEqual(createHash('sha256').update(bytes).digest());
  const text = `${bytes.toString('latin1')} 密码`;
  expect(Buffer.from(sha256Of(text))).toEqual(createHash('sha256').update(text).digest());
  for (const key of [bytes, text]) {
    expect(Buffer.from(hmacOf(key, text))).toEqual(createHmac('sha256', key).update(text).digest());
  }
});

test('are the same only where every bit is', () => {
  const bytes = new TextEncoder().encode(randomUUID());
  expect(isSame(bytes, bytes.slice())).toBe(true);
  expect(isSame(new Uint8Array(), new Uint8Array())).toBe(true);
  expect(isSame(bytes, bytes.slice(1))).toBe(false);
  for (let index = 0; index < bytes.length; index += 1) {
    const other = bytes.slice();
    other[index] ^= 1 << (index % 8);
    expect(isSame(bytes, other)).toBe(false);
  }
});
