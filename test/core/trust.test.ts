import { checkCallable, mayReceiveCredentials } from '../../src/core/trust';
import { configOf, refusal, url } from './heads';

const upstreamOf = (REGISTRY_BACKEND: string, more = {}) => configOf({ REGISTRY_BACKEND, ...more }).upstreams[0];
const PUBLIC = 'https://registry.example.com';

describe('a target that an upstream names', () => {
  test.each([
    [PUBLIC, 'https://cdn.example.net/x'],
    [PUBLIC, 'https://cdn.example.net:8443/x'],
    [PUBLIC, 'https://93.184.216.34/x'],
    ['http://registry.example.com', 'http://cdn.example.net/x'],
    ['http://registry.example.com', 'https://cdn.example.net/x'],
    ['http://127.0.0.1:5000', 'http://10.0.0.1/x'],
    ['https://registry.corp.internal', 'http://storage.corp.internal/x'],
    ['https://registry', 'https://cdn.example.net/x'],
  ])('of %s may be %s', (backend, target) => {
    expect(refusal(() => checkCallable(url(target), upstreamOf(backend), 'the redirect'))).toBeUndefined();
  });

  test.each([
    [PUBLIC, 'http://cdn.example.net/x'],
    [PUBLIC, 'http://registry.example.com/x'],
    [PUBLIC, 'https://127.0.0.1/x'],
    [PUBLIC, 'https://127.1/x'],
    [PUBLIC, 'https://2130706433/x'],
    [PUBLIC, 'https://0x7f000001/x'],
    [PUBLIC, 'https://0/x'],
    [PUBLIC, 'https://[::1]/x'],
    [PUBLIC, 'https://[::ffff:10.0.0.1]/x'],
    [PUBLIC, 'https://169.254.169.254/latest/meta-data'],
    [PUBLIC, 'https://100.100.100.200/latest/meta-data'],
    [PUBLIC, 'https://[fd00:ec2::254]/'],
    [PUBLIC, 'https://localhost/x'],
    [PUBLIC, 'https://localhost./x'],
    [PUBLIC, 'https://LOCALHOST/x'],
    [PUBLIC, 'https://metadata/x'],
    [PUBLIC, 'https://metadata.google.internal/x'],
    ['http://registry.example.com', 'http://10.0.0.1/x'],
  ])('of %s may not be %s', (backend, target) => {
    expect(refusal(() => checkCallable(url(target), upstreamOf(backend), 'the redirect'))).toBe('502 UNAVAILABLE');
  });

  test('may be private where ALLOW_PRIVATE_ADDRESSES says so, and may not where it denies it', () => {
    const allowed = upstreamOf(PUBLIC, { ALLOW_PRIVATE_ADDRESSES: 'true' });
    const denied = upstreamOf('https://registry.corp.internal', { ALLOW_PRIVATE_ADDRESSES: 'false' });
    const target = url('https://10.0.0.1/x');
    expect(refusal(() => checkCallable(target, allowed, 'the redirect'))).toBeUndefined();
    expect(refusal(() => checkCallable(target, denied, 'the redirect'))).toBe('502 UNAVAILABLE');
  });

  test('is named without its path and query, and with a hint', () => {
    try {
      checkCallable(url('https://10.0.0.1/secret?sig=abc'), upstreamOf(PUBLIC), 'the token realm');
      throw new Error('not refused');
    } catch (error) {
      const { message, detail } = error as { message: string; detail: object };
      expect(message).toBe('the token realm leads to a private address');
      expect(detail).toEqual({
        target: 'https://10.0.0.1',
        hint: expect.stringContaining('ALLOW_PRIVATE_ADDRESSES=true'),
      });
    }
  });
});

