import { randomBytes, randomUUID } from 'node:crypto';
import { hashSync } from 'bcryptjs';
import type { Identity } from '../../src/core/admission';
import { basicLogin } from '../../src/core/basic';
import { createPasswordChecker, MAX_WAITING } from '../../src/node/passwords';
import { MAX_FAILURES, MAX_NAMES } from '../../src/shell/attempts';
import { hmacOf, sha256Of } from '../../src/shell/digests';
import { tokenKey } from '../../src/shell/login-tokens';
import { hashPassword, makePassword } from '../../src/shell/made-passwords';
import { MAX_REMEMBERED, openUsers as openGate, REMEMBERED_TIME, Users } from '../../src/shell/users';

/** As ever, and what is hashed is noted down. */
jest.mock('../../src/shell/digests', () => {
  const actual = jest.requireActual('../../src/shell/digests');
  return { ...actual, hmacOf: jest.fn(actual.hmacOf), sha256Of: jest.fn(actual.sha256Of) };
});

const password = `${randomUUID()}:пароль`;
const hashes = new Map([
  ['alice', hashSync(password, 4)],
  ['zoë', hashSync(password, 5)],
  ['bot', hashSync(password, 5)],
]);
const key = tokenKey([randomUUID()]);
const WRONG = { kind: 'refused', why: 'wrong user name or password' };
const login = (username: string, secret = password) => basicLogin({ username, password: secret });

/** Users whose checks are noted down. */
function openUsers(map: ReadonlyMap<string, string> = hashes, by = key) {
  const checker = createPasswordChecker();
  const check = jest.spyOn(checker, 'check');
  const users = new Users(map, by, checker);
  opened.push(users);
  return { users, check };
}

const opened: Users[] = [];
afterEach(() => {
  jest.restoreAllMocks();
  for (const users of opened.splice(0)) users.close();
});

describe('a login', () => {
  test.each(['alice', 'zoë'])('of %s with the right password is known', async (name) => {
    expect(await openUsers().users.identify(login(name))).toEqual({ kind: 'user', name });
  });

  test.each<[string, string]>([
    ['a wrong password', login('alice', randomUUID())],
    ['no password', login('alice', '')],
    ['another user’s name', login('Alice')],
    ['a user that is not there', login('nobody')],
    ['no user', login('')],
    ['a name that nobody can have', login('#alice')],
    ['a password that is longer than bcrypt looks', login('alice', `${'x'.repeat(73)}`)],
  ])('with %s is refused, and never says what was wrong', async (_, authorization) => {
    expect(await openUsers().users.identify(authorization)).toEqual(WRONG);
  });

  test.each(['', 'Basic', 'Basic *', 'Digest a=b', 'Basic bm9jb2xvbg==', 'Bearer', 'Bearer a b'])(
    '%j is none',
    async (authorization) => {
      expect(await openUsers().users.identify(authorization)).toEqual({
        kind: 'refused',
        why: 'neither a login nor a token',
      });
    },
  );

  test('of an unknown user costs as much as that of most others', async () => {
    const { users, check } = openUsers();
    await users.identify(login('nobody'));
    await users.identify(login('somebody'));
    expect(check.mock.calls.map(([, hash]) => hash.slice(0, 7))).toEqual(['$2y$05$', '$2y$05$']);
    expect(await Promise.all(check.mock.results.map(({ value }) => value))).toEqual([false, false]);
    // One hash for all of them would make one check of the same password at many names, which is over too soon.
    expect(new Set(check.mock.calls.map(([, hash]) => hash)).size).toBe(2);
  });

  test('of an unknown user is wrong, whatever the check says', async () => {
    const { users, check } = openUsers();
    check.mockResolvedValue(true);
    expect(await users.identify(login('nobody'))).toEqual(WRONG);
    expect(await users.identify(login('alice'))).toEqual({ kind: 'user', name: 'alice' });
  });

  test('of anybody, where there are no users, is refused, and bcrypt is not asked', async () => {
    const { users, check } = openUsers(new Map());
    expect(await users.identify(login('alice'))).toEqual(WRONG);
    expect(check).not.toHaveBeenCalled();
  });
});

