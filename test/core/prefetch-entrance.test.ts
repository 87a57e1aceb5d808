import { randomUUID } from 'node:crypto';
import { hashSync } from 'bcryptjs';
import type { Identity } from '../../src/core/admission';
import { readConfig } from '../../src/core/config';
import { checkPrefetchEntry, checkPrefetcher } from '../../src/core/prefetch-entrance';
import { type Fields, REGISTRY, refusal, request } from './heads';

const LOCAL = { address: '127.0.0.1' };
const HTPASSWD = `alice:${hashSync(randomUUID(), 4)}`;

const enter = (
  env: Record<string, string> = {},
  headers: Fields = {},
  peer: Partial<{ address: string }> = LOCAL,
  line = 'POST /-/prefetch',
) => {
  const config = readConfig({ ...REGISTRY, ...env });
  return () => checkPrefetchEntry(request(line, { host: 'localhost:8080', ...headers }, peer), config);
};

test.each([['127.0.0.1'], ['127.8.8.8'], ['::1'], ['::ffff:127.0.0.1']])('without a gate %s may', (address) => {
  expect(enter({}, {}, { address })().route.kind).toBe('own');
});

test.each<[string, Fields]>([
  ['by address', { host: '127.0.0.1:8080' }],
  ['by IPv6 address', { host: '[::1]:8080' }],
])('and call the proxy %s', (_, headers) => {
  expect(enter({}, headers)().route.kind).toBe('own');
});

test.each<[string, Record<string, string>, Fields, string]>([
  ['somebody else', {}, {}, '203.0.113.7'],
  ['a neighbour', {}, {}, '192.168.1.2'],
  ['whoever comes through a proxy on this machine', {}, { 'x-forwarded-for': '127.0.0.1' }, '127.0.0.1'],
  ['the same where proxies are trusted', { TRUST_PROXY: 'loopback' }, { 'x-forwarded-for': '127.0.0.1' }, '127.0.0.1'],
  ['whoever a proxy calls by another field', {}, { 'x-real-ip': '127.0.0.1' }, '127.0.0.1'],
  ['whoever comes through a gateway', {}, { via: '1.1 gateway' }, '127.0.0.1'],
  ['a page in a browser here', {}, { origin: 'https://evil.example' }, '127.0.0.1'],
  ['a page that has bound its name to this machine', {}, { host: 'evil.example:8080' }, '127.0.0.1'],
  ['anybody on a platform that comes from its gateway alone', { PLATFORM: 'aliyun-fc' }, {}, '127.0.0.1'],
  ['whoever has the secret', { ACCESS_SECRET: 'a-word-nobody-knows' }, {}, '127.0.0.1'],
  ['an address that is not let in', { ALLOW_CLIENTS: '10.0.0.1' }, {}, '127.0.0.1'],
])('without users %s may not', (_, env, headers, address) => {
  expect(refusal(enter(env, headers, { address }))).toBe('403 DENIED');
});

test('a refusal says what to set', () => {
  expect(enter({}, {}, { address: '203.0.113.7' })).toThrow(
    expect.objectContaining({ detail: { hint: expect.stringContaining('HTPASSWD_FILE') } }),
  );
});

test.each(['GET', 'HEAD', 'PUT', 'DELETE', 'TRACE'])('%s is 405 with Allow', (method) => {
  const act = enter({}, {}, LOCAL, `${method} /-/prefetch`);
  expect(refusal(act)).toBe('405 UNSUPPORTED');
  expect(act).toThrow(expect.objectContaining({ headers: [['allow', 'POST, OPTIONS']] }));
});

const CACHE = { CACHE: 'memory' };

test('without a cache there is nothing to fill', () => {
  const anybody: Identity = { kind: 'anonymous' };
  expect(refusal(() => checkPrefetcher(anybody, enter()()))).toBe('404 UNSUPPORTED');
  expect(() => checkPrefetcher(anybody, enter()())).toThrow('there is no cache to fill');
  expect(refusal(() => checkPrefetcher(anybody, enter(CACHE)()))).toBeUndefined();
});

describe('with users', () => {
  const place = (env: Record<string, string> = CACHE) =>
    enter({ HTPASSWD, ...env }, { host: 'r.example.com' }, { address: '203.0.113.7' })();

  test.each<[Identity, string | undefined]>([
    [{ kind: 'user', name: 'alice' }, undefined],
    [{ kind: 'anonymous' }, '401 UNAUTHORIZED'],
    [{ kind: 'refused', why: 'wrong' }, '401 UNAUTHORIZED'],
    [{ kind: 'busy', why: 'busy' }, '429 TOOMANYREQUESTS'],
  ])('%j: %s', (identity, verdict) => {
    expect(refusal(() => checkPrefetcher(identity, place()))).toBe(verdict);
  });

  test('nobody else may, wherever they are and whatever anybody may pull', () => {
    const open = place({ ...CACHE, ANONYMOUS_PULL: 'true', SATISFY: 'any', ALLOW_CLIENTS: '203.0.113.7' });
    expect(refusal(() => checkPrefetcher({ kind: 'anonymous' }, open))).toBe('401 UNAUTHORIZED');
  });

  test('the cache is spoken of to users alone', () => {
    expect(refusal(() => checkPrefetcher({ kind: 'user', name: 'alice' }, place({})))).toBe('404 UNSUPPORTED');
    expect(refusal(() => checkPrefetcher({ kind: 'anonymous' }, place({})))).toBe('401 UNAUTHORIZED');
  });
});