// CVE-2026-33540: a registry names somebody else's token server, and gets the login.
describe('a login for', () => {
  test.each([
    [PUBLIC, 'https://registry.example.com/token'],
    [PUBLIC, 'https://registry.example.com:8443/token'],
    [PUBLIC, 'https://auth.example.com/token'],
    [PUBLIC, 'https://example.com/token'],
    [PUBLIC, 'https://a.b.c.example.com/token'],
    ['', 'https://auth.docker.io/token'],
    ['https://registry.gitlab.com', 'https://gitlab.com/jwt/auth'],
    ['https://r.example.co.uk', 'https://auth.example.co.uk/token'],
    ['http://127.0.0.1:5000', 'http://127.0.0.1:5001/token'],
    ['http://127.0.0.1:5000', 'http://localhost:5001/token'],
    ['http://registry:5000', 'http://auth:5001/token'],
    ['https://registry.corp.internal', 'https://auth.corp.internal/token'],
    ['http://registry.example.com', 'http://registry.example.com/token'],
    ['https://8.8.4.4', 'https://8.8.4.4/token'],
  ])('%s may go to %s', (backend, realm) => {
    expect(mayReceiveCredentials(url(realm), upstreamOf(backend))).toBe(true);
  });

  test.each([
    // strangers
    [PUBLIC, 'https://evil.example/token'],
    [PUBLIC, 'https://evil.com/token'],
    [PUBLIC, 'https://registry.example.com.evil.net/token'],
    [PUBLIC, 'https://evil-example.com/token'],
    [PUBLIC, 'https://example.net/token'],
    ['', 'https://auth.docker.com/token'],
    ['', 'https://docker.io.evil.net/token'],
    ['', 'https://evildocker.io/token'],
    // one public suffix, two owners
    ['https://a.co.uk', 'https://b.co.uk/token'],
    ['https://one.github.io', 'https://two.github.io/token'],
    ['https://one.s3.amazonaws.com', 'https://two.s3.amazonaws.com/token'],
    ['https://co.uk', 'https://a.co.uk/token'],
    // in the open
    [PUBLIC, 'http://registry.example.com/token'],
    [PUBLIC, 'http://auth.example.com/token'],
    ['http://registry.example.com', 'http://auth.example.com/token'],
    ['https://registry.corp.internal', 'http://auth.corp.internal/token'],
    // addresses
    [PUBLIC, 'https://93.184.216.34/token'],
    ['https://8.8.4.4', 'https://8.8.8.8/token'],
    [PUBLIC, 'https://127.0.0.1/token'],
    // a private registry has no business outside
    ['http://127.0.0.1:5000', 'https://evil.example/token'],
    ['http://registry:5000', 'http://evil.example/token'],
  ])('%s may not go to %s', (backend, realm) => {
    expect(mayReceiveCredentials(url(realm), upstreamOf(backend))).toBe(false);
  });
});

describe('a login for a registry whose token server the operator has named', () => {
  const entry = (tokenServer: string, more = {}) =>
    configOf({ REGISTRIES: JSON.stringify({ 'r.example.com': { tokenServer, ...more } }) }).upstreams[1];

  test.each([
    ['https://login.example.net/token', 'https://login.example.net/token', true],
    ['https://login.example.net/token?service=x', 'https://login.example.net/token', true],
    ['https://93.184.216.34/token', 'https://93.184.216.34/token', true],
    // nothing else of that host or domain
    ['https://login.example.net/token', 'https://login.example.net/other', false],
    ['https://login.example.net/token', 'https://login.example.net:8443/token', false],
    ['https://login.example.net/token', 'http://login.example.net/token', false],
    ['https://login.example.net/token', 'https://evil.example.net/token', false],
    // what holds without a name holds still
    ['https://login.example.net/token', 'https://auth.example.com/token', true],
  ])('as %s: %s %p', (named, realm, may) => {
    expect(mayReceiveCredentials(url(realm), entry(named))).toBe(may);
  });

  test('and who may be called is as it was', () => {
    const target = url('https://10.0.0.1/token');
    const isRefused = (more: object) => refusal(() => checkCallable(target, entry('https://a.test/t', more), 'it'));
    expect([isRefused({}), isRefused({ allowPrivateAddresses: true })]).toEqual(['502 UNAVAILABLE', undefined]);
  });
});
