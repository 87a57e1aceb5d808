import {
  AGENT,
  backendHeaders,
  countVia,
  headerOf,
  headersOf,
  redirectHeaders,
  requestHeaders,
  responseHeaders,
  VIA,
  withHeader,
  withoutHeaders,
} from '../../src/core/headers';
import { fields } from './heads';

const LIST = fields({ a: ['1', '2'], b: '3' });

test('a list is read and changed by name', () => {
  expect([headerOf(LIST, 'a'), headerOf(LIST, 'c'), headersOf(LIST, 'a')]).toEqual(['1', undefined, ['1', '2']]);
  expect(withoutHeaders(LIST, 'a', 'c')).toEqual(fields({ b: '3' }));
  expect(withHeader(LIST, 'a', '9')).toEqual(fields({ b: '3', a: '9' }));
  expect(withHeader(LIST, 'a', undefined)).toEqual(fields({ b: '3' }));
});

/** Everything that platforms, browsers and proxies put on a request. */
const SECRETS = {
  cookie: 'session=1',
  host: 'proxy',
  forwarded: 'for=1.2.3.4',
  'x-forwarded-for': '1.2.3.4',
  'x-forwarded-host': 'proxy',
  'x-forwarded-proto': 'https',
  'x-real-ip': '1.2.3.4',
  'cf-connecting-ip': '1.2.3.4',
  'x-fc-access-key-id': 'id',
  'x-fc-access-key-secret': 'secret',
  'x-fc-security-token': 'token',
  'x-fc-request-id': 'id',
  'x-scf-secret-key': 'secret',
  'x-amz-security-token': 'token',
  'proxy-authorization': 'Basic x',
  'proxy-connection': 'keep-alive',
  connection: 'keep-alive',
  'keep-alive': 'timeout=5',
  te: 'trailers',
  trailer: 'x',
  'transfer-encoding': 'chunked',
  upgrade: 'h2c',
  expect: '100-continue',
  'content-length': '5',
  origin: 'https://x',
  referer: 'https://x/secret',
  'x-anything': 'x',
  'x-registry-proxy-hop': '1',
};
const CARRIED = {
  accept: ['a/b', 'c/d'],
  'accept-language': 'zh',
  authorization: 'Bearer t',
  'cache-control': 'no-cache',
  'content-range': '0-5',
  'content-type': 'a/b',
  'if-match': '"m"',
  'if-modified-since': 'x',
  'if-none-match': '"n"',
  'if-range': '"r"',
  'if-unmodified-since': 'x',
  range: 'bytes=0-',
  'user-agent': 'docker/27',
  'x-meta-source-client': 'containerd',
};
const OURS = { 'accept-encoding': 'identity', via: VIA };

describe('a request', () => {
  test('carries what registries understand, every line of it, and nothing else', () => {
    expect(requestHeaders(fields({ ...SECRETS, ...CARRIED, 'accept-encoding': 'gzip' }), AGENT)).toEqual(
      fields({ ...CARRIED, ...OURS }),
    );
  });

  test('has a User-Agent in any case', () => {
    expect(requestHeaders([], AGENT)).toEqual(fields({ 'user-agent': AGENT, ...OURS }));
    expect(headerOf(requestHeaders(fields({ 'user-agent': '' }), AGENT), 'user-agent')).toBeDefined();
  });

  test.each(['authorization, range', 'Authorization,RANGE', ['close', ' authorization ,range']])(
    'loses what Connection: %s names',
    (connection) => {
      const sent = requestHeaders(fields({ connection, authorization: 'x', range: 'bytes=0-', accept: 'a' }), AGENT);
      expect(sent.map(([name]) => name)).toEqual(['accept', 'user-agent', 'accept-encoding', 'via']);
    },
  );

  test.each<[string[], string, number]>([
    [[], VIA, 0],
    [['1.1 nginx'], VIA, 0],
    [[VIA], `${VIA}, ${VIA}`, 1],
    [[`${VIA}, 1.1 nginx`, VIA], `${VIA}, 1.1 nginx, ${VIA}, ${VIA}`, 2],
  ])('after Via %j says %s', (via, expected, count) => {
    expect(headerOf(requestHeaders(fields({ via }), AGENT), 'via')).toBe(expected);
    expect(countVia(fields({ via }))).toBe(count);
  });

  test('outside /v2/ carries no credential', () => {
    const { authorization, 'x-meta-source-client': _, ...rest } = CARRIED;
    expect(authorization).toBeDefined();
    expect(backendHeaders(fields({ ...SECRETS, ...CARRIED }), AGENT)).toEqual(fields({ ...rest, ...OURS }));
  });

  test('to another origin carries only what picks the bytes', () => {
    const hop = redirectHeaders(requestHeaders(fields({ ...SECRETS, ...CARRIED }), AGENT));
    expect(new Set(hop.map(([name]) => name))).toEqual(
      new Set(['accept', 'accept-encoding', 'if-none-match', 'if-range', 'range', 'user-agent', 'via']),
    );
  });
});

describe('a response', () => {
  const PASSED = {
    'accept-ranges': 'bytes',
    'content-length': '5',
    'content-type': 'a/b',
    'content-range': 'bytes 0-4/5',
    'docker-content-digest': 'sha256:x',
    'docker-distribution-api-version': 'registry/2.0',
    'docker-upload-uuid': 'u',
    'docker-ratelimit-source': '1.2.3.4',
    etag: '"e"',
    'last-modified': 'x',
    link: '<x>',
    location: '/x',
    'oci-subject': 'sha256:x',
    'oci-filters-applied': 'artifactType',
    'oci-chunk-min-length': '5',
    'ratelimit-limit': '100;w=21600',
    'ratelimit-remaining': '99',
    range: '0-4',
    'retry-after': '5',
    'www-authenticate': ['Basic', 'Bearer realm="x"'],
  };

  test('passes what clients understand, every line of it, and nothing else', () => {
    const dropped = {
      'set-cookie': 'a=b',
      'strict-transport-security': 'max-age=1',
      'alt-svc': 'h3=":443"',
      server: 'nginx',
      'x-amz-request-id': 'x',
      'access-control-allow-origin': 'https://x',
      'content-security-policy': 'x',
      'transfer-encoding': 'chunked',
      connection: 'close',
      'keep-alive': 'timeout=5',
      trailer: 'x',
      upgrade: 'h2',
      'proxy-authenticate': 'Basic',
    };
    expect(responseHeaders(fields({ ...dropped, ...PASSED }))).toEqual(fields(PASSED));
  });

  test('loses what its Connection names', () => {
    expect(responseHeaders(fields({ connection: 'close, ETag', etag: '"e"', range: '0-4' }))).toEqual(
      fields({ range: '0-4' }),
    );
  });
});
