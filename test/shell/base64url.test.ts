import { randomBytes } from 'node:crypto';
import { fromBase64Url, toBase64Url } from '../../src/shell/base64url';

test('is what others take for base64url, at every length', () => {
  for (let length = 0; length < 70; length += 1) {
    const bytes = randomBytes(length);
    expect(toBase64Url(bytes)).toBe(bytes.toString('base64url'));
    expect(fromBase64Url(bytes.toString('base64url'))).toEqual(new Uint8Array(bytes));
  }
});

test.each(['a', 'aaaaa', 'ab+/', 'ab==', 'a b', 'ä', 'ab\n'])('%j is none', (text) => {
  expect(fromBase64Url(text)).toBeUndefined();
});
