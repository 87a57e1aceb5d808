import fc from 'fast-check';
import { type Challenge, parameterOf, parseChallenges, printChallenge } from '../../src/core/challenge';

const bearer = (...parameters: [string, string][]): Challenge => ({ scheme: 'Bearer', parameters });

describe('a challenge as registries write it', () => {
  test.each<[string, Challenge[]]>([
    [
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull"',
      [
        bearer(
          ['realm', 'https://auth.docker.io/token'],
          ['service', 'registry.docker.io'],
          ['scope', 'repository:library/nginx:pull'],
        ),
      ],
    ],
    // commas in a scope, an error beside it
    [
      'Bearer realm="https://r/t",scope="repository:a/b:pull,push",error="invalid_token"',
      [bearer(['realm', 'https://r/t'], ['scope', 'repository:a/b:pull,push'], ['error', 'invalid_token'])],
    ],
    // no quotes
    ['Bearer realm=https://r/t,service=r', [bearer(['realm', 'https://r/t'], ['service', 'r'])]],
    ['Bearer realm=https://r/t?a=b&c=d', [bearer(['realm', 'https://r/t?a=b&c=d'])]],
    // spaces for commas, around equal signs, none after commas
    ['Bearer realm="x" service="y"', [bearer(['realm', 'x'], ['service', 'y'])]],
    ['Bearer realm = "x" ,\tservice= "y"', [bearer(['realm', 'x'], ['service', 'y'])]],
    ['Bearer   realm="x",,service="y",', [bearer(['realm', 'x'], ['service', 'y'])]],
    [',, Bearer realm="x"', [bearer(['realm', 'x'])]],
    // any case of names; schemes stay as written
    [
      'bearer Realm="X",SERVICE="y"',
      [
        {
          scheme: 'bearer',
          parameters: [
            ['realm', 'X'],
            ['service', 'y'],
          ],
        },
      ],
    ],
    // two in one line
    [
      'Basic realm="a, b", Bearer realm="https://r/t",service="s"',
      [{ scheme: 'Basic', parameters: [['realm', 'a, b']] }, bearer(['realm', 'https://r/t'], ['service', 's'])],
    ],
    ['Bearer realm="x", Basic', [bearer(['realm', 'x']), { scheme: 'Basic', parameters: [] }]],
    [
      'Negotiate, Basic realm="x"',
      [
        { scheme: 'Negotiate', parameters: [] },
        { scheme: 'Basic', parameters: [['realm', 'x']] },
      ],
    ],
    // token68
    ['Negotiate YWJj+/==', [{ scheme: 'Negotiate', parameters: [], token68: 'YWJj+/==' }]],
    [
      'Negotiate YWJj==, Bearer realm="x"',
      [{ scheme: 'Negotiate', parameters: [], token68: 'YWJj==' }, bearer(['realm', 'x'])],
    ],
    // escapes
    ['Basic realm="say \\"hi\\" \\\\ \\x"', [{ scheme: 'Basic', parameters: [['realm', 'say "hi" \\ x']] }]],
    ['Basic realm=""', [{ scheme: 'Basic', parameters: [['realm', '']] }]],
    // a missing end quote loses the rest of the line and no more
    ['Bearer realm="https://r/t', [bearer(['realm', 'https://r/t'])]],
    ['Bearer service="s",realm="https://r/t', [bearer(['service', 's'], ['realm', 'https://r/t'])]],
    // nothing at all
    ['', []],
    ['   ', []],
    [',,,', []],
    ['"', []],
    ['"Bearer realm=x"', []],
    ['Bearer', [{ scheme: 'Bearer', parameters: [] }]],
  ])('%s', (field, expected) => {
    expect(parseChallenges(field)).toEqual(expected);
  });

  test('what cannot be read is left out, and what follows is not', () => {
    expect(parseChallenges('"???", Bearer realm="x"')).toEqual([bearer(['realm', 'x'])]);
    expect(parseChallenges('@@@, Bearer realm="x"')).toEqual([bearer(['realm', 'x'])]);
  });

  test('the first of two parameters of one name counts', () => {
    const [challenge] = parseChallenges('Bearer realm="one",realm="two"');
    expect(parameterOf(challenge, 'realm')).toBe('one');
    expect(parameterOf(challenge, 'service')).toBeUndefined();
  });

  test('a field longer than any registry sends is read to 16 KiB', () => {
    expect(
      parseChallenges(`Bearer realm="x",pad="${'a'.repeat(20_000)}",service="y"`)[0].parameters.map(([name]) => name),
    ).toEqual(['realm', 'pad']);
  });
});

