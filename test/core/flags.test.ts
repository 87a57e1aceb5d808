import fc from 'fast-check';
import { flagOf, readFlags } from '../../src/core/flags';
import type { Setting } from '../../src/core/setting';
import { settings } from '../../src/core/settings';

const table: readonly Setting[] = settings;
const names = table.flatMap(({ name, aliases = [] }) => [name, ...aliases]);

/** Settings that arguments name, and the faults they have. */
const read = (...argv: string[]) => {
  const { given, faults } = readFlags(argv);
  return [Object.fromEntries(given.map(({ name, text }) => [name, text])), faults];
};

describe('a flag', () => {
  test.each<[string[], Record<string, string>]>([
    [[], {}],
    [['-port', '8080'], { PORT: '8080' }],
    [['--port', '8080'], { PORT: '8080' }],
    [['-port=8080'], { PORT: '8080' }],
    [['--port=8080'], { PORT: '8080' }],
    [['--port='], { PORT: '' }],
    [['--port', ''], { PORT: '' }],
    [['--registry-backend', 'https://r.example.com/?a=b'], { REGISTRY_BACKEND: 'https://r.example.com/?a=b' }],
    [['--registry-backend=https://r.example.com/?a=b'], { REGISTRY_BACKEND: 'https://r.example.com/?a=b' }],
    [['-registryHost', 'gcr.io'], { REGISTRY_HOST: 'gcr.io' }],
    [['-registeryHost', 'gcr.io'], { REGISTRY_HOST: 'gcr.io' }],
    [['--registeryHost=gcr.io'], { REGISTRY_HOST: 'gcr.io' }],
    [['--registry-host', 'gcr.io'], { REGISTRY_HOST: 'gcr.io' }],
    [['--registry-proxy-remoteurl', 'gcr.io'], { REGISTRY_PROXY_REMOTEURL: 'gcr.io' }],
    [['--registry-http-addr', ':5000'], { REGISTRY_HTTP_ADDR: ':5000' }],
    [['--handle-redirect'], { HANDLE_REDIRECT: 'true' }],
    [['-handleRedirect'], { HANDLE_REDIRECT: 'true' }],
    [['--handle-redirect', '--port', '1'], { HANDLE_REDIRECT: 'true', PORT: '1' }],
    [['--handle-redirect', 'false', '--port', '1'], { HANDLE_REDIRECT: 'false', PORT: '1' }],
    [['--handle-redirect=off'], { HANDLE_REDIRECT: 'off' }],
    [['--no-handle-redirect'], { HANDLE_REDIRECT: 'false' }],
    [['-noHandleRedirect'], { HANDLE_REDIRECT: 'false' }],
    [['--handle-redirect', '--no-handle-redirect'], { HANDLE_REDIRECT: 'false' }],
    [['--no-handle-redirect', '--handle-redirect'], { HANDLE_REDIRECT: 'true' }],
    [['--port', '1', '-port=2'], { PORT: '2' }],
    [['--host', '::'], { HOST: '::' }],
    [['--config', '/c.yml'], { CONFIG_FILE: '/c.yml' }],
    [['-config=/c.yml'], { CONFIG_FILE: '/c.yml' }],
    [['--config-file', '/c.yml'], { CONFIG_FILE: '/c.yml' }],
    [['serve', '/etc/docker/registry/config.yml'], { CONFIG_FILE: '/etc/docker/registry/config.yml' }],
    [['serve', '/c.yml', '--port', '1'], { CONFIG_FILE: '/c.yml', PORT: '1' }],
    [['serve', '/c.yml', '--config=/d.yml'], { CONFIG_FILE: '/d.yml' }],
    [['serve', '--port', '1'], { PORT: '1' }],
    [['serve'], {}],
  ])('%j', (argv, expected) => {
    expect(read(...argv)).toEqual([expected, []]);
  });

  test.each(names)('%s has one, in kebab-case and camelCase, with one dash and two', (name) => {
    const kebab = flagOf(name).slice(2);
    const camel = kebab.replace(/-(.)/g, (_, letter) => letter.toUpperCase());
    for (const flag of [kebab, camel]) {
      expect(read(`-${flag}=x`)).toEqual([{ [name]: 'x' }, []]);
      expect(read(`--${flag}`, 'true')).toEqual([{ [name]: 'true' }, []]);
    }
  });

  test.each(table.filter(({ kind }) => kind === 'boolean').map(({ name }) => name))('%s needs no value', (name) => {
    expect(read(flagOf(name))).toEqual([{ [name]: 'true' }, []]);
    expect(read(flagOf(name).replace('--', '--no-'))).toEqual([{ [name]: 'false' }, []]);
  });

  test('of which any value of the variable counts is off where it says so', () => {
    for (const { name } of table.filter(({ kind }) => (kind as string) === 'presence')) {
      expect(read(flagOf(name))).toEqual([{ [name]: 'true' }, []]);
      expect(read(`${flagOf(name)}=false`)).toEqual([{ [name]: '' }, []]);
    }
  });

  test('is remembered as it was written', () => {
    const argv = ['serve', 'c.yml', '-registeryHost=a', '--no-handle-redirect', '--port', '1'];
    expect(readFlags(argv).given.map(({ as }) => as)).toEqual([
      'serve',
      '-registeryHost',
      '--no-handle-redirect',
      '--port',
    ]);
  });
});