describe('a login with a password that was made', () => {
  const made = makePassword();
  const machines = new Map([
    ['ci', hashPassword(made)],
    ['cd', hashPassword(makePassword())],
  ]);

  test('is known without bcrypt, and others are refused', async () => {
    const users = new Users(machines, key);
    expect(await users.identify(login('ci', made))).toEqual({ kind: 'user', name: 'ci' });
    for (const [name, secret] of [
      ['ci', makePassword()],
      ['ci', made.toUpperCase()],
      ['ci', ''],
      ['cd', made],
      ['nobody', made],
    ]) {
      expect(await users.identify(login(name, secret))).toEqual(WRONG);
    }
  });

  test('is checked where it comes, so that nobody waits for what another request began', async () => {
    const users = new Users(machines, key);
    let identity: Identity | undefined;
    users.identify(login('ci', made)).then((found) => {
      identity = found;
    });
    // Without any turn of the event loop, and so without I/O.
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
    expect(identity).toEqual({ kind: 'user', name: 'ci' });
  });

  test('of an unknown user takes as much hashing as one of a user', async () => {
    const [digest, hmac] = [jest.mocked(sha256Of), jest.mocked(hmacOf)];
    const users = new Users(machines, key);
    await users.identify(login('somebody', makePassword()));
    const work = async (name: string) => {
      digest.mockClear();
      hmac.mockClear();
      expect(await users.identify(login(name, makePassword()))).toEqual(WRONG);
      return [digest.mock.calls.map(([data]) => data.length), hmac.mock.calls.map(([, text]) => text.length)];
    };
    const [digested, authenticated] = await work('ci');
    expect([digested.length, authenticated.length]).toEqual([1, 1]);
    expect(await work('no')).toEqual([digested, authenticated]);
  });

  test('is one of few tries, too, which locks nobody out who was here before', async () => {
    const users = new Users(machines, key);
    await users.identify(login('ci', made));
    for (let index = 0; index < MAX_FAILURES; index += 1) {
      for (const name of ['ci', 'nobody']) expect(await users.identify(login(name, makePassword()))).toEqual(WRONG);
    }
    for (const name of ['ci', 'nobody']) {
      expect((await users.identify(login(name, makePassword()))).kind).toBe('busy');
    }
    expect(await users.identify(login('ci', made))).toEqual({ kind: 'user', name: 'ci' });
    expect((await users.identify(login('cd', makePassword()))).kind).toBe('refused');
  });

  test('goes together with those that bcrypt checks: unknown users are like most', async () => {
    const { users, check } = openUsers(new Map([...machines, ...[...hashes].slice(0, 1)]));
    expect(await users.identify(login('ci', made))).toEqual({ kind: 'user', name: 'ci' });
    expect(await users.identify(login('nobody'))).toEqual(WRONG);
    expect(check).not.toHaveBeenCalled();
    expect(await users.identify(login('alice'))).toEqual({ kind: 'user', name: 'alice' });
    expect(check).toHaveBeenCalledTimes(1);
    const mostly = openUsers(new Map([...hashes, ...[...machines].slice(0, 1)]));
    expect(await mostly.users.identify(login('nobody'))).toEqual(WRONG);
    expect(mostly.check).toHaveBeenCalledTimes(1);
    expect(await mostly.users.identify(login('ci', made))).toEqual({ kind: 'user', name: 'ci' });
  });

  test('has tokens that are void with the next password', async () => {
    const token = new Users(machines, key).issue('ci', 60_000);
    expect(await new Users(machines, key).identify(`Bearer ${token}`)).toEqual({ kind: 'user', name: 'ci' });
    const renewed = new Users(new Map([['ci', hashPassword(makePassword())]]), key);
    expect((await renewed.identify(`Bearer ${token}`)).kind).toBe('refused');
  });
});

describe('the users of a gate', () => {
  const gate = { realm: '', users: hashes, anonymousPull: false, satisfy: 'all' } as const;

  test('know tokens of other instances with the same users and secret, and of no others', async () => {
    const secret = randomUUID();
    const token = openGate({ ...gate, secret }).issue('alice', 60_000);
    const gates = [{ ...gate, secret }, gate, { ...gate, secret: randomUUID() }];
    const found = await Promise.all(gates.map((each) => openGate(each).identify(`Bearer ${token}`)));
    expect(found.map(({ kind }) => kind)).toEqual(['user', 'refused', 'refused']);
  });

  test('are not let in by chance where bcrypt is not to be had', async () => {
    expect(await openGate(gate).identify(login('alice'))).toEqual({
      kind: 'busy',
      why: 'the password was not checked: bcrypt is not to be had here',
    });
  });
});

