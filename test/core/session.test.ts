import fc from 'fast-check';
import { isPlainSession, openSession, wrapSession } from '../../src/core/session';
import { refusal } from './heads';

const wrapped = (text: string) => `~${Buffer.from(text).toString('base64url')}`;

describe('an upload session', () => {
  test.each(['0a1b2c', 'a.b_c-d', 'uuid:1=2', 'AAAA+@!', 'x~y'])('%s is plain', (segment) => {
    expect(isPlainSession(segment)).toBe(true);
    expect(openSession(segment, 'team/app')).toBeUndefined();
  });

  test.each(['', '~x', 'a b', 'a/b', 'a%2Fb', 'é', 'a?b'])('%j is not', (segment) => {
    expect(isPlainSession(segment)).toBe(false);
  });

  test.each([
    ['/v2/team/app/blobs/upload/1234', ''],
    ['/v2/team/app/blobs/uploads/a%2Fb', '?_state=x%2By~==&d'],
    ['/artifacts-uploads/namespaces/p/repositories/r/uploads/AF%3D', '?upload_id=1'],
    ['/Upload/x', ''],
    ['/artifactory/api/docker/key/v2/team/app/blobs/uploads/1', ''],
  ])('%s%s comes back as it was', (path, query) => {
    const segment = wrapSession({ path, query });
    expect(segment).toMatch(/^~[A-Za-z0-9_-]+$/);
    expect(openSession(segment, 'team/app')).toEqual({ path, query });
  });

  test('of a repository that is called like the API comes back as well', () => {
    const target = { path: '/v2/v2/app/blobs/upload/1', query: '' };
    expect(openSession(wrapSession(target), 'v2/app')).toEqual(target);
  });

  test('any path and query comes back', () => {
    const visible = fc.string({ unit: fc.constantFrom(...'aZ09-._~!$&()*+,=:@%2F'), maxLength: 40 });
    fc.assert(
      fc.property(visible, visible, (path, query) => {
        const target = { path: `/uploads/x${path}y`, query: `?q${query}` };
        expect(openSession(wrapSession(target), 'team/app')).toEqual(target);
      }),
    );
  });

  test.each([
    // out of the repository
    wrapped('/v2/other/app/blobs/uploads/x'),
    wrapped('/v2/team/app2/blobs/uploads/x'),
    wrapped('/v2/team/app/manifests/uploads'),
    wrapped('/v2/team/app/blobs/sha256:upload'),
    wrapped('/V2/other/blobs/uploads/x'),
    wrapped('/v2'),
    wrapped('/v2/uploads'),
    wrapped('/%76%32/other/app/blobs/uploads/x'),
    wrapped('/v%32/other/app/blobs/uploads/x'),
    wrapped('/v2/team/app/blobs/uploads/../../../other/manifests/v1'),
    wrapped('/v2/team/app/blobs/uploads/%2e%2E/x'),
    wrapped('/v2/team/app/blobs/uploads/..%2f..%2fx'),
    wrapped('/v2/team/app/blobs/uploads/..\\x'),
    wrapped('/v2/team/app/blobs/uploads/..%5cx'),
    wrapped('/uploads/../v2/other/manifests/v1'),
    wrapped('/base/v2/other/app/blobs/uploads/x'),
    wrapped('/base/v2/other/app/manifests/upload'),
    wrapped('/base/%562/other/app/manifests/upload'),
    wrapped('/uploads/v2/other/app/manifests/v1'),
    wrapped('/uploads/v2'),
    wrapped('/uploads/./x'),
    // as servers in Java read it, and such as decode twice
    wrapped('/v2/team/app/blobs/uploads/..;/..;/..;/..;/other/manifests/v1'),
    wrapped('/v2/team/app/blobs/uploads/..;x/y'),
    wrapped('/v2/team/app/blobs/uploads/..%3b/y'),
    wrapped('/v2/team/app/blobs/uploads/%252e%252e/y'),
    wrapped('/admin;x/uploads/y'),
    // to another host
    wrapped('//evil.example/uploads/x'),
    wrapped('/\\evil.example/uploads/x'),
    wrapped('/%2fevil.example/uploads/x'),
    wrapped('https://evil.example/uploads/x'),
    wrapped('evil.example/uploads'),
    // to what is no upload
    wrapped('/admin/delete'),
    wrapped('/admin?uploads'),
    wrapped('/admin/users;uploads'),
    wrapped('/files/upload.txt'),
    wrapped('/files/uploads'),
    wrapped(''),
    // no base64, no text
    '~',
    '~!',
    '~a',
    '~====',
    wrapped('/uploads/a b'),
    wrapped('/uploads/\r\nHost: x'),
    wrapped('/uploads/é'),
    wrapped('/uploads/x#y'),
    'a b',
    'a%2fb',
  ])('%s is refused', (segment) => {
    expect(refusal(() => openSession(segment, 'team/app'))).toBe('400 UNSUPPORTED');
  });

  test.each([
    '/uploads/x',
    '/api/uploads/x',
    '/repository/raw/uploads/x',
    '/admin/artifacts-uploads/x',
    '/Artifacts-Uploads/x',
  ])('%s is refused where the proxy would be asking by its own right', (path) => {
    expect(openSession(wrapped(path), 'team/app')).toEqual({ path, query: '' });
    expect(refusal(() => openSession(wrapped(path), 'team/app', true))).toBe('400 UNSUPPORTED');
  });

  test.each(['/artifacts-uploads/namespaces/p/uploads/1', '/v2/team/app/blobs/upload/1'])(
    '%s is open to a right of the proxy as well',
    (path) => {
      expect(openSession(wrapped(path), 'team/app', true)).toEqual({ path, query: '' });
    },
  );
});
