import { randomUUID } from 'node:crypto';
import { hopFields, type Served, servedFields } from '../../src/core/span-fields';
import type { Purpose } from '../../src/core/verbs';
import { DIGEST, forward, place, REGISTRY, request } from './heads';

const TRUSTED = { TRUST_PROXY: '203.0.113.0/24' };

function served(
  line: string,
  more: Partial<Omit<Served, 'record'>> & { record?: Partial<Served['record']> } = {},
  env: Record<string, string> = {},
) {
  const { record, ...rest } = more;
  const head = request(line, { host: 'proxy.example.net:8443', 'x-forwarded-for': '198.51.100.9' });
  const { config, route } = place(head.target, { ...REGISTRY, ...env });
  const known = { id: 'r-1', startedAt: 0, bytes: 12, resumed: 0, waited: 0, ...record };
  return servedFields({ config, head, route, status: 200, isWhole: true, hasLeft: false, ...rest, record: known });
}

describe('the span of a client’s request', () => {
  test('has what OpenTelemetry’s conventions name, and what a registry has besides', () => {
    const record = { cache: 'hit' as const, connections: 4, waited: 12.4 };
    const { name, attributes, fault } = served('GET /v2/team/app/manifests/v1?ns=registry.example.com&x=1', { record });
    expect([name, fault]).toEqual(['GET /v2/<name>/manifests/<reference>', undefined]);
    expect(JSON.parse(JSON.stringify(attributes))).toEqual({
      'http.request.method': 'GET',
      'http.route': '/v2/<name>/manifests/<reference>',
      'http.response.status_code': 200,
      'http.response.body.size': 12,
      'url.scheme': 'http',
      'url.path': '/v2/team/app/manifests/v1',
      'url.query': 'ns=registry.example.com&x=REDACTED',
      'server.address': 'proxy.example.net',
      'server.port': 8443,
      'client.address': '203.0.113.7',
      'registry.request_id': 'r-1',
      'registry.route': 'manifest',
      'registry.name': 'registry.example.com',
      'registry.repository': 'team/app',
      'registry.reference': 'v1',
      'registry.cache': 'hit',
      'registry.resumed': 0,
      'registry.connections': 4,
      'registry.waited_ms': 12,
    });
  });

  test('names the client that the log names', () => {
    expect(served('GET /v2/', {}, TRUSTED).attributes['client.address']).toBe('198.51.100.9');
  });

  test.each([
    ['GET /v2/', 'GET /v2/'],
    ['HEAD /v2/a/b/blobs/sha256:'.concat('0'.repeat(64)), 'HEAD /v2/<name>/blobs/<digest>'],
    ['GET /v2/a/b/tags/list', 'GET /v2/<name>/tags/list'],
    ['PATCH /v2/a/b/blobs/uploads/1b2c', 'PATCH /v2/<name>/blobs/uploads/<session>'],
    ['POST /token', 'POST /token'],
    ['GET /some/page', 'GET'],
    ['PROPFIND /v2/', 'HTTP /v2/'],
  ])('%s is called %s', (line, name) => {
    expect(served(line).name).toBe(name);
  });

  test('of an own page is named by its method alone', () => {
    expect(served('GET /v2/', { record: { route: 'own' } })).toMatchObject({
      name: 'GET',
      attributes: { 'registry.route': 'own', 'http.route': undefined },
    });
  });

  test('of a request that was not understood says so', () => {
    expect(served('GET /v2/', { route: undefined, status: 400 })).toMatchObject({
      name: 'GET',
      attributes: { 'registry.route': 'none', 'registry.repository': undefined },
    });
  });

  test.each([
    ['a 404', { status: 404 }, undefined, undefined],
    ['a 502', { status: 502, record: { why: 'refused' } }, '502', 'refused'],
    ['a 500 without a reason', { status: 500 }, '500', ''],
    ['a body that broke off', { isWhole: false, record: { why: 'cut' } }, 'broken_off', 'cut'],
    ['a client that left', { isWhole: false, hasLeft: true }, undefined, undefined],
    [
      'a client that left before there was an answer',
      { isWhole: false, hasLeft: true, status: undefined },
      undefined,
      undefined,
    ],
  ])('%s', (_, more, type, fault) => {
    const { attributes, ...rest } = served('GET /v2/a/b/manifests/v1', more);
    expect([attributes['error.type'], rest.fault]).toEqual([type, fault]);
  });

  test('holds neither an upload’s session nor the secret of a mirror’s address', () => {
    const session = randomUUID();
    const secret = randomUUID();
    const upload = served(`PUT /v2/team/app/blobs/uploads/${session}?_state=${session}&digest=${DIGEST}`);
    expect(JSON.stringify(upload)).not.toContain(session);
    for (const target of [`/${secret}/v2/a/b/manifests/v1`, `/v2/${secret}/a/b/manifests/v1`]) {
      const { attributes, fault } = served(
        `GET ${target}?scope=${secret}`,
        { status: 502, record: { why: `no ${secret}` } },
        { ACCESS_SECRET: secret },
      );
      expect(JSON.stringify(attributes)).not.toContain(secret);
      expect([attributes['registry.repository'], fault]).toEqual(['a/b', 'no SECRET']);
    }
  });
});

