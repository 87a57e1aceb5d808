import {
  documentOf,
  MAX_DOCUMENT_BODY,
  needsFiller,
  preludeOf,
  withoutEmptyLength,
} from '../../src/core/lambda-answer';

const bearer = 'Bearer realm="https://a.example/token",service="a.example"';

test('a field of several lines is one list, cookies are a list of their own', () => {
  const headers = [
    ['link', '<a>; rel="next"'],
    ['content-type', 'application/json'],
    ['link', '<b>; rel="prev"'],
    ['set-cookie', 'a=1, b'],
    ['set-cookie', 'c=2'],
  ] as const;
  expect(preludeOf(200, headers)).toEqual({
    statusCode: 200,
    headers: { link: '<a>; rel="next", <b>; rel="prev"', 'content-type': 'application/json' },
    cookies: ['a=1, b', 'c=2'],
  });
});

test('a Bearer challenge comes before others, which docker takes the first of', () => {
  const lines = ['Basic realm="a"', bearer, 'bearer realm="b"', 'BearerLike realm="c"'];
  const { headers } = preludeOf(
    401,
    lines.map((value) => ['www-authenticate', value] as const),
  );
  expect(headers['www-authenticate']).toBe(`${bearer}, bearer realm="b", Basic realm="a", BearerLike realm="c"`);
});

test('what belongs to the connection inside goes no further; the length stays', () => {
  const names = ['connection', 'keep-alive', 'transfer-encoding', 'trailer', 'content-length'];
  expect(
    preludeOf(
      200,
      names.map((name) => [name, '5'] as const),
    ).headers,
  ).toEqual({ 'content-length': '5' });
});

test('a document has both forms of the fields, for those who know one of them', () => {
  const headers = [
    ['www-authenticate', 'Basic realm="a"'],
    ['www-authenticate', bearer],
    ['set-cookie', 'a=1'],
  ] as const;
  expect(documentOf(401, headers, 'e30=')).toEqual({
    statusCode: 401,
    headers: { 'www-authenticate': `${bearer}, Basic realm="a"` },
    cookies: ['a=1'],
    multiValueHeaders: { 'www-authenticate': [bearer, 'Basic realm="a"'], 'set-cookie': ['a=1'] },
    isBase64Encoded: true,
    body: 'e30=',
  });
});

test('the largest document fits into 6 MB as base64, and holds the largest manifest', () => {
  const text = JSON.stringify(
    documentOf(200, [['content-type', 'x'.repeat(8000)]], 'A'.repeat(Math.ceil(MAX_DOCUMENT_BODY / 3) * 4)),
  );
  expect(text.length).toBeLessThan(6 * 1024 * 1024);
  expect(MAX_DOCUMENT_BODY).toBeGreaterThan(4 * 1024 * 1024);
});

test.each([
  ['GET', 200, false],
  ['GET', 206, false],
  ['GET', 307, true],
  ['GET', 304, true],
  ['HEAD', 200, true],
  ['PATCH', 202, true],
  ['DELETE', 202, true],
])('%s answered %i: a filler %s', (method, status, expected) => {
  expect(needsFiller(method, status)).toBe(expected);
});

test.each([
  ['GET', '0', []],
  ['POST', '0', []],
  ['HEAD', '0', ['0']],
  ['GET', '12', ['12']],
])('an answer to %s of %s bytes that may be filled says the length %j', (method, length, said) => {
  const fields = withoutEmptyLength({ method }, [['content-length', length]]);
  expect(fields.map(([, value]) => value)).toEqual(said);
});
