import { createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { readSignedToken, signToken, tokenKey } from '../../src/shell/login-tokens';

const NOW = 1_800_000_000_000;
const key = randomBytes(32);
const hash = randomBytes(16).toString('hex');
const users = new Map([['alice', hash]]);
const read = (token: string, now = NOW, hashes: ReadonlyMap<string, string> = users, by = key) =>
  readSignedToken(by, token, (name) => hashes.get(name), now);

/** A token with the right signature and any payload. */
function signed(payload: string): string {
  const mac = createHmac('sha256', key)
    .update(JSON.stringify(['rp1', payload, null]))
    .digest('base64url');
  return `rp1.${payload}.${mac}`;
}
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('a token', () => {
  test.each(['alice', 'zoë', '小明', `${'"'.repeat(255)}`])(
    'names its user, %s, in characters that a header takes',
    (name) => {
      const token = signToken(key, name, hash, NOW + 60_000);
      expect(token).toMatch(/^rp1\.[\w-]+\.[\w-]{43}$/);
      expect(read(token, NOW, new Map([[name, hash]]))).toEqual({ kind: 'valid', name });
    },
  );

  test('may be for nobody', () => {
    expect(read(signToken(key, undefined, undefined, NOW + 60_000))).toEqual({ kind: 'valid', name: undefined });
  });

  test('lives until its time, and says so after that', () => {
    const token = signToken(key, 'alice', hash, NOW + 60_000);
    expect([NOW, NOW + 59_999, NOW + 60_000, NOW + 1e9].map((now) => read(token, now).kind)).toEqual([
      'valid',
      'valid',
      'expired',
      'expired',
    ]);
  });

  test('is void without its user, with another password, and under another key', () => {
    const token = signToken(key, 'alice', hash, NOW + 60_000);
    expect(read(token, NOW, new Map())).toEqual({ kind: 'forged' });
    expect(read(token, NOW, new Map([['alice', `${hash}x`]]))).toEqual({ kind: 'forged' });
    expect(read(token, NOW, users, randomBytes(32))).toEqual({ kind: 'forged' });
  });

  test('cannot be changed in any character', () => {
    const token = signToken(key, 'alice', hash, NOW + 60_000);
    for (let index = 0; index < token.length; index += 1) {
      const other = token[index] === 'A' ? 'B' : 'A';
      expect(read(`${token.slice(0, index)}${other}${token.slice(index + 1)}`)).toEqual({ kind: 'forged' });
    }
  });

  test('of nobody is no token of a user', () => {
    const [mark, , mac] = signToken(key, undefined, undefined, NOW + 60_000).split('.');
    const [, payload] = signToken(key, 'alice', hash, NOW + 60_000).split('.');
    expect(read(`${mark}.${payload}.${mac}`)).toEqual({ kind: 'forged' });
    // Signed for a user who does not exist: the signature holds, and there is nobody whom it could be for.
    expect(read(signed(encode(['bob', NOW])))).toEqual({ kind: 'forged' });
  });

  test.each([
    '',
    'rp1',
    'rp1..',
    `rp1.${'A'.repeat(5000)}.${'A'.repeat(43)}`,
    signed('AAAA'),
    signed(encode(null)),
    signed(encode({})),
    signed(encode([])),
    signed(encode([1, 2])),
    signed(encode([null, '1'])),
    signed(encode([null])),
  ])('is not %s', (text) => {
    expect(read(text)).toEqual({ kind: 'forged' });
  });
});

describe('what was signed by versions that had OpenSSL do it', () => {
  // As they made it of these words.
  const word = 'the hash of a word';
  const old = tokenKey(['a word', 'alice', word]);

  test.each<[string | undefined, string]>([
    ['alice', 'WyJhbGljZSIsMTgwMDAwMDA2MF0.TEgCI7Z3Uo2vHpiPH2aSa_vtP4YlWM68ATtJceTCKkY'],
    ['小明', 'WyLlsI_mmI4iLDE4MDAwMDAwNjBd.elNCG9-vPIxSx7QV7Gw67WG2BeNWtDwxUCZmKv-uZRI'],
    [undefined, 'W251bGwsMTgwMDAwMDA2MF0.BR-sFXqnx8L6ldb3_Jiuu1FiXNm49bp-vbB1sKLHzWQ'],
  ])('is signed the same for %s, and still good', (name, signed) => {
    expect(signToken(old, name, name && word, NOW + 60_999)).toBe(`rp1.${signed}`);
    expect(readSignedToken(old, `rp1.${signed}`, () => word, NOW)).toEqual({ kind: 'valid', name });
  });

  test('whatever the secrets are', () => {
    const parts = Array.from({ length: 50 }, () => randomBytes(20).toString('latin1'));
    const theirs = Buffer.from(hkdfSync('sha256', JSON.stringify(parts), '', 'registry-proxy token 1', 32));
    expect(Buffer.from(tokenKey(parts))).toEqual(theirs);
    const payload = encode(['zoë', NOW / 1000]);
    const mac = createHmac('sha256', theirs)
      .update(JSON.stringify(['rp1', payload, hash]))
      .digest('base64url');
    expect(signToken(theirs, 'zoë', hash, NOW)).toBe(`rp1.${payload}.${mac}`);
  });
});

describe('the key', () => {
  const parts = [randomBytes(8).toString('hex'), randomBytes(8).toString('hex')];

  test('is the same wherever the same secrets are configured', () => {
    expect(tokenKey([...parts])).toEqual(tokenKey(parts));
    expect(tokenKey(parts)).toHaveLength(32);
  });

  test('is another one for other secrets, in another order, or joined otherwise', () => {
    const [one, other] = parts;
    const keys = [parts, [other, one], [one + other], [one, other, ''], ['', one + other]].map((each) =>
      Buffer.from(tokenKey(each as string[])).toString('hex'),
    );
    expect(new Set(keys).size).toBe(keys.length);
  });

  test.each([[[]], [['', '']]])('is nobody’s guess where there is no secret: %j', (none) => {
    expect(tokenKey(none)).toHaveLength(32);
    expect(tokenKey(none)).not.toEqual(tokenKey(none));
  });
});
