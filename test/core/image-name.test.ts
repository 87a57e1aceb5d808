import { parseImageName } from '../../src/core/image-name';
import { DIGEST } from './heads';

test.each([
  ['nginx', undefined, 'nginx', 'latest'],
  ['nginx:1.27', undefined, 'nginx', '1.27'],
  ['team/app', undefined, 'team/app', 'latest'],
  [`team/app@${DIGEST}`, undefined, 'team/app', DIGEST],
  [`team/app:v1@${DIGEST}`, undefined, 'team/app', DIGEST],
  ['docker.io/nginx', 'docker.io', 'library/nginx', 'latest'],
  ['docker.io/library/nginx', 'docker.io', 'library/nginx', 'latest'],
  ['index.docker.io/nginx:1', 'docker.io', 'library/nginx', '1'],
  ['GHCR.io/owner/app:V1', 'ghcr.io', 'owner/app', 'V1'],
  ['ghcr.io/app', 'ghcr.io', 'app', 'latest'],
  [`ghcr.io/owner/app@${DIGEST}`, 'ghcr.io', 'owner/app', DIGEST],
  ['localhost/app', 'localhost', 'app', 'latest'],
  ['localhost:5000/app:v1', 'localhost:5000', 'app', 'v1'],
  ['k8s.gcr.io/pause:3.9', 'registry.k8s.io', 'pause', '3.9'],
])('%s is understood as docker does', (text, registry, repository, reference) => {
  expect(parseImageName(text)).toEqual({ text, ...(registry && { registry }), repository, reference });
});

test.each([
  '',
  'Nginx',
  'https://ghcr.io/owner/app',
  'ghcr.io/',
  'a//b',
  '../etc/passwd',
  'app:',
  'app:a:b',
  'app@sha256:12',
  `app@${DIGEST}@${DIGEST}`,
  'app?ns=ghcr.io',
  'app\r\nx: y',
  'user@host:22/app',
  'bad host.io/app',
  'a.b:99999/app',
  `a/${'b/'.repeat(500)}c`,
])('%j is no image', (text) => {
  expect(parseImageName(text)).toBeUndefined();
});