describe('a login that was right', () => {
  test('is remembered, so that it is checked once', async () => {
    const { users, check } = openUsers();
    for (let index = 0; index < 5; index += 1) {
      expect(await users.identify(login('alice'))).toEqual({ kind: 'user', name: 'alice' });
    }
    expect(check).toHaveBeenCalledTimes(1);
    expect(await users.identify(login('alice', 'x'))).toEqual(WRONG);
    expect(await users.identify(login('bot'))).toEqual({ kind: 'user', name: 'bot' });
    expect(check).toHaveBeenCalledTimes(3);
  });

  test('is checked again after a while', async () => {
    const { users, check } = openUsers();
    await users.identify(login('alice'));
    const now = performance.now();
    const clock = jest.spyOn(performance, 'now').mockReturnValue(now + REMEMBERED_TIME - 1000);
    await users.identify(login('alice'));
    expect(check).toHaveBeenCalledTimes(1);
    clock.mockReturnValue(now + REMEMBERED_TIME + 1000);
    expect(await users.identify(login('alice'))).toEqual({ kind: 'user', name: 'alice' });
    expect(check).toHaveBeenCalledTimes(2);
  });

  test('makes room for newer ones', async () => {
    const names = Array.from({ length: MAX_REMEMBERED + 1 }, (_, index) => `user${index}`);
    const { users, check } = openUsers(new Map(names.map((name) => [name, hashes.get('alice') as string])));
    check.mockResolvedValue(true);
    for (const name of names) await users.identify(login(name));
    check.mockClear();
    await users.identify(login(names[MAX_REMEMBERED]));
    await users.identify(login(names[1]));
    expect(check).not.toHaveBeenCalled();
    await users.identify(login(names[0]));
    expect(check).toHaveBeenCalledTimes(1);
  });

  test('comes a hundred times at once, and is checked once', async () => {
    const { users, check } = openUsers();
    const all = await Promise.all(Array.from({ length: 100 }, () => users.identify(login('alice'))));
    expect(new Set(all.map(({ kind }) => kind))).toEqual(new Set(['user']));
    expect(check).toHaveBeenCalledTimes(1);
  });
});

describe('guessing', () => {
  const BUSY = { kind: 'busy', why: 'too many failed logins of this user' };
  const guess = (users: Users, name: string) => users.identify(login(name, randomUUID()));
  const exhaust = async (users: Users, name: string) => {
    for (let index = 0; index < MAX_FAILURES; index += 1) expect(await guess(users, name)).toEqual(WRONG);
    expect(await guess(users, name)).toEqual(BUSY);
  };

  test.each(['alice', 'nobody'])('at %s ends after ten tries, and goes on in the next minute', async (name) => {
    const { users } = openUsers();
    await exhaust(users, name);
    const now = performance.now();
    jest.spyOn(performance, 'now').mockReturnValue(now + 60_001);
    expect(await guess(users, name)).toEqual(WRONG);
  });

  test('goes no further by many tries at once', async () => {
    const { users } = openUsers();
    const all = await Promise.all(Array.from({ length: 50 }, () => guess(users, 'alice')));
    expect(all.filter(({ kind }) => kind === 'refused')).toHaveLength(MAX_FAILURES);
    expect(all.filter(({ kind }) => kind === 'busy')).toHaveLength(50 - MAX_FAILURES);
  });

  test('is not forgotten for names that somebody made up', async () => {
    const { users, check } = openUsers();
    check.mockResolvedValue(false);
    await exhaust(users, 'alice');
    await exhaust(users, 'nobody');
    for (let index = 0; index < MAX_NAMES; index += 1) await users.identify(login(`nobody${index}`));
    expect(await guess(users, 'alice')).toEqual(BUSY);
    expect(await guess(users, 'nobody')).toEqual(WRONG);
  });

  test('at one user locks out no other', async () => {
    const { users } = openUsers();
    await exhaust(users, 'alice');
    expect(await users.identify(login('bot'))).toEqual({ kind: 'user', name: 'bot' });
  });

  test('locks nobody out who was here before, also not later', async () => {
    const { users, check } = openUsers();
    await users.identify(login('alice'));
    await exhaust(users, 'alice');
    expect(await users.identify(login('alice'))).toEqual({ kind: 'user', name: 'alice' });
    const now = performance.now();
    jest.spyOn(performance, 'now').mockReturnValue(now + REMEMBERED_TIME + 1);
    for (let index = 0; index <= MAX_FAILURES; index += 1) await guess(users, 'alice');
    check.mockClear();
    expect(await users.identify(login('alice'))).toEqual({ kind: 'user', name: 'alice' });
    expect(check).toHaveBeenCalledTimes(1);
  });

  test('is not what a client does that repeats a wrong password: it is checked once, and counted once', async () => {
    const { users, check } = openUsers();
    const stale = login('alice', randomUUID());
    for (let index = 0; index < 3 * MAX_FAILURES; index += 1) expect(await users.identify(stale)).toEqual(WRONG);
    expect(check).toHaveBeenCalledTimes(1);
    expect(await users.identify(login('alice'))).toEqual({ kind: 'user', name: 'alice' });
    const now = performance.now();
    jest.spyOn(performance, 'now').mockReturnValue(now + 60_001);
    expect(await users.identify(stale)).toEqual(WRONG);
    expect(check).toHaveBeenCalledTimes(3);
  });

  test('is not what right logins do', async () => {
    const { users } = openUsers();
    for (let index = 0; index < MAX_FAILURES - 1; index += 1) await guess(users, 'alice');
    expect((await users.identify(login('alice'))).kind).toBe('user');
    expect(await guess(users, 'alice')).toEqual(WRONG);
    expect(await guess(users, 'alice')).toEqual(BUSY);
  });
});

