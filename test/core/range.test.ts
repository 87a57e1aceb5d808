import {
  contentLength,
  parseContentRange,
  rangeOfRest,
  spanOf,
  strongValidator,
  unsatisfiedTotal,
} from '../../src/core/range';
import { fields, response } from './heads';

test.each([
  ['bytes 0-99/200', { first: 0, last: 99, total: 200 }],
  ['bytes 5-5/6', { first: 5, last: 5, total: 6 }],
  ['BYTES 0-0/*', { first: 0, last: 0, total: undefined }],
  [' bytes  1-2/3 ', { first: 1, last: 2, total: 3 }],
  ['bytes 5-4/10', undefined],
  ['bytes 0-10/10', undefined],
  ['bytes 0-0/0', undefined],
  ['bytes */100', undefined],
  ['bytes 0-/100', undefined],
  ['bytes -5/100', undefined],
  ['bytes=0-5/100', undefined],
  ['bytes 0-5', undefined],
  ['items 0-5/6', undefined],
  ['bytes 0-9999999999999999/99999999999999999', undefined],
  ['bytes 0x0-5/6', undefined],
  ['', undefined],
  [undefined, undefined],
])('Content-Range: %s is %j', (field, expected) => {
  expect(parseContentRange(field)).toEqual(expected);
});

test.each([
  ['bytes */100', 100],
  ['bytes */0', 0],
  ['bytes */*', undefined],
  ['bytes 0-1/2', undefined],
  [undefined, undefined],
])('of an unsatisfied %s the total is %s', (field, expected) => {
  expect(unsatisfiedTotal(field)).toBe(expected);
});

test.each([
  ['10', 10],
  ['0', 0],
  ['-1', undefined],
  ['1e3', undefined],
  ['1, 1', undefined],
  ['', undefined],
])('Content-Length: %s is %s', (text, expected) => {
  expect(contentLength(fields({ 'content-length': text }))).toBe(expected);
});

describe('the bytes that a body carries', () => {
  test.each<[number, Record<string, string>, object | undefined]>([
    [200, { 'content-length': '10' }, { first: 0, last: 9, total: 10 }],
    [200, { 'content-length': '0' }, { first: 0, last: -1, total: 0 }],
    [200, {}, { first: 0 }],
    [206, { 'content-range': 'bytes 5-9/20' }, { first: 5, last: 9, total: 20 }],
    [206, { 'content-range': 'bytes 5-9/20', 'content-length': '5' }, { first: 5, last: 9, total: 20 }],
    [206, { 'content-range': 'bytes 5-9/*' }, { first: 5, last: 9, total: undefined }],
    // contradictions cannot be joined to anything
    [206, { 'content-range': 'bytes 5-9/20', 'content-length': '4' }, undefined],
    [206, { 'content-range': 'bytes 5-9/20', 'content-length': '20' }, undefined],
    [206, { 'content-type': 'multipart/byteranges; boundary=x' }, undefined],
    [206, {}, undefined],
    [200, { 'content-length': '10', 'content-encoding': 'gzip' }, undefined],
    [200, { 'content-length': '10', 'content-encoding': 'Identity' }, { first: 0, last: 9, total: 10 }],
    [404, { 'content-length': '10' }, undefined],
    [416, { 'content-range': 'bytes */10' }, undefined],
  ])('%d %j', (status, headers, expected) => {
    expect(spanOf(response(status, headers))).toEqual(expected);
  });

  test.each([
    [{ first: 0, last: 9, total: 10 }, 4, 'bytes=4-9'],
    [{ first: 5, last: 9 }, 0, 'bytes=5-9'],
    [{ first: 5 }, 2, 'bytes=7-'],
  ])('the rest of %j after %d is %s', (span, received, expected) => {
    expect(rangeOfRest(span, received)).toBe(expected);
  });
});

test.each([
  ['"abc"', '"abc"'],
  ['sha256:abc', 'sha256:abc'],
  ['W/"abc"', undefined],
  ['', undefined],
  [undefined, undefined],
])('the ETag %s is good for If-Range: %s', (etag, expected) => {
  expect(strongValidator(fields(etag === undefined ? {} : { etag }))).toBe(expected);
});
