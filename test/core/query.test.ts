import fc from 'fast-check';
import { editParameter, joinQueries, printQuery, redactQuery, valuesOf, withoutParameters } from '../../src/core/query';

describe('the values of a parameter', () => {
  test.each<[string, string, string[]]>([
    ['?ns=docker.io&n=1', 'ns', ['docker.io']],
    ['?scope=a:b:pull&scope=c', 'scope', ['a:b:pull', 'c']],
    ['?scope=a+b%20c', 'scope', ['a b c']],
    ['?n%73=x', 'ns', ['x']],
    ['?ns', 'ns', ['']],
    ['?ns=a=b', 'ns', ['a=b']],
    ['?NS=x', 'ns', []],
    ['?x=%zz', 'x', ['%zz']],
    ['?x=%ff', 'x', ['%ff']],
    ['', 'ns', []],
    ['?', 'ns', []],
    ['?&&', 'ns', []],
  ])('%s %s', (query, name, expected) => {
    expect(valuesOf(query, name)).toEqual(expected);
  });
});

describe('editing', () => {
  test.each<[string, string]>([
    ['?ns=docker.io', ''],
    ['?a=%2B+%20&ns=x&b', '?a=%2B+%20&b'],
    ['?n%73=x&_state=a%2Bb~==', '?_state=a%2Bb~=='],
    ['?a&ns=1&&ns=2&b=', '?a&&b='],
    ['?tons=1', '?tons=1'],
    ['', ''],
  ])('%s without ns', (query, expected) => {
    expect(withoutParameters(query, 'ns')).toBe(expected);
  });

  test('changes one parameter and keeps the bytes of the others', () => {
    const edit = (value: string) => `library/${value}`;
    expect(editParameter('?mount=sha256%3Aab&from=nginx&x=a+b%2f', 'from', edit)).toBe(
      '?mount=sha256%3Aab&from=library%2Fnginx&x=a+b%2f',
    );
    expect(editParameter('?x=%zz', 'from', edit)).toBe('?x=%zz');
  });

  test.each<[string[], string]>([
    [['', ''], ''],
    [['?a', ''], '?a'],
    [['', '?a'], '?a'],
    [['?a=1', '?b=2', '?'], '?a=1&b=2'],
  ])('joins %j', (queries, expected) => {
    expect(joinQueries(...queries)).toBe(expected);
  });

  test('prints what is read back', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string(), fc.string())), (pairs) => {
        const query = printQuery(pairs);
        for (const [name] of pairs) {
          expect(valuesOf(query, name)).toEqual(pairs.filter(([key]) => key === name).map(([, value]) => value));
        }
      }),
    );
  });

  test('leaves alone what it is not about, whatever that is', () => {
    const raw = fc.string({ unit: fc.constantFrom(...'abn s=&%2Bz+?/'), maxLength: 40 });
    fc.assert(
      fc.property(raw, (text) => {
        const query = `?${text}`;
        if (valuesOf(query, 'ns').length === 0) expect(withoutParameters(query, 'ns')).toBe(text ? query : '');
      }),
    );
  });
});

describe('a query for the log', () => {
  test.each([
    ['?n=1&sig=abc', '?n=1&sig=REDACTED'],
    ['?sig=a=b&n=2', '?sig=REDACTED&n=2'],
    ['', ''],
  ])('%s', (query, expected) => {
    expect(redactQuery(query, (name) => name === 'n')).toBe(expected);
  });

  test('shows nothing of a parameter that is all value', () => {
    expect(redactQuery('?eyJhbGciOiJSUzI1NiJ9.secret', () => false)).not.toContain('secret');
  });
});
