import { servedHead } from '../../src/core/cached-head';
import { headerOf } from '../../src/core/headers';
import { DIGEST, type Fields, place, request } from './heads';

const HELD = { digest: DIGEST, size: 1000 };
const BLOB = `/v2/team/app/blobs/${DIGEST}`;

function served(method: string, headers: Fields = {}, held: Parameters<typeof servedHead>[1] = HELD, path = BLOB) {
  const head = servedHead(request(`${method} ${path}`, headers), held, place(path));
  const field = (name: string) => headerOf(head.headers, name);
  return {
    ...head,
    range: head.range,
    length: field('content-length'),
    part: field('content-range'),
    type: field('content-type'),
  };
}

describe('the head of a kept blob', () => {
  test.each<[string, Fields, object]>([
    ['GET', {}, { status: 200, length: '1000', part: undefined, range: { first: 0, last: 999 } }],
    ['HEAD', {}, { status: 200, length: '1000', part: undefined, range: undefined }],
    // RFC 9110 section 14.2: Range is for GET alone.
    ['HEAD', { range: 'bytes=0-9' }, { status: 200, length: '1000', part: undefined, range: undefined }],
    ['HEAD', { range: 'bytes=5000-' }, { status: 200, length: '1000', part: undefined, range: undefined }],
    [
      'GET',
      { range: 'bytes=0-9' },
      { status: 206, length: '10', part: 'bytes 0-9/1000', range: { first: 0, last: 9 } },
    ],
    ['GET', { range: 'bytes=990-' }, { status: 206, length: '10', part: 'bytes 990-999/1000' }],
    ['GET', { range: 'bytes=-10' }, { status: 206, length: '10', part: 'bytes 990-999/1000' }],
    ['GET', { range: 'bytes=-5000' }, { status: 206, length: '1000', part: 'bytes 0-999/1000' }],
    ['GET', { range: 'bytes=990-5000' }, { status: 206, length: '10', part: 'bytes 990-999/1000' }],
    ['GET', { range: 'bytes=1000-' }, { status: 416, length: '0', part: 'bytes */1000', range: undefined }],
    ['GET', { range: 'bytes=-0' }, { status: 416, length: '0', part: 'bytes */1000' }],
    ['GET', { range: 'bytes=9-1' }, { status: 200, length: '1000', part: undefined }],
    ['GET', { range: 'bytes=-' }, { status: 200, length: '1000' }],
    ['GET', { range: 'bytes=0-1,5-6' }, { status: 200, length: '1000' }],
    ['GET', { range: 'lines=0-1' }, { status: 200, length: '1000' }],
    ['GET', { range: 'bytes=0-9', 'if-range': `"${DIGEST}"` }, { status: 206, length: '10' }],
    ['GET', { range: 'bytes=0-9', 'if-range': '"another"' }, { status: 200, length: '1000' }],
    ['GET', { 'if-none-match': `"${DIGEST}"` }, { status: 304, length: undefined, range: undefined }],
    ['HEAD', { 'if-none-match': `W/"${DIGEST}"` }, { status: 304, length: undefined }],
    ['GET', { 'if-none-match': '"another"', range: 'bytes=0-0' }, { status: 206, length: '1' }],
  ])('%s with %j', (method, headers, expected) => {
    expect(served(method, headers)).toMatchObject(expected);
  });

  test('that is empty has no part that could be asked for', () => {
    const empty = { ...HELD, size: 0 };
    expect(served('GET', {}, empty)).toMatchObject({ status: 200, length: '0', range: undefined });
    expect(served('GET', { range: 'bytes=0-' }, empty)).toMatchObject({ status: 416, part: 'bytes */0' });
  });
});

test('a manifest has no parts, and the type that it had', () => {
  const path = `/v2/team/app/manifests/${DIGEST}`;
  const held = { ...HELD, mediaType: 'application/vnd.oci.image.index.v1+json' };
  expect(served('GET', { range: 'bytes=0-9' }, held, path)).toMatchObject({
    status: 200,
    length: '1000',
    type: held.mediaType,
  });
});
