import { bearerChallenge, learnRealm, ownChallenges, type Realms } from '../../src/core/realm';
import { configOf, fields } from './heads';

describe('the first usable Bearer challenge', () => {
  test.each<[string[], string | undefined]>([
    [['Bearer realm="https://r/t",service="s"'], '/t'],
    [['Basic realm="x"', 'bearer realm="https://r/t"'], '/t'],
    [['Basic realm="x", Bearer realm="https://r/t"'], '/t'],
    [['Bearer realm="/relative"', 'Bearer realm="https://r/second"'], '/second'],
    [['Bearer service="s"'], undefined],
    [['Bearer realm="ftp://r/t"'], undefined],
    [['Bearer realm="https://user:pw@r/t"'], undefined],
    [['Bearer realm=""'], undefined],
    [['Basic realm="https://r/t"'], undefined],
    [['nonsense'], undefined],
    [[], undefined],
  ])('of %j', (lines, path) => {
    expect(bearerChallenge(fields({ 'www-authenticate': lines }))?.realm.url.path).toBe(path);
  });
});

test('a realm is learned with its service, and the latest one counts', () => {
  const { upstreams } = configOf();
  const realms: Realms = new Map();
  expect(learnRealm([], upstreams[0], realms)).toBeUndefined();
  expect(realms.size).toBe(0);
  learnRealm(fields({ 'www-authenticate': 'Bearer realm="https://r/one?a=b",service="s"' }), upstreams[0], realms);
  expect(realms.get('registry.example.com')).toMatchObject({ url: { path: '/one', query: '?a=b' }, service: 's' });
  learnRealm(fields({ 'www-authenticate': 'Bearer realm="https://r/two"' }), upstreams[0], realms);
  expect(realms.get('registry.example.com')).toMatchObject({ url: { path: '/two' }, service: undefined });
});

describe('a challenge of ours', () => {
  test.each<[string[], string[]]>([
    [
      ['Bearer realm="https://r/t",service="s",scope="repository:a:pull,push"'],
      ['Bearer realm="https://us/token",service="us",scope="repository:a:pull,push"'],
    ],
    [['Bearer scope="a",realm=https://r/t'], ['Bearer realm="https://us/token",service="us",scope="a"']],
    [
      ['Bearer realm="https://r/t",error="invalid_token",x="y"'],
      ['Bearer realm="https://us/token",service="us",error="invalid_token",x="y"'],
    ],
    [['bearer realm="https://r/t"'], ['bearer realm="https://us/token",service="us"']],
    // two in a line become two lines: containerd takes one from each
    [
      ['Basic realm="x", Bearer realm="https://r/t"'],
      ['Basic realm="x"', 'Bearer realm="https://us/token",service="us"'],
    ],
    [
      ['Bearer realm="https://r/t"', 'Bearer realm="https://q/u",scope="b"'],
      ['Bearer realm="https://us/token",service="us"', 'Bearer realm="https://us/token",service="us",scope="b"'],
    ],
    // not ours to change
    [['Basic realm="x"'], ['Basic realm="x"']],
    [['Negotiate abc='], ['Negotiate abc=']],
    [['Bearer'], ['Bearer']],
    [['"nonsense'], ['"nonsense']],
    [[], []],
    // two realms in one challenge: neither of theirs is left
    [['Bearer realm="https://r/t",realm="https://q/u"'], ['Bearer realm="https://us/token",service="us"']],
  ])('%j', (lines, expected) => {
    expect(ownChallenges(lines, 'https://us/token', 'us')).toEqual(expected);
  });
});
