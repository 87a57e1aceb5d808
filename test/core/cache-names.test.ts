import { linkName, publicName, repositoryName, tagName } from '../../src/core/cache-names';
import { readConfig } from '../../src/core/config';
import { routeOf } from '../../src/core/route';
import { DIGEST } from './heads';

const routeAt = (backend: string, env: Record<string, string> = {}) =>
  routeOf('/v2/team/app/manifests/v1', readConfig({ REGISTRY_BACKEND: backend, REGISTRY_NAME: 'r.test', ...env }));

const OPEN = { ANONYMOUS_PULL: 'true' };

test.each<[string, string, Record<string, string>]>([
  ['another host', 'https://b.example.com', {}],
  ['another port', 'https://a.example.com:444', {}],
  ['another base path', 'https://a.example.com/base', {}],
  ['an account', 'https://a.example.com', { ...OPEN, REGISTRY_USERNAME: 'alice', REGISTRY_PASSWORD: 'x' }],
  ['nobody’s right', 'https://a.example.com', { REGISTRIES: 'ghcr.io' }],
])('content of a registry is not that of the same with %s', (_, backend, env) => {
  expect(repositoryName(routeAt(backend, env))).not.toBe(repositoryName(routeAt('https://a.example.com')));
});

test('what everybody may pull is so whoever asks', () => {
  const asked = routeAt('https://a.example.com', { ...OPEN, REGISTRY_USERNAME: 'alice', REGISTRY_PASSWORD: 'x' });
  expect(publicName(asked)).toBe(publicName(routeAt('https://a.example.com')));
});

test('no name shows a path, which may be a secret, or a password', () => {
  const secret = 'a-secret-path-of-somebody';
  const route = routeAt(`https://far.example.com/${secret}`, {
    ...OPEN,
    REGISTRY_USERNAME: 'alice',
    REGISTRY_PASSWORD: secret,
  });
  const names = [repositoryName(route), publicName(route), tagName(route), linkName(route, DIGEST)];
  expect(names.join(' ')).not.toContain(secret);
  expect(repositoryName(route)).not.toBe(
    repositoryName(
      routeAt('https://far.example.com/other', { ...OPEN, REGISTRY_USERNAME: 'alice', REGISTRY_PASSWORD: 'x' }),
    ),
  );
});
