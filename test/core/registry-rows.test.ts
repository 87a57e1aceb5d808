import { randomUUID } from 'node:crypto';
import { type Row, readRow, rowSurroundings, rowsOfDocument } from '../../src/core/registry-rows';
import { url } from './heads';

function read(key: string, value: unknown, env: Record<string, string> = {}) {
  const faults: string[] = [];
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const entry = readRow({ key, text }, rowSurroundings(env), faults);
  return { entry: entry && JSON.parse(JSON.stringify(entry)), faults };
}

const fromEnv = (name: string) => `$\{${name}}`;

describe('a row', () => {
  test.each<[string, object, object]>([
    [
      'ghcr',
      { targetDomain: 'ghcr.io', authEndpoint: 'https://ghcr.io/token' },
      { name: 'ghcr.io', label: 'ghcr', url: url('https://ghcr.io').hostname, tokenServer: '/token' },
    ],
    [
      'docker',
      { targetDomain: 'registry-1.docker.io', authEndpoint: 'https://auth.docker.io/token' },
      { name: 'docker.io', label: 'docker', url: 'registry-1.docker.io', tokenServer: '/token' },
    ],
    ['gcr', { targetDomain: 'gcr.io' }, { name: 'gcr.io', label: 'gcr', url: 'gcr.io' }],
    ['lab', { url: 'http://10.0.0.5:5000' }, { name: '10.0.0.5:5000', label: 'lab', url: '10.0.0.5' }],
    ['lab', { url: 'http://10.0.0.5:5000', name: 'Lab.test' }, { name: 'lab.test', label: 'lab', url: '10.0.0.5' }],
    ['quay.io', {}, { name: 'quay.io' }],
    ['docker.io', { url: 'https://mirror.gcr.io' }, { name: 'docker.io', url: 'mirror.gcr.io' }],
    ['quay.io', { label: 'q' }, { name: 'quay.io', label: 'q' }],
    ['*.pkg.dev', {}, { name: '*.pkg.dev' }],
    ['corp:5000', {}, { name: 'corp:5000' }],
  ])('%s %j is read', (key, value, expected) => {
    const { entry, faults } = read(key, value);
    const seen = {
      name: entry?.name,
      label: entry?.label,
      url: entry?.url?.hostname,
      tokenServer: entry?.tokenServer?.path,
    };
    expect([JSON.parse(JSON.stringify(seen)), faults]).toEqual([expected, []]);
    expect(entry.row).toBe(key);
  });

  test('says whatever an entry of a document may say', () => {
    const value = {
      url: 'https://r.example.com',
      username: 'robot',
      password: fromEnv('ROW_TOKEN'),
      redirect: 'follow',
      prefix: 'team',
      mirror: true,
      timeouts: { stall: '1m' },
    };
    expect(read('r', value, { ROW_TOKEN: 'from-env' }).entry).toMatchObject({
      accounts: [{ kind: 'login', username: 'robot', password: 'from-env' }],
      redirect: 'follow',
      prefix: 'team',
      mirror: true,
      timeouts: { stall: 60_000 },
    });
  });

  test.each<[string, string, unknown, string]>([
    ['no JSON', 'ghcr', '{', 'row ghcr: expected a JSON object such as {"targetDomain":"ghcr.io"}'],
    ['a list', 'ghcr', [], 'row ghcr: expected a JSON object'],
    ['text', 'ghcr', '"ghcr.io"', 'row ghcr: expected a JSON object'],
    [
      'an unknown key',
      'ghcr',
      { targetDomian: 'ghcr.io' },
      'row ghcr.targetDomian: unknown key; did you mean targetDomain?',
    ],
    ['no address', 'ghcr', {}, 'row ghcr.targetDomain: is missing'],
    ['an address that is none', 'ghcr', { targetDomain: 'a b' }, 'row ghcr.targetDomain: expected an http(s) URL'],
    ['two addresses', 'ghcr', { targetDomain: 'a.test', url: 'b.test' }, 'row ghcr.targetDomain: stands beside url'],
    [
      'two token servers',
      'ghcr',
      { url: 'a.test', authEndpoint: 'https://a.test/t', tokenServer: 'https://b.test/t' },
      'row ghcr.authEndpoint: stands beside tokenServer',
    ],
    [
      'a token server without a scheme',
      'ghcr',
      { url: 'a.test', authEndpoint: 'a.test/t' },
      'row ghcr.authEndpoint: expected the URL',
    ],
    [
      'a key in capitals',
      'GHCR',
      { url: 'a.test' },
      'row "GHCR": expected the first label of a host name, in lower case',
    ],
    ['a key of spaces', 'a b', { url: 'a.test' }, 'row "a b": expected the first label'],
    ['a key that begins with a dash', '-a', { url: 'a.test' }, 'row "-a": expected the first label'],
    ['a name that is none', 'a', { url: 'a.test', name: 'b/c' }, 'row a.name: expected the name of a registry'],
    ['a label beside its key', 'a', { url: 'a.test', label: 'b' }, 'row a.label: is the key of the row'],
    ['a label in capitals', 'a.test', { label: 'B' }, 'row a.test.label: expected the first label'],
    ['a label of many', '*.pkg.dev', { label: 'b' }, 'row *.pkg.dev.label: a name with *'],
    [
      'a token server of many',
      '*.pkg.dev',
      { tokenServer: 'https://a.test/t' },
      'row *.pkg.dev.tokenServer: a name with *',
    ],
    [
      'a file',
      'a',
      { url: 'a.test', username: 'u', passwordFile: '/etc/passwd' },
      'row a.passwordFile: /etc/passwd: a row names no files',
    ],
    [
      'a variable of anybody else',
      'a',
      { url: 'a.test', username: 'u', password: fromEnv('OTHER') },
      `row a.password: ${fromEnv('OTHER')} is not set`,
    ],
  ])('is refused with %s', (_, key, value, fault) => {
    const { entry, faults } = read(key, value, { OTHER: 'x' });
    expect([entry, faults]).toEqual([undefined, expect.arrayContaining([expect.stringContaining(fault)])]);
  });

  test('no fault quotes a secret', () => {
    const secret = randomUUID();
    const { faults } = read('a', {
      url: 'a.test',
      password: secret,
      authHeader: `${secret}\n`,
      accounts: [{ username: secret }],
    });
    faults.push(
      ...read('b', `{"password": "${secret}`).faults,
      ...read('b', { url: `https://a:${secret}@r.test` }).faults,
    );
    expect(faults.length).toBeGreaterThan(3);
    expect(faults.join('\n')).not.toContain(secret);
  });
});

test.each<[unknown, readonly Row[]]>([
  [
    { registries: ['quay.io'], rows: { ghcr: { targetDomain: 'ghcr.io' } } },
    [{ key: 'ghcr', text: '{"targetDomain":"ghcr.io"}' }],
  ],
  [{ rows: {} }, []],
  [{ 'ghcr.io': {} }, []],
  [['ghcr.io'], []],
  ['ghcr.io', []],
])('rows of the document %j', (document, rows) => {
  expect(rowsOfDocument(document)).toEqual(rows);
});
