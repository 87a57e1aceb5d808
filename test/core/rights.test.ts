import fc from 'fast-check';
import { type AccessRule, type Action, mayDo, parseAccess, type Who } from '../../src/core/rights';

const ALICE: Who = { kind: 'user', name: 'alice' };
const BOB: Who = { kind: 'user', name: 'bob' };
const EVE: Who = { kind: 'user', name: 'eve' };
const GUEST: Who = { kind: 'guest' };
const ANONYMOUS: Who = { kind: 'anonymous' };

function rules(text: string): readonly AccessRule[] {
  const parsed = parseAccess(text);
  expect(parsed.faults).toBeUndefined();
  return parsed.rules as readonly AccessRule[];
}

/** The actions somebody has on an image, written as `registry/repository`. */
function rights(text: string | undefined, who: Who, image: string): string {
  const slash = image.indexOf('/');
  const all: Action[] = ['pull', 'push', 'delete'];
  const access = text === undefined ? undefined : rules(text);
  return all
    .filter((action) => mayDo(access, who, action, image.slice(0, slash), image.slice(slash + 1), 'docker.io'))
    .join(' ');
}

const EXAMPLE =
  'alice: pull,push team/**; bob,carol: pull ghcr.io/acme/**; *: pull quay.io/**; anonymous: pull docker.io/library/*';

describe('ACCESS', () => {
  test.each<[Who, string, string]>([
    [ALICE, 'docker.io/team/app', 'pull push'],
    [ALICE, 'docker.io/team/a/b', 'pull push'],
    [ALICE, 'ghcr.io/team/app', ''],
    [ALICE, 'ghcr.io/acme/app', ''],
    [ALICE, 'quay.io/app', 'pull'],
    [ALICE, 'docker.io/library/nginx', 'pull'],
    [BOB, 'ghcr.io/acme/app', 'pull'],
    [BOB, 'docker.io/team/app', ''],
    [EVE, 'quay.io/app', 'pull'],
    [EVE, 'ghcr.io/acme/app', ''],
    [GUEST, 'quay.io/app', 'pull'],
    [GUEST, 'docker.io/team/app', ''],
    [GUEST, 'docker.io/library/nginx', 'pull'],
    [ANONYMOUS, 'docker.io/library/nginx', 'pull'],
    [ANONYMOUS, 'docker.io/nginx', 'pull'],
    [ANONYMOUS, 'quay.io/app', ''],
    [ANONYMOUS, 'docker.io/team/app', ''],
  ])('%j has on %s: %s', (who, image, expected) => {
    expect(rights(EXAMPLE, who, image)).toBe(expected);
  });

  test.each<[string, Who, string]>([
    ['alice: pull **', ALICE, 'pull'],
    ['alice: push **', ALICE, 'pull push'],
    ['alice: delete **', ALICE, 'delete'],
    ['alice: push,delete **', ALICE, 'pull push delete'],
    ['alice: all **', ALICE, 'pull push delete'],
    ['alice: ALL **', ALICE, 'pull push delete'],
    ['alice: all **', BOB, ''],
    ['alice: all **', { kind: 'user', name: 'Alice' }, ''],
    ['*: all **', BOB, 'pull push delete'],
    // somebody without a name writes nothing
    ['*: all **', GUEST, 'pull'],
    ['*: all **', ANONYMOUS, ''],
    ['anonymous: pull **', ANONYMOUS, 'pull'],
    ['anonymous: pull **', ALICE, 'pull'],
    // no user can take these names
    ['alice: all **', { kind: 'user', name: '*' }, ''],
    ['alice: pull **; alice: push team/*', ALICE, 'pull push'],
    ['alice: pull other/*', ALICE, ''],
  ])('%s gives %j on docker.io/team/app: %s', (text, who, expected) => {
    expect(rights(text, who, 'docker.io/team/app')).toBe(expected);
  });

  test.each<[Who, string]>([
    [ALICE, 'pull'],
    [GUEST, 'pull'],
    [ANONYMOUS, ''],
  ])('without it %j has: %s', (who, expected) => {
    expect(rights(undefined, who, 'ghcr.io/any/thing')).toBe(expected);
  });

  test.each([
    ['alice:pull team/app', 1, ['alice'], ['pull'], ['team/app']],
    [
      ' alice , bob : pull , push  team/* , ghcr.io/x/**  nginx ; ',
      1,
      ['alice', 'bob'],
      ['pull', 'push'],
      ['team/*', 'ghcr.io/x/**', 'nginx'],
    ],
    ['a: pull x\n\nb: push y\r\nc: all z', 3, ['a'], ['pull'], ['x']],
    ['me@example.com: pull x', 1, ['me@example.com'], ['pull'], ['x']],
    ['_json_key: push localhost:5000/x', 1, ['_json_key'], ['pull', 'push'], ['localhost:5000/x']],
    ['用户: pull x', 1, ['用户'], ['pull'], ['x']],
  ])('%j is read', (text, count, who, actions, patterns) => {
    const [first, ...others] = rules(text);
    expect(others).toHaveLength(count - 1);
    expect([first?.who, first?.actions, first?.patterns.map(({ text: each }) => each)]).toEqual([
      who,
      actions,
      patterns,
    ]);
  });
});

