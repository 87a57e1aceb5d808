import { createHash, randomUUID } from 'node:crypto';
import { isMadeHash } from '../../src/core/htpasswd';
import { hashPassword, isPasswordOf, makePassword } from '../../src/shell/made-passwords';

describe('a made password', () => {
  test('has 160 bits of chance, in characters that are copied without harm', () => {
    const all = Array.from({ length: 500 }, makePassword);
    for (const each of all) expect(each).toMatch(/^[a-z2-7]{32}$/);
    expect(new Set(all).size).toBe(all.length);
    // Each character at each place: one that never comes would be a bit that is always the same.
    for (let place = 0; place < 32; place += 1) expect(new Set(all.map((each) => each[place])).size).toBe(32);
  });

  test('is told from every other one by its hash', () => {
    const password = makePassword();
    const hash = hashPassword(password);
    expect(isMadeHash(hash)).toBe(true);
    expect(isPasswordOf(hash, password)).toBe(true);
    for (const other of [makePassword(), '', `${password}a`, password.slice(1), password.toUpperCase(), randomUUID()]) {
      expect(isPasswordOf(hash, other)).toBe(false);
    }
  });

  test('has another hash each time', () => {
    const password = makePassword();
    expect(hashPassword(password)).not.toBe(hashPassword(password));
  });

  test('has a hash that others can compute: SHA-256 of the salt and it', () => {
    const password = makePassword();
    const [, , salt, digest] = hashPassword(password).split('$');
    const theirs = createHash('sha256').update(Buffer.from(salt, 'base64url')).update(password).digest('base64url');
    expect(digest).toBe(theirs);
  });
});

test.each([
  '',
  'a password',
  'x'.repeat(31),
  'x'.repeat(33),
  'X'.repeat(32),
  '1'.repeat(32),
  randomUUID().replaceAll('-', ''),
])('a password that somebody chose gets no such hash: %j', (password) => {
  expect(() => hashPassword(password)).toThrow('was not made by makePassword');
});

test.each(['', '$', '$rp1$$', '$rp1$AAAA$AAAA', '$2y$10$x', randomUUID()])('%j is the hash of no password', (hash) => {
  expect(isPasswordOf(hash, makePassword())).toBe(false);
});
