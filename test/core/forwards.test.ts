import { backendForward, pingForward, registryForward } from '../../src/core/forwards';
import { headerOf } from '../../src/core/headers';
import { hrefOf } from '../../src/core/url';
import { DIGEST, type Fields, fields, place, REGISTRY, request } from './heads';

const BASED = { REGISTRY_BACKEND: 'http://10.0.0.5:5000/base' };

function toRegistry(line: string, headers: Fields = {}, env: Record<string, string> = REGISTRY) {
  const head = request(line, headers);
  return registryForward(head, place(head.target, env).route);
}

test.each([
  [REGISTRY, 'GET /v2/', 'https://registry.example.com/v2/', 'none', 'public'],
  [BASED, `GET /v2/a/blobs/${DIGEST}?x=%2B`, `http://10.0.0.5:5000/base/v2/a/blobs/${DIGEST}?x=%2B`, 'none', 'any'],
  [REGISTRY, 'HEAD /v2/a/tags/list', 'https://registry.example.com/v2/a/tags/list', 'none', 'public'],
  [REGISTRY, 'DELETE /v2/a/manifests/v1', 'https://registry.example.com/v2/a/manifests/v1', 'none', 'public'],
  [REGISTRY, 'PUT /v2/a/manifests/v1', 'https://registry.example.com/v2/a/manifests/v1', 'client', 'public'],
  // a wrapped session may lie outside the base path
  [BASED, `PATCH /v2/a/blobs/uploads/~${btoa('/uploads/1')}`, 'http://10.0.0.5:5000/uploads/1', 'client', 'any'],
] as const)('%j %s', (env, line, to, body, reach) => {
  const sent = toRegistry(line, {}, env);
  expect(hrefOf(sent.url)).toBe(to);
  expect(sent).toMatchObject({ method: line.split(' ')[0], body, reach, purpose: 'registry' });
});

test.each<[string, Fields, string | undefined, string | undefined]>([
  ['PUT', { 'content-length': '7' }, '7', undefined],
  ['PUT', { 'transfer-encoding': 'chunked' }, undefined, 'chunked'],
  ['PUT', { 'transfer-encoding': 'Chunked' }, undefined, 'chunked'],
  ['PUT', {}, '0', undefined],
  ['DELETE', { 'content-length': '7' }, undefined, undefined],
])('%s with %j is framed as length %s, coding %s', (method, headers, length, coding) => {
  const sent = toRegistry(`${method} /v2/a/manifests/v1`, headers);
  expect([headerOf(sent.headers, 'content-length'), headerOf(sent.headers, 'transfer-encoding')]).toEqual([
    length,
    coding,
  ]);
});

test('what lies outside /v2/ is asked of the storage, without the login', () => {
  const head = request('GET /files/a%2Fb?c', { authorization: 'Bearer t', cookie: 'x=y', range: 'bytes=1-' });
  const { route, config } = place(head.target, { ...REGISTRY, DEFAULT_BACKEND_HOST: 'https://s.example.com:8443' });
  const sent = backendForward(head, route, config);
  expect(hrefOf(sent.url)).toBe('https://s.example.com:8443/files/a%2Fb?c');
  expect(sent).toMatchObject({ purpose: 'backend', body: 'none' });
  expect(sent.headers.map(([name]) => name)).toEqual(['range', 'user-agent', 'accept-encoding', 'via']);
});

test('a ping carries no login and no body', () => {
  const { route } = place('/v2/', BASED);
  const sent = pingForward(
    fields({ authorization: 'Basic x', 'content-type': 'a/b', 'user-agent': 'u' }),
    route.upstream,
  );
  expect([sent.method, hrefOf(sent.url), sent.body]).toEqual(['GET', 'http://10.0.0.5:5000/base/v2/', 'none']);
  expect(sent.headers).toEqual(fields({ 'user-agent': 'u' }));
});
