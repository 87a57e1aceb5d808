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

test('on Function Compute its gateway is trusted', () => {
  const printed = resolvedSettings({ ...sources, env: { PLATFORM: 'aliyun-fc' } });
  expect(printed).toMatch(/^TRUST_PROXY=true +# default$/m);
});