describe('a fault', () => {
  test.each<[string[], string[]]>([
    [['--nonsense', 'x'], ['--nonsense: unknown flag']],
    [['-nonsense=x'], ['-nonsense: unknown flag']],
    [['--prot', '80'], ['--prot: unknown flag; did you mean --port?']],
    [['--registy-backend=x'], ['--registy-backend: unknown flag; did you mean --registry-backend?']],
    [['--registry_backend=x'], ['--registry_backend: unknown flag; did you mean --registry-backend?']],
    [['-registryHst', 'x'], ['-registryHst: unknown flag; did you mean --registry-host?']],
    [['--no-handle-redirct'], ['--no-handle-redirct: unknown flag; did you mean --no-handle-redirect?']],
    [['--no-port'], ['--no-port: unknown flag; did you mean --port?']],
    [['--versoin'], ['--versoin: unknown flag; did you mean --version?']],
    [['--p'], ['--p: unknown flag']],
    [['--port'], ['--port: needs a value']],
    [['--port', '--handle-redirect'], ['--port: needs a value']],
    [['--no-handle-redirect=true'], ['--no-handle-redirect: takes no value']],
    [['server'], ['"server": unexpected argument']],
    [['--port', '1', 'serve'], ['"serve": unexpected argument']],
    [['serve', '/c.yml', '/d.yml'], ['"/d.yml": unexpected argument']],
    [['--confg', '/c.yml'], ['--confg: unknown flag; did you mean --config?']],
    [['--config'], ['--config: needs a value']],
    [['--'], ['"--": unexpected argument']],
    [['-'], ['"-": unexpected argument']],
    [[''], ['"": unexpected argument']],
    [['--=x'], ['"--=x": unexpected argument']],
    [
      ['--port', '--prot=1', 'x'],
      ['--port: needs a value', '--prot: unknown flag; did you mean --port?', '"x": unexpected argument'],
    ],
  ])('%j', (argv, faults) => {
    expect(read(...argv)[1]).toEqual(faults);
  });

  test.each([
    ['https://user:secret@r.example.com'],
    ['--backnd=https://user:secret@r.example.com'],
    ['--backnd', 'secret'],
  ])('prints no secret of %j', (...argv) => {
    const { faults } = readFlags(argv);
    expect(faults).toHaveLength(1);
    expect(faults[0]).not.toContain('secret');
  });
});

describe('a command', () => {
  test.each<[string[], string | undefined]>([
    [['--help'], 'help'],
    [['-help'], 'help'],
    [['-h'], 'help'],
    [['--version'], 'version'],
    [['--print-config', '--port', '1'], 'print-config'],
    [['-printConfig'], 'print-config'],
    [['--print-config', '--version'], 'version'],
    [['--version', '--help', '--nonsense'], 'help'],
    [['--port', '1'], undefined],
    [['--public-url=--help'], undefined],
  ])('%j is %s', (argv, command) => {
    expect(readFlags(argv).command).toBe(command);
  });
});

test('no argument is lost: each one is a setting, a value, a command or a fault', () => {
  fc.assert(
    fc.property(fc.array(fc.string()), (argv) => {
      const { given, faults, command } = readFlags(argv);
      const used = given.length + faults.length + (command || argv[0] === 'serve' ? 1 : 0);
      expect(used > 0).toBe(argv.length > 0);
    }),
  );
});
