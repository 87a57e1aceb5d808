import { randomUUID } from 'node:crypto';
import { readEntries } from '../../src/core/registry-entry';
import { url } from './heads';

const fromEnv = (name: string) => `$\{${name}}`;

const PEM = '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n';
const FILES: Record<string, string> = { '/ca.pem': PEM, '/password': 'from-file\n', '/other': 'x', '/empty': '\n' };

function read(document: unknown, env: Record<string, string> = {}) {
  const faults: string[] = [];
  const readFile = (path: string) => {
    if (FILES[path] === undefined) throw new Error('there is no such file');
    return FILES[path];
  };
  const entries = readEntries(document, { env, readFile }, faults);
  return { entries: JSON.parse(JSON.stringify(entries)), faults };
}

describe('a document of registries', () => {
  test.each<[string, unknown]>([
    ['a mapping', { 'ghcr.io': {}, 'quay.io': null }],
    ['a mapping below `registries`', { registries: { 'ghcr.io': {}, 'quay.io': {} } }],
    ['a list of names', ['ghcr.io', 'quay.io']],
    ['a list of entries', { registries: [{ name: 'ghcr.io' }, { name: 'Quay.io' }] }],
  ])('may be %s', (_, document) => {
    expect(read(document)).toEqual({ entries: [{ name: 'ghcr.io' }, { name: 'quay.io' }], faults: [] });
  });

  test('may hold an address in place of an entry', () => {
    expect(read({ corp: 'http://10.0.0.5:5000' }).entries).toEqual([
      { name: 'corp', url: { ...url('http://10.0.0.5:5000/'), path: '' } },
    ]);
  });

  test('says everything there is to say of a registry', () => {
    const entry = {
      url: 'https://r.example.com/base/',
      hosts: ['a.example.com', 'B.example.com'],
      default: true,
      auth: 'proxy',
      username: 'robot',
      password: fromEnv('TOKEN'),
      accounts: [{ username: 'two', passwordFile: '/password' }],
      redirect: 'follow',
      prefix: 'team/images',
      timeouts: { connect: '2s', response: 40, retry: 0, stall: '1m' },
      ca: '/ca.pem',
      plainHttp: true,
      allowPrivateAddresses: false,
    };
    expect(read({ corp: entry }, { TOKEN: 'from-env' })).toEqual({
      entries: [
        {
          name: 'corp',
          url: { ...url('https://r.example.com/base'), path: '/base' },
          hosts: ['a.example.com', 'b.example.com'],
          isDefault: true,
          auth: 'proxy',
          accounts: [
            { kind: 'login', username: 'robot', password: 'from-env' },
            { kind: 'login', username: 'two', password: 'from-file' },
          ],
          redirect: 'follow',
          prefix: 'team/images',
          timeouts: { connect: 2000, response: 40_000, retry: 0, stall: 60_000 },
          ca: PEM,
          plainHttp: true,
          allowPrivate: false,
        },
      ],
      faults: [],
    });
  });

  test.each<[string, unknown, string]>([
    ['no registry', {}, 'names no registry: expected a mapping of names, or a list'],
    ['text', 'ghcr.io', 'names no registry: expected a mapping of names, or a list'],
    ['a name that is none', { 'a/b': {} }, '"a/b": expected the name of a registry'],
    ['a number for a name', [7], '7: expected the name of a registry'],
    ['a list for an entry', { corp: [] }, 'corp: expected a mapping of keys, or a URL'],
    ['an unknown key', { corp: { usrname: 'a' } }, 'corp.usrname: unknown key; did you mean username?'],
    [
      'an unknown deadline',
      { corp: { timeouts: { stal: 1 } } },
      'corp.timeouts.stal: unknown key; did you mean stall?',
    ],
    ['a deadline for ever', { corp: { timeouts: { stall: 0 } } }, 'corp.timeouts.stall: must be more than 0'],
    ['half a login', { corp: { username: 'a' } }, 'corp.password: is missing'],
    ['the other half', { corp: { password: 'a' } }, 'corp.username: is missing'],
    ['half a login in a list', { corp: { accounts: [{ username: 'a' }] } }, 'corp.accounts.password: is missing'],
    [
      'two ways to log in',
      { corp: { authHeader: 'x', username: 'a', password: 'b' } },
      'corp.authHeader: stands beside',
    ],
    [
      'a variable that is not set',
      { corp: { username: 'a', password: fromEnv('NO') } },
      `corp.password: ${fromEnv('NO')} is not set`,
    ],
    ['a file that is not there', { corp: { ca: '/no' } }, 'corp.ca: /no: there is no such file'],
    ['a file without a certificate', { corp: { ca: '/other' } }, 'corp.ca: holds no certificate in PEM form'],
    ['rows that are none', { registries: ['ghcr.io'], rows: ['ghcr'] }, 'rows: expected a mapping of keys'],
    ['an entry beside rows', { rows: {}, 'ghcr.io': {} }, 'ghcr.io: stands beside rows: put it below registries'],
    ['a label with a dot', { corp: { label: 'a.b' } }, 'corp.label: expected the first label of a host name'],
    ['a token server that is no URL', { corp: { tokenServer: 'a.b/t' } }, 'corp.tokenServer: expected the URL'],
    ['an address twice', { corp: { url: 'a.b', targetDomain: 'c.d' } }, 'corp.targetDomain: stands beside url'],
    ['an object for text', { corp: { url: {} } }, 'corp.url: expected an http(s) URL'],
    ['another word', { corp: { redirect: 'maybe' } }, 'corp.redirect: expected pass or rewrite or follow'],
    ['a number for a flag', { corp: { default: 1 } }, 'corp.default: expected true or false'],
    [
      'plain http against its address',
      { corp: { url: 'http://a.example.com', plainHttp: false } },
      'corp.plainHttp: is',
    ],
    [
      'a login that nobody would use',
      { corp: { auth: 'relay', username: 'a', password: 'b' } },
      'corp.auth: relay leaves',
    ],
    [
      'a login for whoever opens one',
      { '*.azurecr.io': { username: 'a', password: 'b' } },
      '*.azurecr.io.username: a login',
    ],
    ['an address of many', { '*.azurecr.io': 'https://a.example.com' }, '*.azurecr.io.url: a name with *'],
    ['a key that is not indented', { 'ghcr.io': null, password: 'x.example.com' }, 'password: is a key of a registry'],
    ['a host with a port', { corp: { hosts: ['a.example.com:8443'] } }, 'corp.hosts.value: expected a host name'],
    ['an empty password', { corp: { username: 'a', password: fromEnv('EMPTY') } }, 'corp.password: expected text'],
    ['an empty user', { corp: { username: fromEnv('EMPTY'), password: 'b' } }, 'corp.username: expected text'],
    ['an empty header', { corp: { authHeader: fromEnv('EMPTY') } }, 'corp.authHeader: expected the value'],
    ['an empty file', { corp: { username: 'a', passwordFile: '/empty' } }, 'corp.passwordFile: the file is empty'],
    [
      'one user with two passwords',
      { corp: { username: 'a', password: 'b', accounts: [{ username: 'a', password: 'c' }] } },
      'corp.accounts: names a user twice',
    ],
    ['a host of many', { '*.azurecr.io': { hosts: ['a.b'] } }, '*.azurecr.io.hosts: a name with *'],
  ])('is refused with %s', (_, document, fault) => {
    expect(read(document, { EMPTY: '' }).faults).toEqual(expect.arrayContaining([expect.stringContaining(fault)]));
  });

  test('no fault quotes a secret', () => {
    const secret = randomUUID();
    const { faults } = read({
      corp: { username: secret, password: [secret], authHeader: `${secret}\n`, ca: '/other' },
    });
    faults.push(...read([{ name: { password: secret } }, `https://user:${secret}@r.example.com`]).faults);
    faults.push(...read({ corp: null, username: 'a', password: secret }).faults);
    expect(faults.length).toBeGreaterThan(5);
    expect(faults.join('\n')).not.toContain(secret);
  });

  test('keys of every object there is are not taken for settings', () => {
    expect(read(JSON.parse('{"corp": {"__proto__": {"url": "https://a.example.com"}}}')).faults).toEqual([
      'corp.__proto__: unknown key',
    ]);
    expect(read({ corp: { constructor: 'x' } }).faults).toEqual(['corp.constructor: unknown key']);
  });
});
