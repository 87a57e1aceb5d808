import { redactPlace, redactTarget } from '../../src/core/redact';
import { url } from './heads';

describe('a target in the log', () => {
  test.each([
    ['/v2/library/nginx/manifests/latest?ns=docker.io', '/v2/library/nginx/manifests/latest?ns=docker.io'],
    ['/v2/a/tags/list?n=2&last=b', '/v2/a/tags/list?n=2&last=b'],
    [
      '/token?service=us&scope=repository:a:pull&account=me',
      '/token?service=us&scope=repository:a:pull&account=REDACTED',
    ],
    ['/token?refresh_token=secret', '/token?refresh_token=REDACTED'],
    ['/token?password=a=b', '/token?password=REDACTED'],
    [
      '/files/x?X-Amz-Signature=secret&X-Amz-Credential=id',
      '/files/x?X-Amz-Signature=REDACTED&X-Amz-Credential=REDACTED',
    ],
    [
      '/v2/a/blobs/uploads/secret-session?_state=secret&digest=sha256:x',
      '/v2/a/blobs/uploads/…?_state=REDACTED&digest=sha256:x',
    ],
    ['/v2/a/blobs/uploads/', '/v2/a/blobs/uploads/'],
    ['http://user:secret@evil.example/v2/', 'http://evil.example/v2/'],
    ['https://user:se@cret@evil.example/v2/', 'https://evil.example/v2/'],
    ['/x?', '/x'],
    ['', ''],
  ])('%s', (target, expected) => {
    expect(redactTarget(target)).toBe(expected);
  });

  test.each([
    '/x?secret',
    '/x?a=1&eyJhbGciOi.secret&b',
    '/x?%73ecret',
    '/x?tok%3Dsecret',
    '/x?sig=1#secret',
    '/x?&&secret&&',
  ])('tells nothing of %s', (target) => {
    expect(redactTarget(target)).not.toContain('secret');
  });

  test.each([
    ['/a-secret/v2/nginx/manifests/1', '/SECRET/v2/nginx/manifests/1'],
    ['/token?scope=repository%3Aa-secret%2Fnginx%3Apull', '/token?scope=repository%3ASECRET%2Fnginx%3Apull'],
    ['/token?service=a-secret.r.example.com', '/token?service=SECRET.r.example.com'],
    [
      '/v2/a-secret/b/blobs/uploads/?from=a-secret/c&x=a-secret',
      '/v2/SECRET/b/blobs/uploads/?from=SECRET/c&x=REDACTED',
    ],
  ])('with ACCESS_SECRET in it: %s', (target, expected) => {
    expect(redactTarget(target, 'a-secret')).toBe(expected);
  });

  test('is short', () => {
    expect(redactTarget(`/${'a'.repeat(10_000)}`)).toHaveLength(512);
    expect(redactTarget(`/?n=${'a'.repeat(10_000)}`).length).toBeLessThanOrEqual(512);
  });
});

test.each([
  ['https://r.example.com:5000', 'https://r.example.com:5000'],
  ['https://r.example.com/', 'https://r.example.com'],
  ['https://far.example.com/secret-word', 'https://far.example.com/…'],
  ['https://far.example.com/?key=secret', 'https://far.example.com/…'],
])('of the place of an upstream nothing is told that may be a secret: %s', (place, expected) => {
  expect(redactPlace(url(place))).toBe(expected);
});
