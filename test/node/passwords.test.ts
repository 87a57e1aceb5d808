import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { compareSync, hashSync } from 'bcryptjs';
import { createPasswordChecker, MAX_PASSWORD_BYTES, MAX_WAITING, passwordFault } from '../../src/node/passwords';
import { BusyError } from '../../src/node/worker-pool';
import { ask } from '../upstream/client';

let checker: ReturnType<typeof createPasswordChecker>;
const password = randomUUID();
const hash = hashSync(password, 4);

beforeEach(() => {
  checker = createPasswordChecker();
});

afterEach(() => checker.close());

describe('a password', () => {
  test.each(['2a', '2b', '2y'])('is told from others by a hash that begins with $%s$', async (prefix) => {
    const other = hash.replace('2b', prefix);
    expect(await checker.check(password, other)).toBe(true);
    expect(await checker.check(`${password}x`, other)).toBe(false);
    expect(await checker.check(randomUUID(), other)).toBe(false);
  });

  test.each(['пароль 密码 🔑', ' with blanks ', 'with:colon', '\ufeffmarked'])('may be %j', async (text) => {
    expect(await checker.check(text, hashSync(text, 4))).toBe(true);
    expect(await checker.check(text, await checker.make(text, 4))).toBe(true);
  });

  test('is made to a hash that other programs know', async () => {
    const made = await checker.make(password, 5);
    expect(made).toMatch(/^\$2y\$05\$[./A-Za-z0-9]{53}$/);
    expect(compareSync(password, made)).toBe(true);
    expect(await checker.make(password, 5)).not.toBe(made);
  });

  test('of 72 bytes is whole; a longer one is never taken for its beginning', async () => {
    const longest = randomBytes(MAX_PASSWORD_BYTES / 2).toString('hex');
    const whole = hashSync(longest, 4);
    expect(compareSync(`${longest}x`, whole)).toBe(true);
    expect(await checker.check(longest, whole)).toBe(true);
    expect(await checker.check(`${longest}x`, whole)).toBe(false);
  });

  test.each<[string, string | undefined]>([
    ['x'.repeat(72), undefined],
    ['x'.repeat(73), 'is longer than 72 bytes, of which bcrypt would ignore the rest'],
    [`${'x'.repeat(71)}é`, 'is longer than 72 bytes, of which bcrypt would ignore the rest'],
    ['', 'is empty'],
    ['a\0b', 'holds a control character, which no login can carry'],
    ['a\x7f', 'holds a control character, which no login can carry'],
  ])('%j has the fault: %s', async (text, fault) => {
    expect(passwordFault(text)).toBe(fault);
    if (fault !== undefined) expect(await checker.check(text, hashSync(text, 4))).toBe(false);
  });

  test('is not found out by a hash that bcrypt does not know, and the error is silent about it', async () => {
    const secret = `$9$${randomUUID()}${randomUUID()}`.slice(0, 60);
    const error = await checker.check(password, secret.padEnd(60, 'x')).catch((reason: Error) => reason);
    expect(String(error)).toBe('Error: bcrypt cannot work with what it was given');
    expect(await checker.check(password, hash)).toBe(true);
  });
});

describe('many checks at once', () => {
  test('leave the event loop free: requests are answered between them', async () => {
    const server = createServer((_, res) => res.end('here')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    let [turns, answered, isOver] = [0, 0, false];
    const spin = () => {
      turns += 1;
      if (!isOver) setImmediate(spin);
    };
    spin();
    const asking = (async () => {
      while (!isOver) answered += (await ask(url)).text === 'here' ? 1 : 0;
    })();
    const checks = Array.from({ length: 100 }, (_, index) => checker.check(`${password}${index || ''}`, hash));
    const verdicts = await Promise.all(checks);
    isOver = true;
    await asking;
    server.close();
    expect(verdicts).toEqual([true, ...Array(99).fill(false)]);
    // On this thread they are over after 3 turns, before any request is answered.
    expect(turns).toBeGreaterThan(100);
    expect(answered).toBeGreaterThan(5);
  });

  test('are one, where they are the same', async () => {
    const same = Array.from({ length: 3 * MAX_WAITING }, () => checker.check(password, hash));
    expect(new Set(await Promise.all(same))).toEqual(new Set([true]));
    expect(await checker.check(password, hash)).toBe(true);
  });

  test('are refused beyond a bound, and taken again after that', async () => {
    const all = Array.from({ length: MAX_WAITING + 10 }, (_, index) => checker.check(`${index}`, hash));
    const outcomes = await Promise.allSettled(all);
    const refused = outcomes.filter(({ status }) => status === 'rejected');
    expect(refused.length).toBeGreaterThanOrEqual(8);
    expect(refused.every((outcome) => 'reason' in outcome && outcome.reason instanceof BusyError)).toBe(true);
    expect(outcomes[0]).toEqual({ status: 'fulfilled', value: false });
    expect(await checker.check(password, hash)).toBe(true);
  });
});
