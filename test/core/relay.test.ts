import { randomUUID } from 'node:crypto';
import { SMALL_BODY_BYTES } from '../../src/core/capabilities';
import { headerOf, headersOf } from '../../src/core/headers';
import { relayed, relayedProbe } from '../../src/core/relay';
import type { Purpose } from '../../src/core/verbs';
import { DIGEST, type Fields, forward, place, REGISTRY, response } from './heads';

const BLOB = `/v2/team/app/blobs/${DIGEST}`;
const MANIFEST = '/v2/team/app/manifests/v1';
const FC = { ...REGISTRY, PLATFORM: 'aliyun-fc' };
const BIG = String(SMALL_BODY_BYTES + 1);
const UP = 'https://registry.example.com';

function relay(
  target: string,
  status: number,
  headers: Fields = {},
  method = 'GET',
  env = REGISTRY as Record<string, string>,
  purpose: Purpose = 'registry',
) {
  return relayed(
    forward(UP + target.replace(/\?.*/, ''), { method, purpose }),
    response(status, headers),
    place(target, env),
  );
}

describe('framing', () => {
  test.each<[string, Record<string, string>, Fields, string, string | undefined]>([
    [BLOB, REGISTRY, { 'content-length': BIG }, 'stream', BIG],
    [BLOB, REGISTRY, {}, 'stream', undefined],
    [MANIFEST, REGISTRY, { 'content-length': '5' }, 'stream', '5'],
    // a manifest always has its length
    [MANIFEST, REGISTRY, {}, 'collect', undefined],
    ['/v2/team/app/tags/list', REGISTRY, {}, 'collect', undefined],
    ['/v2/_catalog', FC, {}, 'collect', undefined],
    ['/v2/', REGISTRY, {}, 'collect', undefined],
    ['/files/x', REGISTRY, {}, 'stream', undefined],
    // Function Compute streams only what is chunked
    [BLOB, FC, { 'content-length': String(SMALL_BODY_BYTES) }, 'stream', String(SMALL_BODY_BYTES)],
    [BLOB, FC, { 'content-length': BIG }, 'stream', undefined],
    ['/files/x', FC, { 'content-length': BIG }, 'stream', undefined],
    [BLOB, { ...FC, BODY_FRAMING: 'length' }, { 'content-length': BIG }, 'stream', BIG],
    [BLOB, { ...REGISTRY, BODY_FRAMING: 'chunked' }, { 'content-length': BIG }, 'stream', undefined],
    [BLOB, { ...REGISTRY, BODY_FRAMING: 'chunked' }, { 'content-length': '5' }, 'stream', '5'],
  ])('of %s with %j and %j', (target, env, headers, body, length) => {
    const { body: carried, headers: sent } = relay(target, 200, headers, 'GET', env);
    expect([carried, headerOf(sent, 'content-length')]).toEqual([body, length]);
  });

  test.each([
    ['HEAD', 200, BIG],
    ['GET', 304, BIG],
    ['GET', 204, undefined],
    ['GET', 205, undefined],
    ['DELETE', 204, undefined],
  ])('%s %d has no body, and HEAD keeps its length on every platform', (method, status, length) => {
    const { body, headers, span } = relay(BLOB, status, { 'content-length': BIG, etag: '"e"' }, method, FC);
    expect([body, span, headerOf(headers, 'content-length'), headerOf(headers, 'etag')]).toEqual([
      'none',
      undefined,
      length,
      '"e"',
    ]);
  });
});

describe('what can be continued', () => {
  test.each<[string, number, Fields, string, object | undefined]>([
    [BLOB, 200, { 'content-length': '10' }, 'GET', { first: 0, last: 9, total: 10 }],
    [BLOB, 206, { 'content-range': 'bytes 5-9/10' }, 'GET', { first: 5, last: 9, total: 10 }],
    [BLOB, 200, { 'content-length': '10', etag: '"e"' }, 'GET', { first: 0, last: 9, total: 10 }],
    [BLOB, 404, { 'content-length': '10' }, 'GET', undefined],
    [BLOB, 200, { 'content-length': '10' }, 'HEAD', undefined],
    [MANIFEST, 200, { 'content-length': '10', etag: '"e"' }, 'GET', undefined],
    [
      '/files/x',
      200,
      { 'content-length': '10', etag: '"e"' },
      'GET',
      { first: 0, last: 9, total: 10, validator: '"e"' },
    ],
    ['/files/x', 200, { 'content-length': '10', etag: 'W/"e"' }, 'GET', undefined],
    ['/files/x', 200, { 'content-length': '10' }, 'GET', undefined],
  ])('%s %d %j %s', (target, status, headers, method, expected) => {
    expect(relay(target, status, headers, method).span).toEqual(expected);
  });
});

