import { randomUUID } from 'node:crypto';
import { basicLogin } from '../../src/core/basic';
import type { Realm } from '../../src/core/realm';
import { ownToken, readToken, tokenForm, tokenKey, tokenQuery, writeToken } from '../../src/core/token';
import { hrefOf } from '../../src/core/url';
import { configOf, type Fields, fields, refusal, url } from './heads';

const REALM: Realm = { url: url('https://auth.docker.io/token'), service: 'registry.docker.io' };
const config = configOf({});
const [hub] = config.upstreams;
const BASIC = { authorization: 'Basic YTpi' };

const asked = (query: string, realm = REALM, headers: Fields = {}) =>
  tokenQuery(query, fields(headers), realm, hub, config);
const posted = (form: string, realm = REALM, headers: Fields = {}) =>
  tokenForm(form, fields(headers), realm, hub, config);

describe('a GET for a token', () => {
  test.each([
    ['', '?service=registry.docker.io'],
    ['?service=proxy.example.net', '?service=registry.docker.io'],
    ['?scope=repository:nginx:pull', '?service=registry.docker.io&scope=repository%3Alibrary%2Fnginx%3Apull'],
    [
      '?service=us&scope=repository:nginx:pull&scope=repository:a/b:pull,push',
      '?service=registry.docker.io&scope=repository%3Alibrary%2Fnginx%3Apull&scope=repository%3Aa%2Fb%3Apull%2Cpush',
    ],
    ['?scope=a+b', '?service=registry.docker.io&scope=a&scope=b'],
    ['?scope=&account=me', '?service=registry.docker.io&account=me'],
    [
      '?account=me%40x&client_id=docker&offline_token=true&ns=docker.io',
      '?service=registry.docker.io&account=me%40x&client_id=docker&offline_token=true',
    ],
  ])('%s asks %s', (query, expected) => {
    expect(asked(query)).toMatchObject({ method: 'GET', body: 'none', purpose: 'realm', reach: 'public' });
    expect(hrefOf(asked(query).url)).toBe(`https://auth.docker.io/token${expected}`);
  });

  test('keeps the query of the realm, and names no service where the registry names none', () => {
    const realm = { url: url('https://auth.docker.io/t?tenant=a%2Fb') };
    expect(asked('?service=us&scope=a', realm).url.query).toBe('?tenant=a%2Fb&scope=a');
  });

  test('carries the login and little else', () => {
    const { headers } = asked('', REALM, {
      ...BASIC,
      accept: '*/*',
      'user-agent': 'docker',
      'content-type': 'x/y',
      'x-meta-source-client': 'c',
      range: 'bytes=0-',
      cookie: 'a=b',
    });
    expect(headers).toEqual(fields({ ...BASIC, accept: '*/*', 'user-agent': 'docker' }));
  });
});

describe('a POST for a token', () => {
  test.each([
    [
      'grant_type=password&username=a&password=p%2Bq+r&scope=repository%3Anginx%3Apull&service=us',
      {
        grant_type: 'password',
        username: 'a',
        password: 'p+q r',
        scope: 'repository:library/nginx:pull',
        service: 'registry.docker.io',
      },
    ],
    [
      'grant_type=refresh_token&refresh_token=a.b.c',
      { grant_type: 'refresh_token', refresh_token: 'a.b.c', service: 'registry.docker.io' },
    ],
    [
      'scope=repository:nginx:pull+repository:a/b:pull',
      { scope: 'repository:library/nginx:pull repository:a/b:pull', service: 'registry.docker.io' },
    ],
    [
      'scope=repository:nginx:pull&scope=x',
      { scope: 'repository:library/nginx:pull x', service: 'registry.docker.io' },
    ],
    ['', { service: 'registry.docker.io' }],
  ])('%s', (form, expected) => {
    const { method, body, url: to, headers, purpose } = posted(form);
    expect({ method, purpose, query: to.query }).toEqual({ method: 'POST', purpose: 'realm', query: '' });
    expect(headers).toEqual([['content-type', 'application/x-www-form-urlencoded']]);
    const sent = new URLSearchParams(body as string);
    expect(Object.fromEntries(sent)).toEqual(expected);
    expect([...sent].length).toBe(Object.keys(expected).length);
  });
});