describe('printing', () => {
  test.each<[Challenge, string]>([
    [bearer(['realm', 'https://r/t'], ['scope', 'a:b:pull,push']), 'Bearer realm="https://r/t",scope="a:b:pull,push"'],
    [{ scheme: 'Basic', parameters: [['realm', 'a "b" \\']] }, 'Basic realm="a \\"b\\" \\\\"'],
    [{ scheme: 'Negotiate', parameters: [], token68: 'abc=' }, 'Negotiate abc='],
    [{ scheme: 'Negotiate', parameters: [] }, 'Negotiate'],
  ])('%j', (challenge, expected) => {
    expect(printChallenge(challenge)).toBe(expected);
  });
});

describe('whatever a registry sends', () => {
  const token = fc.string({ unit: fc.constantFrom(...'abcXYZ019-_.~!'), minLength: 1, maxLength: 12 });
  const text = fc.string({ unit: fc.constantFrom(...' ,="\\\tabc:/?&%{}é'), maxLength: 30 });
  const parameters = fc.array(
    fc.tuple(
      token.map((name) => name.toLowerCase()),
      text,
    ),
    { minLength: 1, maxLength: 5 },
  );
  const challenge = fc.record({ scheme: token, parameters });

  test('a printed challenge is read back, alone and among others', () => {
    fc.assert(
      fc.property(fc.array(challenge, { minLength: 1, maxLength: 4 }), (challenges) => {
        expect(parseChallenges(challenges.map(printChallenge).join(', '))).toEqual(challenges);
      }),
    );
  });

  test('reading never throws, and printing what was read is read the same again', () => {
    const ugly = fc.string({ unit: fc.constantFrom(...'aB =",\\\t~/:;@"é'), maxLength: 60 });
    fc.assert(
      fc.property(fc.oneof(ugly, fc.string()), (field) => {
        for (const read of parseChallenges(field).filter(({ token68 }) => token68 === undefined)) {
          expect(parseChallenges(printChallenge(read))).toEqual([read]);
        }
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ['quotes', (n: number) => 'Bearer '.concat('a="'.repeat(n))],
    ['backslashes', (n: number) => `Bearer a="${'\\'.repeat(n)}`],
    ['escaped quotes', (n: number) => `Bearer a="${'\\"'.repeat(n)}`],
    ['schemes', (n: number) => 'a '.repeat(n)],
    ['commas', (n: number) => `Bearer a=b${','.repeat(n)}`],
    ['spaces', (n: number) => `Bearer${' '.repeat(n)}x${' '.repeat(n)}`],
    ['token68 that is none', (n: number) => `Bearer ${'a'.repeat(n)}${'='.repeat(n)}!`],
    ['names without values', (n: number) => 'Bearer '.concat('a=,'.repeat(n))],
    ['half parameters', (n: number) => 'Bearer '.concat('a = '.repeat(n))],
    ['spaces between names', (n: number) => 'Bearer '.concat(`a${' '.repeat(50)}`.repeat(n / 50))],
  ])('a whole field of %s is read at once', (_, make) => {
    const field = make(16_000);
    // Time of a processor, since a busy machine takes any time of the clock.
    const start = process.cpuUsage();
    parseChallenges(field);
    expect(process.cpuUsage(start).user).toBeLessThan(200_000);
  });
});
