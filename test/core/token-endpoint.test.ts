import type { Realms } from '../../src/core/realm';
import { routeOf } from '../../src/core/route';
import { TokenEndpoint } from '../../src/core/token-endpoint';
import { hrefOf } from '../../src/core/url';
import type { Forward } from '../../src/core/verbs';
import { type Fields, place, REGISTRY, refusal, request, response, url } from './heads';

const CHALLENGE = { 'www-authenticate': 'Bearer realm="https://auth.example.com/token",service="s"' };

function endpoint(line: string, realms: Realms = new Map(), headers: Fields = {}) {
  const head = request(line, headers);
  const { config, route } = place(head.target, REGISTRY);
  return { tokens: new TokenEndpoint(config, realms, head, route), realms };
}

test('what a ping taught is remembered for the next one', () => {
  const { tokens, realms } = endpoint('GET /token?scope=a');
  expect((tokens.onRequest() as Forward).purpose).toBe('ping');
  expect(hrefOf(tokens.onPing(response(401, CHALLENGE)).url)).toBe('https://auth.example.com/token?service=s&scope=a');
  const { tokens: next } = endpoint('GET /token?scope=b', realms);
  expect(hrefOf((next.onRequest() as Forward).url)).toBe('https://auth.example.com/token?service=s&scope=b');
});

test('a form is kept while the realm is looked for', () => {
  const { tokens } = endpoint('POST /token');
  expect(tokens.onRequest()).toEqual({ verb: 'read', limit: 65_536 });
  expect(tokens.onForm('scope=a&service=us')).toMatchObject({ purpose: 'ping', method: 'GET', body: 'none' });
  expect(tokens.onPing(response(401, CHALLENGE))).toMatchObject({ method: 'POST', body: 'scope=a&service=s' });
});

test('a form goes at once to a realm that is known', () => {
  const realms: Realms = new Map([['registry.example.com', { url: url('https://auth.example.com/token') }]]);
  expect(endpoint('POST /token', realms).tokens.onForm('scope=a')).toMatchObject({ purpose: 'realm', body: 'scope=a' });
});

describe('of a registry whose token server the operator has named', () => {
  const registries = { 'r.test': { auth: 'relay', tokenServer: 'https://named.test/token', default: true } };
  const open = (line: string) => {
    const head = request(line, { authorization: 'Basic eA==' });
    const { config, route } = place(head.target, { REGISTRIES: JSON.stringify(registries) });
    return new TokenEndpoint(config, new Map(), head, route);
  };

  test.each<[number, Fields, string]>([
    [401, { 'www-authenticate': 'Bearer realm="https://evil.test/token",service="s"' }, '?service=s&scope=a'],
    [401, { 'www-authenticate': 'Basic realm="x"' }, '?scope=a'],
    [200, {}, '?scope=a'],
  ])('a login goes there, whatever the ping says: %d %j', (status, headers, query) => {
    const tokens = open('GET /token?scope=a');
    tokens.onRequest();
    const { url: asked, headers: sent } = tokens.onPing(response(status, headers));
    expect([hrefOf(asked), sent]).toEqual([
      `https://named.test/token${query}`,
      expect.arrayContaining([['authorization', 'Basic eA==']]),
    ]);
  });

  test('and not while the registry is down', () => {
    const tokens = open('GET /token?scope=a');
    tokens.onRequest();
    expect(refusal(() => tokens.onPing(response(503)))).toBe('502 UNAVAILABLE');
  });
});

test.each<[number, Fields, string]>([
  [200, {}, '404 UNSUPPORTED'],
  [401, { 'www-authenticate': 'Basic realm="x"' }, '404 UNSUPPORTED'],
  [404, {}, '404 UNSUPPORTED'],
  [429, {}, '429 TOOMANYREQUESTS'],
  [500, {}, '502 UNAVAILABLE'],
  [503, {}, '502 UNAVAILABLE'],
])('a ping answered %d %j is a %s', (status, headers, expected) => {
  const { tokens, realms } = endpoint('GET /token');
  tokens.onRequest();
  expect(refusal(() => tokens.onPing(response(status, headers)))).toBe(expected);
  expect(realms.size).toBe(0);
});

test.each([429, 503])('%d passes its Retry-After on', (status) => {
  const { tokens } = endpoint('GET /token');
  expect(() => tokens.onPing(response(status, { 'retry-after': '9' }))).toThrow(
    expect.objectContaining({ headers: [['retry-after', '9']] }),
  );
});

describe('in front of several registries, a login', () => {
  const ask = (registries: object, target = '/token?account=alice') => {
    const head = request(`GET ${target}`, { authorization: 'Basic eA==' });
    const { config, route } = place(head.target, { ...REGISTRY, REGISTRIES: JSON.stringify(registries) });
    return new TokenEndpoint(config, new Map(), head, route).onRequest();
  };
  const relay = { auth: 'relay' };

  test('without a scope is for the first one that takes logins, and asks for its realm without it', () => {
    const sent = ask({ '*.example.org': relay, 'open.test': {}, 'corp.test': relay }) as Forward;
    expect([sent.purpose, sent.url.hostname, sent.headers.some(([name]) => name === 'authorization')]).toEqual([
      'ping',
      'corp.test',
      false,
    ]);
  });

  test('without a scope is for none of the hosts that a name with * stands for', () => {
    expect(ask({ '*.example.org': relay })).toMatchObject({ verb: 'answer', status: 200 });
  });

  test.each([
    ['repository:b.test/team/app:pull', 'b.test'],
    ['repository:x.example.org/team/app:pull', 'x.example.org'],
  ])('with %s is for %s', (scope, host) => {
    const sent = ask({ 'a.test': relay, 'b.test': relay, '*.example.org': relay }, `/token?scope=${scope}`) as Forward;
    expect(sent.url.hostname).toBe(host);
  });

  test('at the host of one registry is for that one, whatever a scope names', () => {
    const head = request('GET /token?scope=repository:a.test/team/app:pull', { authorization: 'Basic eA==' });
    const document = { 'a.test': relay, 'b.test': { ...relay, hosts: ['b.example.net'] } };
    const { config } = place(head.target, { ...REGISTRY, REGISTRIES: JSON.stringify(document) });
    const at = (host: string) => {
      const sent = new TokenEndpoint(config, new Map(), head, routeOf(head.target, config, host)).onRequest();
      return (sent as Forward).url.hostname;
    };
    expect([at('b.example.net'), at('proxy.example.net')]).toEqual(['b.test', 'a.test']);
  });
});
