import { basicLogin, isEmptyLogin, parseBasic } from '../../src/core/basic';

const encode = (text: string) => Buffer.from(text, 'latin1').toString('base64');

describe('a login', () => {
  test.each([
    ['alice', 'secret'],
    ['alice', 'with:colons::'],
    ['alice', ''],
    ['', 'secret'],
    ['zoë', 'пароль 密码'],
  ])('of %j with password %j is read as it was written', (username, password) => {
    expect(parseBasic(basicLogin({ username, password }))).toEqual({ username, password });
  });

  test.each([`basic ${encode('a:b')}`, `BASIC  ${encode('a:b')}`])('may be written %s', (field) => {
    expect(parseBasic(field)).toEqual({ username: 'a', password: 'b' });
  });

  test('keeps a mark that some programs put before a text', () => {
    expect(parseBasic(basicLogin({ username: '\ufeffa', password: 'b' }))?.username).toBe('\ufeffa');
  });
});

test.each<[string, boolean]>([
  [basicLogin({ username: '', password: '' }), true],
  [basicLogin({ username: 'a', password: '' }), false],
  [basicLogin({ username: '', password: 'b' }), false],
  ['Basic', false],
  ['Bearer Og==', false],
])('%s is a login of nobody: %s', (field, expected) => {
  expect(isEmptyLogin(field)).toBe(expected);
});

test.each([
  '',
  'Basic',
  'Basic ',
  `Bearer ${encode('a:b')}`,
  encode('a:b'),
  `Basic ${encode('no colon')}`,
  `Basic ${encode('a:b')} x`,
  `Basic ${encode('a:bb').replace(/=+$/, '')}`,
  `Basic ${encode('a:b')}=`,
  'Basic a-_b',
  'Basic *',
  `Basic ${encode('a:\xe4')}`,
])('%j is none', (field) => {
  expect(parseBasic(field)).toBeUndefined();
});
