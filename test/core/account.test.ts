import { randomUUID } from 'node:crypto';
import { accountId, basicLogin, headerAccount, parseAccounts, readBasic } from '../../src/core/account';

const login = (username: string, password: string) => ({ kind: 'login' as const, username, password });

test.each([
  ['alice', 'secret'],
  ['_json_key', '{"a": "b:c"}\n'],
  ['müller', 'pässwörd:7'],
  ['', ''],
])('the login of %s goes through a Basic field and back', (username, password) => {
  expect(readBasic(basicLogin(login(username, password)))).toEqual(login(username, password));
});

test.each(['', 'Basic', 'Basic ', 'Basic !!!', 'Bearer abc', 'Basic YWxpY2U=', 'Basic /////w=='])(
  '"%s" is no login',
  (value) => {
    expect(readBasic(value)).toBeUndefined();
  },
);

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