describe('the span of a request to an upstream', () => {
  const fieldsOf = (purpose: Purpose, to: string, status = 200, resent = 0) =>
    hopFields(forward(to, { purpose }), { status }, resent);

  test('has what OpenTelemetry’s conventions name', () => {
    const { name, attributes, fault } = fieldsOf('registry', 'https://r.example.com/v2/a/b/manifests/v1?ns=x', 200, 2);
    expect([name, fault]).toEqual(['GET registry', undefined]);
    expect(JSON.parse(JSON.stringify(attributes))).toEqual({
      'http.request.method': 'GET',
      'http.request.resend_count': 2,
      'http.response.status_code': 200,
      'url.full': 'https://r.example.com/v2/a/b/manifests/v1',
      'server.address': 'r.example.com',
      'server.port': 443,
      'registry.purpose': 'registry',
    });
  });

  test.each([
    ['registry', 'https://r.example.com/SECRET/v2/a/b/blobs/x', 'https://r.example.com/…/v2/a/b/blobs/x'],
    ['registry', 'https://r.example.com/v2/SECRET/v2/a/b/blobs/x', 'https://r.example.com/…/v2/a/b/blobs/x'],
    ['registry', 'https://r.example.com/v2/a/b/blobs/uploads/SECRET', 'https://r.example.com/v2/a/b/blobs/uploads/…'],
    ['registry', 'https://r.example.com/v2/a/b/blobs/upload/SECRET', 'https://r.example.com/v2/a/b/blobs/upload/…'],
    ['registry', 'https://r.example.com/artifacts-uploads/SECRET', 'https://r.example.com/…'],
    ['ping', 'https://r.example.com:5000/v2/', 'https://r.example.com:5000/v2/'],
    ['realm', 'https://auth.example.com/SECRET?account=SECRET', 'https://auth.example.com/…'],
    ['hop', 'https://cdn.example.com/v2/SECRET?X-Amz-Signature=SECRET', 'https://cdn.example.com/…'],
    ['backend', 'https://cdn.example.com/SECRET', 'https://cdn.example.com/…'],
  ] satisfies [Purpose, string, string][])('to a %s at %s shows %s', (purpose, to, shown) => {
    const fields = fieldsOf(purpose, to);
    expect(fields.attributes['url.full']).toBe(shown);
    expect(JSON.stringify(fields)).not.toContain('SECRET');
  });

  test.each([
    [200, undefined],
    [307, undefined],
    [401, undefined],
    [403, '403'],
    [429, '429'],
    [503, '503'],
  ])('that was answered with %d has the error %s', (status, error) => {
    const { attributes, fault } = fieldsOf('registry', 'https://r.example.com/v2/', status);
    expect([attributes['error.type'], fault]).toEqual([error, error && '']);
  });

  test('that nobody answered says why', () => {
    const failure = { kind: 'timeout', message: 'no response in time (5 s)' } as const;
    const { attributes, fault } = hopFields(forward('https://r.example.com/v2/'), { failure }, 0);
    expect([attributes['error.type'], fault]).toEqual(['timeout', 'no response in time (5 s)']);
    expect(attributes['http.response.status_code']).toBeUndefined();
  });
});