describe('a stranger’s realm', () => {
  const stranger: Realm = { url: url('https://evil.example.net/token') };

  test.each<[string, () => unknown]>([
    ['a login', () => asked('', stranger, BASIC)],
    ['a bearer', () => asked('', stranger, { authorization: 'Bearer x' })],
    ['a refresh token in a query', () => asked('?refresh_token=x', stranger)],
    ['a login of a POST', () => posted('', stranger, BASIC)],
    ['a password', () => posted('grant_type=password&password=x', stranger)],
    ['a refresh token', () => posted('refresh_token=x', stranger)],
    ['an authorization code', () => posted('grant_type=authorization_code&code=x', stranger)],
    ['a client secret', () => posted('client_secret=x', stranger)],
  ])('never gets %s', (_, act) => {
    expect(refusal(act)).toBe('403 DENIED');
  });

  test('may be asked without one', () => {
    expect(asked('?scope=a', stranger).url.hostname).toBe('evil.example.net');
    expect(posted('scope=a', stranger).url.hostname).toBe('evil.example.net');
  });

  test.each(['http://auth.docker.io/token', 'https://10.0.0.1/token', 'https://localhost/token'])(
    'at %s is not asked at all',
    (realm) => {
      expect(refusal(() => asked('', { url: url(realm) }))).toBe('502 UNAVAILABLE');
    },
  );
});

describe('an anonymous token', () => {
  const challenge = (scope?: string) => ({
    scheme: 'Bearer',
    parameters: scope === undefined ? [] : ([['scope', scope]] as [string, string][]),
  });
  const sent = fields({ ...BASIC, accept: 'x', 'user-agent': 'docker' });

  test.each([
    ['repository:a/b:pull', '&scope=repository%3Aa%2Fb%3Apull'],
    ['repository:a/b:pull repository:c:pull', '&scope=repository%3Aa%2Fb%3Apull&scope=repository%3Ac%3Apull'],
    [undefined, '&scope=repository%3Alibrary%2Fnginx%3Apull'],
    ['', ''],
    ['aws', '&scope=aws'],
  ])('for the scope %s', (scope, expected) => {
    const asks = ownToken(challenge(scope), REALM, 'library/nginx', hub, sent);
    expect(asks.url.query).toBe(`?service=registry.docker.io${expected}`);
    expect(asks.headers).toEqual(fields({ accept: 'x', 'user-agent': 'docker' }));
  });
});

test.each([
  ['{"token":"a.b.c"}', 'a.b.c'],
  ['{"access_token":"a"}', 'a'],
  ['{"token":"a","access_token":"b"}', 'a'],
  ['{"token":"","access_token":"b"}', 'b'],
  ['{"token":"a b"}', undefined],
  ['{"token":"a\\r\\nx: y"}', undefined],
  ['{"token":1}', undefined],
  ['{}', undefined],
  ['[]', undefined],
  ['null', undefined],
  ['"token"', undefined],
  ['<html>', undefined],
  ['', undefined],
])('of the document %s the token is %s', (document, expected) => {
  expect(readToken(document)).toBe(expected);
});

describe('a token for a write', () => {
  const account = { kind: 'login', username: 'robot', password: randomUUID() } as const;

  test('is for the repository, and for those that blobs are mounted from', () => {
    const { method, url: asks, headers } = writeToken(REALM, 'team/new', ['team/app'], hub, fields(BASIC), account);
    expect([method, decodeURIComponent(asks.query)]).toEqual([
      'GET',
      '?service=registry.docker.io&scope=repository:team/new:pull,push&scope=repository:team/app:pull',
    ]);
    expect(headers.filter(([name]) => name === 'authorization')).toEqual([['authorization', basicLogin(account)]]);
  });

  test('is not had from a stranger by the account, and anonymously without what the client sent', () => {
    const stranger = { url: url('https://tokens.example.net/token') };
    expect(refusal(() => writeToken(stranger, 'a/b', [], hub, fields(), account))).toBe('403 DENIED');
    expect(writeToken(stranger, 'a/b', [], hub, fields(BASIC)).headers).toEqual([]);
  });
});

test('a token is kept by registry, account, address, repository and what it is for', () => {
  const [other] = configOf({ REGISTRY_NAME: 'other.test' }).upstreams;
  const one = { kind: 'login', username: 'one', password: '' } as const;
  const keys = [
    tokenKey(hub.url, undefined, hub, 'a/b'),
    tokenKey(hub.url, one, hub, 'a/b'),
    tokenKey(hub.url, one, other, 'a/b'),
    tokenKey(hub.url, { ...one, username: 'two' }, hub, 'a/b'),
    tokenKey(hub.url, one, hub, 'a/b', 'push'),
    tokenKey(hub.url, one, hub, 'a/c'),
    tokenKey(url('https://x.example.com'), one, hub, 'a/b'),
  ];
  expect(new Set(keys).size).toBe(keys.length);
  expect(tokenKey(hub.url, undefined, other, 'a/b')).toBe(keys[0]);
});