describe('too much to do', () => {
  test('is said, and costs nobody a try', async () => {
    const { users } = openUsers();
    const flood = Array.from({ length: MAX_WAITING + 20 }, (_, index) => users.identify(login(`u${index}`)));
    for (let index = 0; index < 2 * MAX_FAILURES; index += 1) {
      expect(await users.identify(login('bot', randomUUID()))).toEqual({
        kind: 'busy',
        why: 'the password was not checked: too many wait already',
      });
    }
    await Promise.all(flood);
    expect(await users.identify(login('bot'))).toEqual({ kind: 'user', name: 'bot' });
  });

  test('is also said where a check breaks off', async () => {
    const { users, check } = openUsers();
    check.mockRejectedValueOnce(new Error('the worker ended'));
    expect(await users.identify(login('alice'))).toEqual({
      kind: 'busy',
      why: 'the password was not checked: the worker ended',
    });
    expect(await users.identify(login('alice'))).toEqual({ kind: 'user', name: 'alice' });
  });
});

describe('a token', () => {
  test.each(['alice', 'zoë'])('of %s is known by every instance with the same key, without a check', async (name) => {
    const token = openUsers().users.issue(name, 60_000);
    const { users, check } = openUsers();
    expect(await users.identify(`Bearer ${token}`)).toEqual({ kind: 'user', name });
    expect(await users.identify(`bearer  ${token}`)).toEqual({ kind: 'user', name });
    expect(check).not.toHaveBeenCalled();
  });

  test('may be for somebody without a login', async () => {
    const { users } = openUsers();
    expect(await users.identify(`Bearer ${users.issue(undefined, 60_000)}`)).toEqual({ kind: 'anonymous' });
  });

  test('is refused once it has expired', async () => {
    const { users } = openUsers();
    const token = users.issue('alice', 60_000);
    const now = Date.now();
    jest.spyOn(Date, 'now').mockReturnValue(now + 60_000);
    expect(await users.identify(`Bearer ${token}`)).toEqual({ kind: 'refused', why: 'the token has expired' });
  });

  test.each<[string, ReadonlyMap<string, string>, Uint8Array]>([
    ['its user is gone', new Map([...hashes].slice(1)), key],
    ['its user has another password', new Map([['alice', hashSync(randomUUID(), 4)]]), key],
    ['the key is another', hashes, randomBytes(32)],
  ])('is refused where %s', async (_, map, by) => {
    const token = openUsers().users.issue('alice', 60_000);
    expect(await openUsers(map, by).users.identify(`Bearer ${token}`)).toEqual({
      kind: 'refused',
      why: 'not a token of this proxy, or of a user who is gone or has another password',
    });
  });

  test('is not given to a user that does not exist', () => {
    expect(() => openUsers().users.issue('nobody', 60_000)).toThrow('no token for a user that does not exist');
  });
});