describe('headers', () => {
  const header = (name: string, ...args: Parameters<typeof relay>) => headersOf(relay(...args).headers, name);

  test('name the API version and, where it was asked for, the registry', () => {
    expect(header('docker-distribution-api-version', '/v2/', 200)).toEqual(['registry/2.0']);
    expect(
      header('docker-distribution-api-version', '/v2/', 200, { 'docker-distribution-api-version': 'registry/2.1' }),
    ).toEqual(['registry/2.1']);
    expect(header('docker-distribution-api-version', '/files/x', 200)).toEqual([]);
    expect(header('oci-namespace', `${MANIFEST}?ns=registry.example.com`, 200)).toEqual(['registry.example.com']);
    expect(header('oci-namespace', `${MANIFEST}?ns=registry.example.com`, 404)).toEqual(['registry.example.com']);
    expect(header('oci-namespace', MANIFEST, 200)).toEqual([]);
  });

  test.each<[string, number, Fields, string, string[]]>([
    [BLOB, 200, {}, 'GET', [DIGEST]],
    [BLOB, 206, {}, 'GET', [DIGEST]],
    [BLOB, 200, {}, 'HEAD', [DIGEST]],
    [BLOB, 200, { 'docker-content-digest': 'sha256:theirs' }, 'GET', ['sha256:theirs']],
    [BLOB, 404, {}, 'GET', []],
    [BLOB, 202, {}, 'DELETE', []],
    [MANIFEST, 200, {}, 'GET', []],
  ])('digest of %s %d %j %s', (target, status, headers, method, expected) => {
    expect(header('docker-content-digest', target, status, headers, method)).toEqual(expected);
  });

  test('a manifest’s type has no parameters', () => {
    const type = { 'content-type': 'application/vnd.oci.image.index.v1+json; charset=utf-8' };
    expect(header('content-type', MANIFEST, 200, type)).toEqual(['application/vnd.oci.image.index.v1+json']);
    expect(header('content-type', '/v2/team/app/tags/list', 200, type)).toEqual([type['content-type']]);
  });

  test('a 401 names our token endpoint; the challenge of a storage or a token server does not', () => {
    const challenge = {
      'www-authenticate': ['Bearer realm="https://r/t",service="s",scope="a:b:pull"', 'Basic realm="x"'],
    };
    expect(header('www-authenticate', MANIFEST, 401, challenge)).toEqual([
      'Bearer realm="https://proxy.example.net/token",service="proxy.example.net",scope="a:b:pull"',
      'Basic realm="x"',
    ]);
    expect(header('www-authenticate', '/files/x', 401, challenge, 'GET', REGISTRY, 'backend')).toEqual(
      challenge['www-authenticate'],
    );
  });

  test('a token is not stored', () => {
    const cached = { 'cache-control': 'public, max-age=60', 'content-length': '2' };
    expect(header('cache-control', '/token', 200, cached, 'GET', REGISTRY, 'realm')).toEqual(['no-store']);
  });

  test.each<[number, string, string]>([
    [201, '/v2/team/app/manifests/x', 'https://proxy.example.net/v2/team/app/manifests/x'],
    [307, '/files/x', 'https://proxy.example.net/files/x'],
    [307, 'https://cdn.example.org/x', 'https://cdn.example.org/x'],
  ])('%d with Location %s', (status, location, expected) => {
    expect(header('location', MANIFEST, status, { location })).toEqual([expected]);
    expect(relay(MANIFEST, status, { location }).status).toBe(status);
  });

  test.each([400, 403, 404, 429, 500, 503])('%d is not translated', (status) => {
    const { status: sent, headers } = relay(MANIFEST, status, { 'retry-after': '7', 'content-length': '2' });
    expect([sent, headerOf(headers, 'retry-after')]).toEqual([status, '7']);
  });
});

