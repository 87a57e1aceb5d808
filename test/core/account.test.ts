import { randomUUID } from 'node:crypto';
import { accountId, headerAccount, parseAccounts } from '../../src/core/account';
import { basicLogin } from '../../src/core/basic';

const login = (username: string, password: string) => ({ kind: 'login' as const, username, password });

test('AUTH_HEADER is a login where it is one, and else goes as it is', () => {
  expect(headerAccount(basicLogin(login('a', 'b')))).toEqual(login('a', 'b'));
  expect(headerAccount(' Bearer x ')).toEqual({ kind: 'header', value: 'Bearer x' });
});

test.each(['a', 'a:', ':b', 'a:b,c', 'a:b,:'])('"%s" is no list of accounts', (text) => {
  expect(parseAccounts(text)).toBeUndefined();
});

test('the name of an account in memory holds no secret, and tells accounts apart', () => {
  const secret = randomUUID();
  const ids = [undefined, login('a', secret), login('b', secret), headerAccount(`Bearer ${secret}`)].map(accountId);
  expect(new Set(ids).size).toBe(4);
  expect(ids.join()).not.toContain(secret);
});
