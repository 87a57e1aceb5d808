import { randomUUID } from 'node:crypto';
import { noFiles } from '../../src/core/files';
import { resolvedSettings } from '../../src/node/resolved';

const sources = { argv: [], env: {}, file: {} };

test('a secret is not printed, and neither is a password in a URL', () => {
  const table = [
    { name: 'PUBLIC_URL', kind: 'origin', fallback: '', secret: true, help: '' },
    { name: 'KEY', kind: 'name', fallback: 'https://user:secret@r.example.com', help: '' },
    { name: 'OTHER', kind: 'name', fallback: '', secret: true, help: '' },
  ] as const;
  const printed = resolvedSettings({ ...sources, env: { PUBLIC_URL: 'https://secret.example.com' } }, table);
  expect(printed.split('\n').map((line) => line.split(' ')[0])).toEqual([
    'PUBLIC_URL=***',
    'KEY=https://***@r.example.com',
    'OTHER=',
    '',
  ]);
});

test('a document of registries, which holds logins, is not printed, and not quoted in faults either', () => {
  const secret = randomUUID();
  const entry = { 'ghcr.io': { username: 'robot', password: secret } };
  const env = { REGISTRIES: JSON.stringify(entry), ANONYMOUS_PULL: 'true', AUTH_HEADER: '' };
  expect(resolvedSettings({ ...sources, env })).toMatch(/^REGISTRIES=\{\*\*\*\} +# env REGISTRIES$/m);
  expect(resolvedSettings({ ...sources, env })).not.toContain(secret);
  const broken = { REGISTRIES: `{"ghcr.io": {"password": "${secret}"` };
  expect(() => resolvedSettings({ ...sources, env: broken })).toThrow(/REGISTRIES=\{\*\*\*\}: expected/);
});

test('what a config.yml says is told from everything else, and what it says in vain stands at the end', () => {
  const content = { version: 0.1, proxy: { remoteurl: 'https://gcr.io', exec: {} }, http: { addr: ':5000' } };
  const files = { ...noFiles, document: () => content };
  const printed = resolvedSettings({ ...sources, env: { PORT: '1' }, argv: ['serve', '/c.yml'], files });
  expect(printed).toMatch(/^CONFIG_FILE=\/c\.yml +# flag serve$/m);
  expect(printed).toMatch(/^REGISTRY_BACKEND=https:\/\/gcr\.io +# config\.yml proxy\.remoteurl$/m);
  expect(printed).toMatch(/^PORT=1 +# env PORT$/m);
  expect(printed).toMatch(/\n# \/c\.yml: ignored proxy\.exec\n$/);
});

test('on Function Compute its gateway is trusted', () => {
  const printed = resolvedSettings({ ...sources, env: { PLATFORM: 'aliyun-fc' } });
  expect(printed).toMatch(/^TRUST_PROXY=true +# default$/m);
});

test.each<[Record<string, string>, string, string]>([
  [{}, 'none', ''],
  [{ CACHE: 'memory' }, 'memory', '268435456'],
  [{ CACHE_DIR: '/c' }, 'disk:/c', ''],
])('the cache that follows from %j', (env, cache, size) => {
  const printed = resolvedSettings({ ...sources, env });
  expect(printed).toMatch(new RegExp(`^CACHE=${cache} +# `, 'm'));
  expect(printed).toMatch(new RegExp(`^CACHE_MAX_SIZE=${size} +# default$`, 'm'));
});
