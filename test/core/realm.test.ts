import { bearerChallenge, learnRealm, ownChallenges, type Realms, upstreamChallenge } from '../../src/core/realm';
import { hrefOf } from '../../src/core/url';
import { configOf, fields, response } from './heads';

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
  expect(learnRealm(response(200), upstreams[0], realms)).toBeUndefined();
  expect(realms.size).toBe(0);
  learnRealm(
    response(401, { 'www-authenticate': 'Bearer realm="https://r/one?a=b",service="s"' }),
    upstreams[0],
    realms,
  );
  expect(realms.get('registry.example.com')).toMatchObject({ url: { path: '/one', query: '?a=b' }, service: 's' });
  learnRealm(response(401, { 'www-authenticate': 'Bearer realm="https://r/two"' }), upstreams[0], realms);
  expect(realms.get('registry.example.com')).toMatchObject({ url: { path: '/two' }, service: undefined });
});

describe('where the operator has named a token server', () => {
  const upstreamOf = (tokenServer: string) =>
    configOf({ REGISTRIES: JSON.stringify({ 'r.test': { tokenServer } }) }).upstreams[1];
  const NAMED = 'https://named.test/token';

  test.each<[string, number, string[], string | undefined, string | undefined]>([
    [NAMED, 401, ['Bearer realm="https://other.test/t?a=b",service="s",scope="x"'], NAMED, 's'],
    [NAMED, 401, ['Bearer service="s"'], NAMED, 's'],
    [NAMED, 401, ['Basic realm="x"'], NAMED, undefined],
    [NAMED, 401, [], NAMED, undefined],
    [NAMED, 200, [], NAMED, undefined],
    [`${NAMED}?service=own&x=y`, 401, ['Bearer realm="https://other.test/t",service="s"'], `${NAMED}?x=y`, 'own'],
    // it says nothing of tokens
    [NAMED, 503, [], undefined, undefined],
    [NAMED, 404, [], undefined, undefined],
    [NAMED, 429, ['Bearer realm="https://other.test/t",service="s"'], NAMED, 's'],
  ])('%s, %d with %j', (tokenServer, status, lines, href, service) => {
    const found = upstreamChallenge(response(status, { 'www-authenticate': lines }), upstreamOf(tokenServer));
    expect([found && hrefOf(found.realm.url), found?.realm.service]).toEqual([href, service]);
  });

  test('the scope is still that of the challenge', () => {
    const head = response(401, { 'www-authenticate': 'Bearer realm="https://other.test/t",scope="x"' });
    expect(upstreamChallenge(head, upstreamOf(NAMED))?.challenge.parameters).toContainEqual(['scope', 'x']);
  });
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