describe('a HEAD answered by a GET of one byte', () => {
  const probe = (status: number, headers: Fields, env: Record<string, string> = REGISTRY) => {
    const { headers: sent, ...rest } = relayedProbe(
      forward('https://cdn.example.org/x', { purpose: 'hop' }),
      response(status, headers),
      place(BLOB, env),
    );
    return {
      ...rest,
      length: headerOf(sent, 'content-length'),
      range: headerOf(sent, 'content-range'),
      digest: headerOf(sent, 'docker-content-digest'),
    };
  };
  const told = (status: number, length: string | undefined, digest: string | null = DIGEST) => ({
    verb: 'relay',
    status,
    body: 'none',
    length,
    range: undefined,
    digest: digest ?? undefined,
  });

  test.each<[number, Fields, ReturnType<typeof told>]>([
    [206, { 'content-length': '1', 'content-range': 'bytes 0-0/5000000000' }, told(200, '5000000000')],
    [206, { 'content-length': '1', 'content-range': 'bytes 0-0/*' }, told(200, undefined)],
    [206, { 'content-length': '1' }, told(200, undefined)],
    [200, { 'content-length': '70' }, told(200, '70')],
    [416, { 'content-length': '150', 'content-range': 'bytes */0' }, told(200, '0')],
    [404, { 'content-length': '150' }, told(404, '150', null)],
    [304, { etag: '"e"' }, told(304, undefined, null)],
  ])('%d %j', (status, headers, expected) => {
    expect(probe(status, headers)).toEqual(expected);
  });

  test('has its length where large bodies have none', () => {
    expect(probe(200, { 'content-length': BIG }, FC).length).toBe(BIG);
  });
});

describe('behind a gate', () => {
  const SECRET = randomUUID();
  const GATE = { ...REGISTRY, ACCESS_SECRET: SECRET };
  const cacheControl = (said: string | undefined, env: Record<string, string>, target = `/${SECRET}${BLOB}`) => {
    const { headers } = relay(target, 200, said === undefined ? {} : { 'cache-control': said }, 'GET', env);
    return headersOf(headers, 'cache-control');
  };

  test.each<[string | undefined, string]>([
    [undefined, 'private'],
    ['public, max-age=60', 'private, max-age=60'],
    ['Public,S-MaxAge=9, immutable', 'private, immutable'],
    ['private', 'private'],
    ['no-store', 'private, no-store'],
  ])('no cache that others use keeps an answer that says %s', (said, expected) => {
    expect(cacheControl(said, GATE)).toEqual([expected]);
    expect(cacheControl(said, GATE, `/${SECRET}/files/x`)).toEqual([expected]);
    expect(cacheControl(said, { ...GATE, ANONYMOUS_PULL: 'true' })).toEqual(said === undefined ? [] : [said]);
    expect(cacheControl(said, REGISTRY, BLOB)).toEqual(said === undefined ? [] : [said]);
  });
});

describe('a refusal by a registry whose token server the operator has named', () => {
  const registries = { 'registry.example.com': { default: true, tokenServer: 'https://named.test/token' } };
  const env = { REGISTRIES: JSON.stringify(registries) };
  const told = (target: string, status: number, headers: Fields) =>
    headersOf(relay(target, status, headers, 'GET', env).headers, 'www-authenticate');
  const OWN = 'Bearer realm="https://proxy.example.net/token",service="proxy.example.net"';

  test.each<[string, number, Fields, string[]]>([
    [MANIFEST, 401, {}, [`${OWN},scope="repository:team/app:pull"`]],
    ['/v2/', 401, {}, [OWN]],
    ['/v2/', 401, { 'www-authenticate': 'Bearer realm="https://other.test/t",service="s"' }, [OWN]],
    [MANIFEST, 403, {}, []],
  ])('of %s, %d with %j, names our own token endpoint', (target, status, headers, lines) => {
    expect(told(target, status, headers)).toEqual(lines);
  });

  test('is passed as it is where none is named', () => {
    expect(headersOf(relay(MANIFEST, 401).headers, 'www-authenticate')).toEqual([]);
  });
});