describe('a fault', () => {
  test.each([
    ['', '', 'expected rules such as'],
    [' ; ', ' ; ', 'expected rules such as'],
    ['alice', 'alice', 'expected rules such as'],
    ['alice pull team/*', 'alice pull team/*', 'expected rules such as'],
    ['alice: pull', 'alice: pull', 'expected rules such as'],
    ['alice: team/*', 'alice: team/*', 'expected rules such as'],
    [': pull x', ': pull x', 'expected rules such as'],
    ['alice: pull ,', 'alice: pull ,', 'it names no repository'],
    ['alice: read team/*', 'alice: read team/*', '"read" is none of'],
    ['alice,: pull x', 'alice,: pull x', '"" is no user name'],
    ['al ice: pull x', 'al ice: pull x', '"al ice" is no user name'],
    ['alice: pull ghcr.io', 'alice: pull ghcr.io', '"ghcr.io": expected repositories'],
    ['alice: pull Team/app', 'alice: pull Team/app', '"Team/app": expected'],
    ['alice: pull nginx:latest', 'alice: pull nginx:latest', '"nginx:latest": expected'],
    ['anonymous: push **', 'anonymous: push **', 'anonymous may pull and nothing else'],
    ['alice, anonymous: all **', 'alice, anonymous: all **', 'anonymous may pull and nothing else'],
    ['a: pull x; b: look y; c: pull z', 'b: look y', '"look" is none of'],
  ])('in %j is named with its rule', (text, rule, why) => {
    const { faults } = parseAccess(text);
    expect(faults).toEqual([{ rule, why: expect.stringContaining(why) }]);
  });

  test('comes with all others', () => {
    const { faults } = parseAccess('a: look x:1; b c: pull Y; d');
    expect(faults?.map(({ rule }) => rule)).toEqual(['a: look x:1', 'a: look x:1', 'b c: pull Y', 'b c: pull Y', 'd']);
  });
});

describe('rights', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', ':', ',', ';', '*', ' ', '\n', '/', '.'), maxLength: 60 });

  test('are read without an exception, whatever is written', () => {
    fc.assert(
      fc.property(fc.oneof(word, fc.string()), (text) => {
        const parsed = parseAccess(text);
        expect(parsed.rules === undefined).toBe((parsed.faults ?? []).length > 0);
      }),
    );
  });

  test('grow with every rule, and nobody without a name ever writes', () => {
    const lines = [
      'alice: push team/*',
      '*: all **',
      'bob: delete x/**',
      'anonymous: pull **',
      'bob,alice: pull nginx',
    ];
    const who = fc.constantFrom(ALICE, BOB, EVE, GUEST, ANONYMOUS);
    const image = fc.constantFrom('docker.io/team/app', 'docker.io/library/nginx', 'ghcr.io/x/y', 'docker.io/x/y');
    fc.assert(
      fc.property(
        fc.subarray(lines, { minLength: 1 }),
        fc.constantFrom(...lines),
        who,
        image,
        (some, more, person, at) => {
          const before = rights(some.join(';'), person, at).split(' ').filter(Boolean);
          const after = rights([...some, more].join('\n'), person, at)
            .split(' ')
            .filter(Boolean);
          expect(after).toEqual(expect.arrayContaining(before));
          if (person.kind !== 'user') expect(after.filter((action) => action !== 'pull')).toEqual([]);
        },
      ),
    );
  });
});
