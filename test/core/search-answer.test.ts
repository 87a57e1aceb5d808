import { MAX_DESCRIPTION, readHits, relayedSearch } from '../../src/core/search-answer';
import { place, response } from './heads';

const NAMED = { name: 'nginx', description: '', star_count: 0, is_official: false, is_automated: false };

/** What a client gets of these results. */
function rebuilt(results: unknown, env: Record<string, string> = {}, query = '?q=nginx&n=3') {
  const { edit } = relayedSearch(response(200), place(`/v1/search${query}`, env));
  return JSON.parse(edit?.(JSON.stringify({ num_results: 7, num_pages: 3, results, evil: 'x' })) ?? '');
}

describe('the answer to a search', () => {
  test('has the fields that are known, and no others', () => {
    expect(rebuilt([{ ...NAMED, is_trusted: true, ['__proto__']: { a: 1 } }])).toEqual({
      query: 'nginx',
      num_results: 7,
      num_pages: 3,
      page: 1,
      page_size: 3,
      results: [NAMED],
    });
  });

  test.each<[string, unknown[], unknown[]]>([
    ['things that are no hits', [null, 1, 'nginx', [], {}, { name: 7 }], []],
    [
      'names that are none',
      ['', 'NGINX', '../a', 'a b', 'a\u001b[31m', 'a/', `${'a'.repeat(401)}`].map((name) => ({ name })),
      [],
    ],
    ['more than were asked for', [1, 2, 3, 4, 5].map((name) => ({ name: `a${name}` })), ['a1', 'a2', 'a3']],
    ['the name of an official image in full', [{ name: 'library/nginx' }], ['nginx']],
  ])('leaves out %s', (_, results, names) => {
    expect(rebuilt(results).results.map(({ name }: { name: string }) => name)).toEqual(names);
  });

  test.each<[string, unknown, unknown]>([
    ['star_count', '12', 0],
    ['star_count', -3, 0],
    ['star_count', 1.5, 0],
    ['star_count', 1e300, 0],
    ['star_count', 12, 12],
    ['is_official', 'true', false],
    ['is_official', 1, false],
    ['is_official', true, true],
    ['is_automated', true, true],
    ['description', { a: 1 }, ''],
    ['description', null, ''],
  ])('has a %s that is %j as %j', (field, value, expected) => {
    expect(rebuilt([{ ...NAMED, [field]: value }]).results[0][field]).toEqual(expected);
  });

  test.each([
    ['escapes of a terminal', 'red \u001b[31mtext\u001b[0m', 'red [31mtext [0m'],
    ['a title for a terminal', '\u001b]0;evil\u0007text', ']0;evil text'],
    ['escapes of 8 bits', 'a\u009b31mb', 'a 31mb'],
    ['lines', 'one\r\ntwo\u2028three\tfour', 'one two three four'],
    ['text that runs backwards', 'evil \u202etxt.exe\u2066', 'evil txt.exe'],
    ['what nobody sees', 'a\u200bb\u2060c\ufeffd\u0000e', 'a b c d e'],
    ['half a character', 'a\ud800b', 'a b'],
    ['markup, which is text', '<b>&amp;</b>', '<b>&amp;</b>'],
    ['other languages', '反向代理 – прокси 🐳', '反向代理 – прокси 🐳'],
  ])('cleans descriptions of %s', (_, description, expected) => {
    expect(rebuilt([{ ...NAMED, description }]).results[0].description).toBe(expected);
  });

  test('cuts what is too long, and no character in half', () => {
    const { description } = rebuilt([{ ...NAMED, description: `${'x'.repeat(MAX_DESCRIPTION - 1)}🐳🐳` }]).results[0];
    expect([...description]).toHaveLength(MAX_DESCRIPTION);
    expect(description.endsWith('x🐳')).toBe(true);
  });

  test.each(['', 'null', '[]', '7', '{}', '{"results":null}', '{"results":{}}', '<html>', '{"results":['])(
    '%s is none',
    (text) => {
      const { edit } = relayedSearch(response(200), place('/v1/search?q=a', {}));
      expect(() => edit?.(text)).toThrow();
    },
  );

  test('is read back as hits', () => {
    const hit = { name: 'nginx', description: 'Web server', star_count: 5, is_official: true };
    expect(readHits(JSON.stringify(rebuilt([hit])))).toEqual([
      { name: 'nginx', description: 'Web server', stars: 5, isOfficial: true },
    ]);
  });
});
