import { randomBytes } from 'node:crypto';
import { hashSync } from 'bcryptjs';
import {
  costOf,
  isMadeHash,
  isUserName,
  MAX_COST,
  MAX_HTPASSWD,
  MAX_USERS,
  MIN_COST,
  parseHtpasswd,
} from '../../src/core/htpasswd';

const hash = hashSync('a password', 4).replace('$2b', '$2y');
const withCost = (cost: number) => hash.replace('$04$', `$${String(cost).padStart(2, '0')}$`);

describe('a file of users', () => {
  test.each<[string, string]>([
    ['lines as Apache writes them', `alice:${hash}\nbob:${hash}\n`],
    ['no line end at the end', `alice:${hash}\nbob:${hash}`],
    ['line ends of Windows', `alice:${hash}\r\nbob:${hash}\r\n`],
    ['a mark before it that editors put there', `\ufeffalice:${hash}\nbob:${hash}\n`],
    ['comments and empty lines', `# users\n\nalice:${hash}\n  \n  # bob:no\nbob:${hash}\n\n`],
    ['blanks around its lines', `  alice:${hash}  \n\tbob:${hash}\t\n`],
    ['comments behind a second colon', `alice:${hash}:Alice of the build team\nbob:${hash}:\n`],
  ])('may have %s', (_, text) => {
    expect(parseHtpasswd(text)).toEqual({
      users: new Map([
        ['alice', hash],
        ['bob', hash],
      ]),
      faults: [],
    });
  });

  test.each(['2a', '2b', '2y'])('may have hashes that begin with $%s$', (prefix) => {
    const other = hash.replace('2y', prefix);
    expect(parseHtpasswd(`alice:${other}`)).toEqual({ users: new Map([['alice', other]]), faults: [] });
  });

  test('may have names in any language', () => {
    expect([...parseHtpasswd(`köln-bot@example.com:${hash}\n小明:${hash}\n`).users.keys()]).toEqual([
      'köln-bot@example.com',
      '小明',
    ]);
  });

  test('may be empty', () => {
    expect(parseHtpasswd('')).toEqual({ users: new Map(), faults: [] });
  });
});

const made = `$rp1$${randomBytes(16).toString('base64url')}$${randomBytes(32).toString('base64url')}`;

describe('the hash of a made password', () => {
  test.each([true, false])('is taken; where there is time for bcrypt: %s', (takesBcrypt) => {
    expect(parseHtpasswd(`alice:${made}:build\n`, takesBcrypt)).toEqual({
      users: new Map([['alice', made]]),
      faults: [],
    });
  });

  test('may stand beside one of bcrypt', () => {
    expect(parseHtpasswd(`alice:${made}\nbob:${hash}\n`)).toEqual({
      users: new Map([
        ['alice', made],
        ['bob', hash],
      ]),
      faults: [],
    });
    expect([made, hash].map(isMadeHash)).toEqual([true, false]);
  });

  test.each<[string, string]>([
    ['too short', made.slice(0, -1)],
    ['too long', `${made}A`],
    ['without salt', made.replace(/^(\$rp1\$)[^$]+\$/, '$1')],
    ['with bits left over', `${made.slice(0, -1)}B`],
    ['with bits left over in its salt', `${made.slice(0, 26)}B${made.slice(27)}`],
    ['in another alphabet', `${made.slice(0, -2)}+A`],
  ])('%s is a damaged one', (_, damaged) => {
    expect(parseHtpasswd(`alice:${damaged}`).faults).toEqual([
      expect.stringMatching(/^line 1: the password of "alice" is a damaged hash of a made password, /),
    ]);
    expect(isMadeHash(damaged)).toBe(false);
  });
});

describe('where there is no time for bcrypt, a fault', () => {
  test.each<[string, string]>([
    [hash, 'is a bcrypt hash, and this platform gives no request the time to check one: make another one'],
    [withCost(31), 'is a bcrypt hash, and this platform gives no request the time to check one: make another one'],
    ['{SHA}x', 'is a SHA-1 hash, and only made ones are taken on this platform: make one'],
    [made.slice(1), 'is plain text, and only made ones are taken on this platform: make one'],
  ])('says what to do in place of %j', (other, what) => {
    expect(parseHtpasswd(`bob:${made}\nalice:${other}\n`, false)).toEqual({
      users: new Map([['bob', made]]),
      faults: [`line 2: the password of "alice" ${what} with registry-proxy htpasswd --generate alice`],
    });
  });
});

