import { failureOf } from '../../src/node/failures';
import { TransportError } from '../../src/shell/transport-error';

const errorOf = (code: string) => Object.assign(new Error(`connect ${code} 10.0.0.7:443 /v2/secret?sig=x`), { code });

describe('what a node error means', () => {
  test.each([
    ['ECONNREFUSED', 'refused'],
    ['EHOSTUNREACH', 'refused'],
    ['ENETUNREACH', 'refused'],
    ['ENOTFOUND', 'dns'],
    ['EAI_AGAIN', 'dns'],
    ['ETIMEDOUT', 'timeout'],
    ['ECONNRESET', 'reset'],
    ['EPIPE', 'reset'],
    ['HPE_INVALID_CONSTANT', 'reset'],
    ['HPE_HEADER_OVERFLOW', 'reset'],
    ['ERR_FORBIDDEN_ADDRESS', 'forbidden'],
    ['CERT_HAS_EXPIRED', 'tls'],
    ['CERT_NOT_YET_VALID', 'tls'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'tls'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'tls'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'tls'],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'tls'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'tls'],
    ['EPROTO', 'tls'],
    ['EWHATEVER', 'unknown'],
  ])('%s is %s, and its message names no address and no path', (code, kind) => {
    const failure = failureOf(errorOf(code));
    expect(failure.kind).toBe(kind);
    expect(failure.message).toContain(code);
    expect(failure.message).not.toMatch(/10\.0\.0\.7|secret|sig/);
  });

  test('an error without a code says nothing of itself', () => {
    expect(failureOf(new Error('Bearer abc'))).toEqual({ kind: 'unknown', message: 'the request failed' });
    expect(failureOf('thrown text')).toEqual({ kind: 'unknown', message: 'the request failed' });
  });

  test('of several addresses that were tried, the first reason known counts', () => {
    const all = new AggregateError([errorOf('EODD'), errorOf('ENETUNREACH'), errorOf('ECONNREFUSED')]);
    expect(failureOf(all)).toEqual({ kind: 'refused', message: 'connection refused (ENETUNREACH)' });
    const nested = Object.assign(new AggregateError([errorOf('EODD')]), { code: 'ETIMEDOUT' });
    expect(failureOf(nested).kind).toBe('timeout');
  });

  test('a failure of our own keeps its words', () => {
    expect(failureOf(new TransportError('timeout', 'no connection in time (5 s)'))).toEqual({
      kind: 'timeout',
      message: 'no connection in time (5 s)',
    });
  });
});
