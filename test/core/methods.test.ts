import { checkFraming, checkKnownMethod, checkMethod, takesBody } from '../../src/core/methods';
import type { RouteKind } from '../../src/core/route';
import { refusal, request } from './heads';

const ALL = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

describe('the methods of', () => {
  test.each<[RouteKind, string]>([
    ['ping', 'GET HEAD'],
    ['catalog', 'GET HEAD'],
    ['manifest', 'GET HEAD PUT DELETE'],
    ['blob', 'GET HEAD DELETE'],
    ['tags', 'GET HEAD'],
    ['referrers', 'GET HEAD'],
    ['uploads', 'POST'],
    ['upload', 'GET HEAD PUT PATCH DELETE'],
    ['token', 'GET POST'],
    ['backend', 'GET HEAD'],
    ['own', 'GET HEAD'],
  ])('%s are %s', (kind, methods) => {
    const allowed = ALL.filter((method) => refusal(() => checkMethod(method, kind)) === undefined);
    expect(allowed.join(' ')).toBe(methods);
  });

  test('an endpoint are named in the refusal', () => {
    try {
      checkMethod('POST', 'blob');
      throw new Error('not refused');
    } catch (error) {
      expect(error).toMatchObject({ status: 405, headers: [['allow', 'GET, HEAD, DELETE, OPTIONS']] });
    }
  });
});

test.each(['TRACE', 'CONNECT', 'PROPFIND', 'get', ''])('%j is no method of ours', (method) => {
  expect(refusal(() => checkKnownMethod(method))).toBe('405 UNSUPPORTED');
});

test.each([...ALL, 'OPTIONS'])('%s is', (method) => {
  expect(refusal(() => checkKnownMethod(method))).toBeUndefined();
});

test.each([
  ['GET', '411 SIZE_INVALID'],
  ['HEAD', '411 SIZE_INVALID'],
  ['DELETE', '411 SIZE_INVALID'],
  ['OPTIONS', '411 SIZE_INVALID'],
  ['POST', undefined],
  ['PUT', undefined],
  ['PATCH', undefined],
])('chunks on %s: %s', (method, expected) => {
  expect(
    refusal(() =>
      checkFraming(request(`${method} /v2/`, { 'transfer-encoding': 'chunked' }), Number.POSITIVE_INFINITY),
    ),
  ).toBe(expected);
  expect(refusal(() => checkFraming(request(`${method} /v2/`), 0))).toBeUndefined();
  expect(takesBody(method)).toBe(expected === undefined);
});

test.each([
  ['100', undefined],
  ['101', '413 SIZE_INVALID'],
  ['99999999999999999999', '413 SIZE_INVALID'],
])('a body of %s bytes where 100 are taken: %s', (length, expected) => {
  expect(refusal(() => checkFraming(request('PATCH /v2/', { 'content-length': length }), 100))).toBe(expected);
});
