import type { IncomingMessage, ServerResponse } from 'node:http';
import { outgoingHeaders, requestHead, responseHead, writeHead } from '../../src/node/heads';

const RAW = ['Host', 'a', 'ACCEPT', 'x/y', 'Accept', 'z/w', 'WWW-Authenticate', 'Basic', 'WWW-Authenticate', 'Bearer'];
const LIST = [
  ['host', 'a'],
  ['accept', 'x/y'],
  ['accept', 'z/w'],
  ['www-authenticate', 'Basic'],
  ['www-authenticate', 'Bearer'],
];

test('a request’s head keeps every line and the target as it came', () => {
  const req = {
    method: 'GET',
    url: '//x/../y?%zz',
    rawHeaders: RAW,
    socket: { remoteAddress: '::1', encrypted: true },
  };
  expect(requestHead(req as unknown as IncomingMessage)).toEqual({
    method: 'GET',
    target: '//x/../y?%zz',
    headers: LIST,
    peer: { address: '::1', secure: true },
  });
  const gone = { method: 'GET', url: '/', rawHeaders: [], socket: {} };
  expect(requestHead(gone as unknown as IncomingMessage).peer).toEqual({ address: '', secure: false });
});

test('a response’s head keeps every line', () => {
  expect(responseHead({ statusCode: 401, rawHeaders: RAW } as unknown as IncomingMessage)).toEqual({
    status: 401,
    headers: LIST,
  });
});

test('several lines of one name stay several', () => {
  expect(
    outgoingHeaders([
      ['a', '1'],
      ['b', '2'],
      ['a', '3'],
      ['a', '4'],
    ]),
  ).toEqual({ a: ['1', '3', '4'], b: '2' });
});

test('headers are written as people search for them', () => {
  const written: [string, unknown][] = [];
  const res = {
    setHeader: (name: string, value: unknown) => written.push([name, value]),
    writeHead: (status: number) => written.push(['status', status]),
  };
  writeHead(res as unknown as ServerResponse, 200, [
    ['docker-content-digest', 'x'],
    ['etag', '"e"'],
  ]);
  expect(written).toEqual([
    ['Docker-Content-Digest', 'x'],
    ['Etag', '"e"'],
    ['status', 200],
  ]);
});
