import { randomUUID } from 'node:crypto';
import { Authorization } from '../../src/core/authorization';
import { CacheMemory } from '../../src/core/cache-memory';
import { headerOf } from '../../src/core/headers';
import { Quotas } from '../../src/core/quota';
import { tokenKey } from '../../src/core/token';
import { hrefOf } from '../../src/core/url';
import type { Authorize } from '../../src/core/verbs';
import { type Fields, forward, place, REGISTRY, refusal, response } from './heads';

const ACCOUNTS = { ...REGISTRY, REGISTRY_ACCOUNTS: `one:${randomUUID()},two:${randomUUID()}`, ANONYMOUS_PULL: 'true' };
const CHALLENGE = { 'www-authenticate': 'Bearer realm="https://registry.example.com/token",service="s"' };
const first = forward('https://registry.example.com/v2/team/app/manifests/v1');

/** Where the first account has a token already, and the second one has none. */
function scene() {
  const { route } = place('/v2/team/app/manifests/v1', ACCOUNTS);
  const tokens = new Map<string, string>();
  const memory = { realms: new Map(), quotas: new Quotas(), tokens, cache: new CacheMemory() };
  const { url, accounts } = route.upstream;
  tokens.set(tokenKey(url, accounts[0], route.upstream, 'team/app'), '{"token":"of-one"}');
  return { memory, authorization: new Authorization(route, memory) };
}

test('the next account begins without what the one before has shown', () => {
  const { authorization } = scene();
  const prepared = authorization.prepare(first);
  expect(headerOf(prepared.headers, 'authorization')).toBe('Bearer of-one');
  const next = authorization.another(prepared);
  expect([next?.method, next && headerOf(next.headers, 'authorization')]).toEqual(['GET', undefined]);
  expect(next && authorization.another(next)).toBeUndefined();
});

test('no other account asks in place of one that has sent a client’s body', () => {
  const { authorization } = scene();
  expect(authorization.another({ ...first, method: 'PUT', body: 'client' })).toBeUndefined();
  expect(authorization.another(first)).toBeDefined();
});

test('a token that was refused with a client’s body is forgotten, and not asked for again', () => {
  const { authorization, memory } = scene();
  const { route } = place('/v2/team/app/manifests/v1', ACCOUNTS);
  const { url, accounts } = route.upstream;
  const key = tokenKey(url, accounts[0], route.upstream, 'team/app', 'push');
  memory.tokens.set(key, '{"token":"spent"}');
  const sent = { ...first, method: 'PUT', body: 'client' as const };
  expect(authorization.onUnauthorized(sent, response(401, CHALLENGE))).toBeUndefined();
  expect([...memory.tokens.keys()]).toHaveLength(1);
});

test('another host’s challenge is met without the account, by a token that is kept apart', () => {
  const { authorization } = scene();
  const hop = forward('https://storage.example.com/x', { purpose: 'hop' });
  const { request, key } = authorization.onUnauthorized(hop, response(401, CHALLENGE)) as Authorize;
  expect(headerOf(request.headers, 'authorization')).toBeUndefined();
  expect(key).toBe('@https://storage.example.com/team/app');
});

test('another host’s Basic challenge is met by nothing', () => {
  const { authorization } = scene();
  const hop = forward('https://storage.example.com/x', { purpose: 'hop' });
  expect(authorization.onUnauthorized(hop, response(401, { 'www-authenticate': 'Basic realm="x"' }))).toBeUndefined();
});

test('AUTH_HEADER goes with the first request, and a 401 to it is final', () => {
  const { route } = place('/v2/team/app/manifests/v1', { ...REGISTRY, AUTH_HEADER: 'Key k', ANONYMOUS_PULL: 'true' });
  const authorization = new Authorization(route, {
    realms: new Map(),
    quotas: new Quotas(),
    tokens: new Map(),
    cache: new CacheMemory(),
  });
  const prepared = authorization.prepare(first);
  expect(headerOf(prepared.headers, 'authorization')).toBe('Key k');
  expect(authorization.onUnauthorized(prepared, response(401, CHALLENGE))).toBeUndefined();
});

describe('a token server that the operator has named', () => {
  const NAMED = 'https://login.example.net/token';
  const EVIL = { 'www-authenticate': 'Bearer realm="https://evil.example/token",service="s",scope="x"' };
  const open = (tokenServer?: string) => {
    const registries = {
      'registry.example.com': { default: true, username: 'robot', password: randomUUID(), tokenServer },
    };
    const env = { REGISTRIES: JSON.stringify(registries), ANONYMOUS_PULL: 'true' };
    const { route } = place('/v2/team/app/manifests/v1', env);
    const memory = { realms: new Map(), quotas: new Quotas(), tokens: new Map(), cache: new CacheMemory() };
    return new Authorization(route, memory);
  };

  test('is asked with the login, whatever the challenge names', () => {
    const { request } = open(NAMED).onUnauthorized(first, response(401, EVIL)) as Authorize;
    expect(hrefOf(request.url)).toBe(`${NAMED}?service=s&scope=x`);
    expect(headerOf(request.headers, 'authorization')).toMatch(/^Basic /);
    expect(refusal(() => open().onUnauthorized(first, response(401, EVIL)))).toBe('403 DENIED');
  });

  test.each<[Fields]>([[{}], [{ 'www-authenticate': 'Basic realm="x"' }]])(
    'is asked where there is no challenge for it: %j',
    (headers) => {
      const { request } = open(NAMED).onUnauthorized(first, response(401, headers)) as Authorize;
      expect(hrefOf(request.url)).toBe(`${NAMED}?scope=repository%3Ateam%2Fapp%3Apull`);
    },
  );

  test('is not asked for another host’s token', () => {
    const hop = forward('https://storage.example.com/x', { purpose: 'hop' });
    const { request } = open(NAMED).onUnauthorized(hop, response(401, EVIL)) as Authorize;
    expect([request.url.hostname, headerOf(request.headers, 'authorization')]).toEqual(['evil.example', undefined]);
  });
});

describe('of the pulls that a registry leaves', () => {
  const told = (more: Fields = {}) => response(200, { 'ratelimit-remaining': '42;w=21600', ...more });
  const shown = forward('https://registry.example.com/v2/team/app/manifests/v1', {
    headers: [['authorization', 'Bearer x']],
  });

  function noted(env: Record<string, string>, ...[sent, head]: Parameters<Authorization['onAnswer']>) {
    const { route } = place('/v2/team/app/manifests/v1', env);
    const memory = { realms: new Map(), quotas: new Quotas(), tokens: new Map(), cache: new CacheMemory() };
    new Authorization(route, memory).onAnswer(sent, head);
    return memory.quotas.all().map(({ account }) => account);
  }

  test('those of the account that was shown are its own, and what nobody was shown for is nobody’s', () => {
    expect(noted(ACCOUNTS, shown, told())).toEqual(['1']);
    expect(noted(ACCOUNTS, first, told())).toEqual(['anonymous']);
    expect(noted({ ...REGISTRY, REGISTRIES: 'ghcr.io' }, shown, told())).toEqual(['anonymous']);
  });

  test('those of a client’s own account are not taken note of, those of a client without one are', () => {
    const source = (text: string) => told({ 'docker-ratelimit-source': text });
    expect(noted(REGISTRY, shown, told())).toEqual([]);
    expect(noted(REGISTRY, shown, source(randomUUID()))).toEqual([]);
    expect(noted(REGISTRY, shown, source('192.0.2.7'))).toEqual(['anonymous']);
    expect(noted(REGISTRY, first, told())).toEqual(['anonymous']);
  });
});
