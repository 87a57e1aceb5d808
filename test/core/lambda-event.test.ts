import { readLambdaEvent } from '../../src/core/lambda-event';

const URL_HOST = 'abcdef.lambda-url.eu-central-1.on.aws';

/** Payload format 2.0, as of a function URL. */
function event(fields: Record<string, unknown> = {}, context: Record<string, unknown> = {}) {
  return {
    version: '2.0',
    rawPath: '/v2/library/nginx/manifests/latest',
    rawQueryString: '',
    headers: { host: URL_HOST, accept: 'a/b,c/d', 'x-forwarded-for': '203.0.113.9' },
    requestContext: {
      domainName: URL_HOST,
      http: { method: 'GET', path: '/v2/library/nginx/manifests/latest', sourceIp: '203.0.113.9' },
      ...context,
    },
    isBase64Encoded: false,
    ...fields,
  };
}

test('a function URL: streamed, by https, from the address that the platform saw', () => {
  expect(readLambdaEvent(event())).toEqual({
    front: 'stream',
    method: 'GET',
    target: '/v2/library/nginx/manifests/latest',
    headers: [
      ['host', URL_HOST],
      ['accept', 'a/b,c/d'],
      ['x-forwarded-for', '203.0.113.9'],
    ],
    body: undefined,
    address: '203.0.113.9',
    isSecure: true,
  });
});

test('an HTTP API, or any other name in front: one document', () => {
  for (const domainName of ['abc.execute-api.eu-central-1.amazonaws.com', 'r.example.com', 'lambda-url.example.com']) {
    expect(readLambdaEvent(event({}, { domainName }))).toMatchObject({
      front: 'document',
      headers: [['host', domainName], expect.anything(), expect.anything()],
    });
  }
});

test('a REST API: fields of several lines stay several, its decoded query is encoded again', () => {
  const rest = {
    httpMethod: 'POST',
    path: '/v2/team/app/blobs/uploads/',
    headers: { Accept: 'c/d', Host: 'api.example.com' },
    multiValueHeaders: { Accept: ['a/b', 'c/d'], Host: ['api.example.com'] },
    queryStringParameters: { from: 'x' },
    multiValueQueryStringParameters: { mount: ['sha256:1&2'], from: ['team/über'] },
    requestContext: { domainName: 'api.example.com', identity: { sourceIp: '198.51.100.4' } },
    body: 'AAEC',
    isBase64Encoded: true,
  };
  expect(readLambdaEvent(rest)).toEqual({
    front: 'document',
    method: 'POST',
    target: '/v2/team/app/blobs/uploads/?mount=sha256%3A1%262&from=team%2F%C3%BCber',
    headers: [
      ['host', 'api.example.com'],
      ['accept', 'a/b'],
      ['accept', 'c/d'],
    ],
    body: { text: 'AAEC', isBase64: true },
    address: '198.51.100.4',
    isSecure: true,
  });
});

test('a load balancer: the last address of the list, the scheme as it says, the query as it came', () => {
  const balancer = {
    httpMethod: 'GET',
    path: '/v2/',
    headers: { host: 'lb.example.com', 'x-forwarded-for': '10.1.1.1, 198.51.100.7', 'x-forwarded-proto': 'http' },
    queryStringParameters: { ns: 'docker.io', scope: 'repository%3Aa%3Apull' },
    requestContext: { elb: { targetGroupArn: 'arn' } },
    body: '',
    isBase64Encoded: false,
  };
  expect(readLambdaEvent(balancer)).toMatchObject({
    target: '/v2/?ns=docker.io&scope=repository%3Aa%3Apull',
    address: '198.51.100.7',
    isSecure: false,
    body: undefined,
  });
  const secure = { ...balancer, headers: { ...balancer.headers, 'x-forwarded-proto': 'https' } };
  expect(readLambdaEvent(secure)?.isSecure).toBe(true);
});

test.each([
  ['/v2/a b', '', '/v2/a%20b'],
  ['/v2/a\r\nHost: evil', '', '/v2/a%0D%0AHost:%20evil'],
  ['/v2/a?b#c', '', '/v2/a%3Fb%23c'],
  ['/v2/%2e%2e', 'a=%2F', '/v2/%2e%2e?a=%2F'],
  ['/v2/ä\ud800', '', '/v2/%C3%A4%EF%BF%BD'],
  ['v2', 'a=b c', '/v2?a=b%20c'],
])('path %j and query %j become %s', (rawPath, rawQueryString, target) => {
  expect(readLambdaEvent(event({ rawPath, rawQueryString }))?.target).toBe(target);
});

test('what ends at the front, and cookies, do not come in', () => {
  const headers = {
    host: 'other.example.com',
    connection: 'keep-alive',
    'content-length': '12',
    cookie: 'a=b',
    expect: '100-continue',
    'transfer-encoding': 'chunked',
    te: 'trailers',
    upgrade: 'h2c',
    range: 'bytes=0-1',
  };
  expect(readLambdaEvent(event({ headers, cookies: ['a=b'] }))?.headers).toEqual([
    ['host', URL_HOST],
    ['range', 'bytes=0-1'],
  ]);
});

test.each<[unknown]>([
  [undefined],
  [null],
  ['text'],
  [7],
  [[]],
  [{}],
  [{ key1: 'value1' }],
  [{ httpMethod: 'GET' }],
  [{ httpMethod: 'GET /evil HTTP/1.1\r\n', path: '/' }],
  [{ httpMethod: 5, path: '/' }],
  [{ source: 'aws.events', detail: {} }],
])('%j is no request', (given) => {
  expect(readLambdaEvent(given)).toBeUndefined();
});