describe('a fault', () => {
  const rest = 'x'.repeat(22);

  test.each<[string, string]>([
    [`$apr1$${rest}`, 'an MD5 hash'],
    [`$1$${rest}`, 'an MD5 hash'],
    [`{SHA}${rest}`, 'a SHA-1 hash'],
    [`{SSHA}${rest}`, 'a salted SHA-1 hash'],
    [`$5$${rest}`, 'a SHA-256 crypt hash'],
    [`$6$rounds=5000$${rest}`, 'a SHA-512 crypt hash'],
    [`$argon2id$v=19$${rest}`, 'an Argon2 hash'],
    [`$7$${rest}`, 'a scrypt hash'],
    [`$y$j9T$${rest}`, 'a yescrypt hash'],
    [`$pbkdf2-sha256$${rest}`, 'a PBKDF2 hash'],
    [`$other$${rest}`, 'a hash of an unknown kind'],
    [`$2x$05$${rest}`, 'an outdated form of bcrypt'],
    [`$2$05$${rest}`, 'an outdated form of bcrypt'],
    [hash.slice(0, -1), 'a damaged bcrypt hash'],
    [`${hash}x`, 'a damaged bcrypt hash'],
    [`${hash.slice(0, 28)}/${hash.slice(29)}`, 'a damaged bcrypt hash'],
    [hash.replace('$04$', '$4$'), 'a damaged bcrypt hash'],
    ['x'.repeat(13), 'a DES crypt hash, or plain text'],
    [`word ${rest}`, 'plain text'],
    ['', 'empty'],
  ])('names line, user and kind, says what to do, and hides %j', (secret, kind) => {
    const { users, faults } = parseHtpasswd(`# first\nbob:${hash}\nalice:${secret}\n`);
    expect(faults).toEqual([
      `line 3: the password of "alice" is ${kind}, and only bcrypt is taken: make it anew with registry-proxy htpasswd alice, or htpasswd -B -C 10`,
    ]);
    if (secret !== '') expect(faults[0]).not.toContain(secret.slice(0, 13));
    expect([...users.keys()]).toEqual(['bob']);
  });

  test.each([MIN_COST - 1, MAX_COST + 1, 31])('is a cost of %d', (cost) => {
    const { users, faults } = parseHtpasswd(`alice:${withCost(cost)}`);
    const written = String(cost).padStart(2, '0');
    expect(faults).toEqual([
      expect.stringContaining(`line 1: the bcrypt hash of "alice" has cost ${written}, and 4 to 14 is taken`),
    ]);
    expect(users.size).toBe(0);
  });

  test.each([MIN_COST, 10, MAX_COST])('is not a cost of %d', (cost) => {
    expect(parseHtpasswd(`alice:${withCost(cost)}`).faults).toEqual([]);
    expect(costOf(withCost(cost))).toBe(cost);
  });

  test('is a user who is there twice; which line holds is not guessed', () => {
    expect(parseHtpasswd(`alice:${hash}\nbob:${hash}\nalice:${withCost(5)}\n`).faults).toEqual([
      'line 3: "alice" stands in line 1 already: remove one of the two',
    ]);
  });

  test.each<[string, string]>([
    ['a line without a colon', 'line 1: expected user:hash, and there is no colon'],
    [`:${hash}`, 'line 1: there is no user name before the colon'],
    [`${hash}:alice`, 'line 1: a hash stands where the user name belongs: expected user:hash'],
  ])('is %s, and nothing of it is quoted', (line, fault) => {
    expect(parseHtpasswd(line).faults).toEqual([fault]);
  });

  test.each(['al\x07ice', 'al\x7fice', 'al\u202eice\x1b', 'alice ', 'a'.repeat(256)])('is the name %j', (name) => {
    const { faults } = parseHtpasswd(`${name}:${hash}`);
    expect(faults).toEqual([expect.stringMatching(/^line 1: ".*" cannot be a user name: /)]);
    expect(faults[0]).toMatch(/^[ -~]+$/);
  });

  test('is counted, not told, from the 21st on', () => {
    const { faults } = parseHtpasswd('x\n'.repeat(1000));
    expect([faults.length, faults[19], faults[20]]).toEqual([
      21,
      expect.stringContaining('line 20: '),
      'and 980 more lines like these',
    ]);
  });

  test('is a file that is too large, or has too many users', () => {
    expect(parseHtpasswd('#'.repeat(MAX_HTPASSWD + 1)).faults).toEqual(['is larger than 1 MiB']);
    const lines = Array.from({ length: MAX_USERS + 1 }, (_, index) => `u${index}:${hash}`);
    expect(parseHtpasswd(lines.slice(1).join('\n')).faults).toEqual([]);
    expect(parseHtpasswd(lines.join('\n')).faults).toEqual(['has more than 10000 users']);
  });
});

test.each<[string, boolean]>([
  ['alice', true],
  ['alice@example.com', true],
  ['al ice', true],
  ['', false],
  ['a:b', false],
  ['#alice', false],
  [' alice', false],
  ['alice\n', false],
])('%j can be a user name: %s', (name, can) => {
  expect(isUserName(name)).toBe(can);
});
