import type { Route } from '../../src/core/route';
import { isTransfer, tooManyTransfers } from '../../src/core/transfers';
import { DIGEST, type Fields, place, request } from './heads';

const CHUNKED = { 'transfer-encoding': 'chunked' };

describe('a transfer', () => {
  test.each<[string, Fields, boolean]>([
    [`GET /v2/team/app/blobs/${DIGEST}`, {}, true],
    [`GET /v2/team/app/blobs/${DIGEST}`, { range: 'bytes=5-' }, true],
    ['GET /storage/of/blobs?signature=1', {}, true],
    ['POST /v2/team/app/blobs/uploads/?digest=x', { 'content-length': '5' }, true],
    ['PATCH /v2/team/app/blobs/uploads/1', CHUNKED, true],
    ['PUT /v2/team/app/blobs/uploads/1?digest=x', { 'content-length': '5' }, true],
    [`HEAD /v2/team/app/blobs/${DIGEST}`, {}, false],
    [`DELETE /v2/team/app/blobs/${DIGEST}`, {}, false],
    ['HEAD /storage/of/blobs', {}, false],
    ['POST /v2/team/app/blobs/uploads/', { 'content-length': '0' }, false],
    ['POST /v2/team/app/blobs/uploads/', {}, false],
    ['PUT /v2/team/app/blobs/uploads/1?digest=x', { 'content-length': '0' }, false],
    ['GET /v2/team/app/blobs/uploads/1', {}, false],
    ['GET /v2/team/app/manifests/v1', {}, false],
    ['PUT /v2/team/app/manifests/v1', { 'content-length': '500' }, false],
    ['GET /v2/', {}, false],
    ['POST /token', { 'content-length': '50' }, false],
  ])('%s with %j: %s', (line, headers, expected) => {
    const { route } = place(line.split(' ')[1] as string);
    expect(isTransfer(request(line, headers), route as Route)).toBe(expected);
  });

  test('too many of them are 429 with a time to come back', () => {
    expect(tooManyTransfers(6)).toMatchObject({
      status: 429,
      code: 'TOOMANYREQUESTS',
      headers: [['retry-after', '5']],
    });
    expect(tooManyTransfers(6).message).toContain('6');
  });
});
