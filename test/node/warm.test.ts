import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { readConfig } from '../../src/core/config';
import { type ImageName, parseImageName } from '../../src/core/image-name';
import { runCommand } from '../../src/node/commands';
import { prefetch } from '../../src/node/prefetch';
import { openInnerServer } from '../../src/node/server';
import { openConfigured } from '../../src/node/warm-inside';
import { createLog } from '../../src/shell/log';
import { runtimes } from '../runtimes';
import { ask } from '../upstream/client';
import { makeImage } from '../upstream/image';
import { smallImage, stageFor, USERS, until } from '../upstream/scene';
import { processFrom } from './process';

const stage = stageFor(runtimes[0]);
afterEach(async () => expect(await stage.close()).toEqual([]));

interface Terminal {
  /** One entry after each prompt. */
  typed?: string[];
  input?: string;
  env?: Record<string, string>;
  /** Where progress is drawn. */
  isTTY?: boolean;
}

async function run(argv: string[], { typed, input, env = {}, isTTY = false }: Terminal = {}) {
  const stdin = Object.assign(new PassThrough(), { isTTY: typed !== undefined, setRawMode: jest.fn() });
  const stdout = new PassThrough();
  const stderr = Object.assign(new PassThrough(), { isTTY, columns: 100 });
  let [out, err] = ['', ''];
  stdout.on('data', (chunk) => {
    out += chunk;
  });
  stderr.on('data', (chunk) => {
    err += chunk;
    if (typed && String(chunk).endsWith(': ')) stdin.write(typed.shift() ?? '\x04');
  });
  if (!typed) stdin.end(input ?? '');
  const code = await runCommand(['warm', ...argv], { stdin, stdout, stderr, env }, openInnerServer);
  await new Promise(setImmediate);
  return { code, out, err };
}

describe('of a running proxy', () => {
  async function scene(env: Record<string, string> = {}) {
    const registry = await stage.registry();
    const made = smallImage(registry);
    return { registry, made, proxy: await stage.proxy(registry, env) };
  }

  test('one line is printed for each image', async () => {
    const { proxy, made, registry } = await scene();
    registry.add('team/other', 'v1', makeImage([1_500_000], 'oci', 7));
    const { code, out, err } = await run(['--url', proxy.url, 'team/app:v1', 'team/other:v1']);
    expect(out.split('\n')).toEqual([
      `team/app:v1: ${made.manifest.digest}, 74.0 kB fetched, 0 B there before`,
      expect.stringMatching(/^team\/other:v1: sha256:\w{64}, 1\.5 MB fetched, 0 B there before$/),
      '',
    ]);
    // This one has no cache.
    expect([code, err]).toEqual([0, `${proxy.url} says nothing of a cache (Cache-Status): is CACHE set there?\n`]);
  });

  test('one image that fails makes the exit code 1, and the others are there', async () => {
    const { proxy, registry, made } = await scene();
    const { code, out, err } = await run(['team/no:v1', 'team/app:v1', `--url=${proxy.url}`]);
    expect(code).toBe(1);
    expect(err).toContain('team/no:v1: the proxy answers 404 MANIFEST_UNKNOWN manifest unknown\n');
    expect(err).toMatch(/^1 of 2 images failed$/m);
    expect(out).toMatch(/^team\/app:v1: sha256:/);
    expect(registry.requests.some(({ path }) => path.endsWith(made.layers[0].digest))).toBe(true);
  });

  test('images may come by the standard input, with comments', async () => {
    const { proxy } = await scene();
    const input = '# ours\n\n  team/app:v1  # the one\nteam/app:v1\r\n';
    const { code, out } = await run(['--url', proxy.url, '-'], { input });
    expect([code, out.trim().split('\n').length]).toEqual([0, 1]);
  });

  test('a secret in its URL is printed nowhere', async () => {
    const secret = `s${randomUUID()}`;
    const { proxy } = await scene({ ACCESS_SECRET: secret });
    const { code, out, err } = await run(['--url', `${proxy.url}/${secret}/`, 'team/app:v1', 'team/no:v1']);
    expect([code, out.includes('team/app:v1: sha256:')]).toEqual([1, true]);
    expect(out + err).not.toContain(secret);
  });

  describe('a login', () => {
    async function closed() {
      const tokens = await stage.tokens({ privateRepositories: ['team/app'] });
      const registry = await stage.registry({ auth: { kind: 'bearer', tokens } });
      smallImage(registry);
      return ['--url', (await stage.proxy(registry)).url, '--user', 'alice', 'team/app:v1'];
    }

    test('has its password from the environment', async () => {
      const { code, err } = await run(await closed(), { env: { REGISTRY_PROXY_PASSWORD: USERS.alice } });
      expect([code, err]).toEqual([0, expect.not.stringContaining('Password')]);
    });

    test('is asked for at a terminal, once', async () => {
      const { code, err, out } = await run(await closed(), { typed: [`${USERS.alice}\r`] });
      expect([code, err]).toEqual([0, expect.stringMatching(/^Password of alice: \n/)]);
      expect(out + err).not.toContain(USERS.alice);
    });

    test('is piped in', async () => {
      expect((await run(await closed(), { input: `${USERS.alice}\n` })).code).toBe(0);
    });

    test('that is wrong is an error of the image', async () => {
      const { code, err } = await run(await closed(), { env: { REGISTRY_PROXY_PASSWORD: randomUUID() } });
      expect([code, err]).toEqual([1, 'team/app:v1: no token is given: 401\n1 of 1 images failed\n']);
    });
  });

  describe('a bar', () => {
    test('is drawn on a terminal, and taken away', async () => {
      const { proxy } = await scene();
      const { err, out } = await run(['--url', proxy.url, 'team/app:v1'], { isTTY: true });
      const seen = err.replaceAll('\x1b', '^').replaceAll('\r', '<');
      expect(seen).toMatch(/<\^\[K\[#{24}\] 1\/1 74\.0 kB of 74\.0 kB, [\d.]+ [kM]?B\/s team\/app:v1<\^\[K/);
      expect(seen).not.toMatch(/\^\[\d+m/);
      expect(out).not.toContain('\x1b');
    });

    test.each([{ CI: 'true' }, { TERM: 'dumb' }])('is not drawn with %j', async (env) => {
      const { proxy } = await scene();
      const { err } = await run(['--url', proxy.url, 'team/app:v1'], { isTTY: true, env: env as never });
      expect(err).not.toContain('\x1b');
    });
  });
});

describe('of a configuration', () => {
  const log = createLog({ level: 'silent', format: 'json', write: () => {} });
  const folders: string[] = [];
  afterAll(() => {
    for (const folder of folders) rmSync(folder, { recursive: true });
  });
  const newFolder = () => {
    folders.push(mkdtempSync(join(tmpdir(), 'warm-')));
    return folders[folders.length - 1];
  };

  test('what was pulled is in its folder, and there when it is pulled', async () => {
    const registry = await stage.registry();
    const made = smallImage(registry);
    const env = { REGISTRY_BACKEND: registry.url, CACHE: `disk:${newFolder()}` };
    expect(await run(['team/app:v1'], { env })).toEqual({
      code: 0,
      out: `team/app:v1: ${made.manifest.digest}, 74.0 kB fetched, 0 B there before\n`,
      err: '',
    });
    const before = registry.requests.length;
    expect((await run(['team/app:v1'], { env })).out).toMatch(/: sha256:\w{64}, 0 B fetched, 74\.0 kB there before$/m);
    // Of a tag it is asked whether it is still the same.
    expect(registry.requests.slice(before).map(({ method }) => method)).toEqual(['HEAD']);
    const proxy = await stage.proxy(registry, { CACHE: env.CACHE });
    for (const { digest, bytes } of made.layers) {
      const reply = await ask(`${proxy.url}/v2/team/app/blobs/${digest}`);
      expect([reply.header('cache-status'), reply.body.equals(bytes)]).toEqual(['registry-proxy; hit', true]);
    }
    expect(
      registry.requests.slice(before).some(({ method, path }) => method === 'GET' && path.includes('/blobs/')),
    ).toBe(false);
  });

  test('a run that broke off goes on where it was', async () => {
    const registry = await stage.registry();
    const { layers } = smallImage(registry);
    const env = { REGISTRY_BACKEND: registry.url, CACHE: `disk:${newFolder()}`, RETRY_TIMEOUT: '0' };
    const first = new RegExp(`GET .*${layers[0].digest}`);
    registry.fail(first, { kind: 'status', status: 404 }, 9);
    expect((await run(['team/app:v1'], { env })).code).toBe(1);
    registry.mend();
    const before = registry.requests.length;
    const { code, out } = await run(['team/app:v1'], { env });
    expect([code, out]).toEqual([0, expect.stringMatching(/ 70\.0 kB fetched, 4\.0 kB there before$/m)]);
    const again = registry.requests
      .slice(before)
      .filter(({ method, path }) => method === 'GET' && path.includes('/blobs/'));
    expect(again.map(({ path }) => path)).toEqual([`/v2/team/app/blobs/${layers[0].digest}`]);
  });

  test('a store that takes nothing is an error, whatever has been fetched', async () => {
    const registry = await stage.registry();
    smallImage(registry);
    const file = join(newFolder(), 'file');
    writeFileSync(file, '');
    const env = { REGISTRY_BACKEND: registry.url, CACHE: `disk:${file}` };
    const { code, err } = await run(['team/app:v1'], { env });
    expect(code).toBe(1);
    expect(err).toMatch(/^(fault of the cache: .+\n)+not all of it is kept: try again when the cache is well\n$/);
  });

  const open = (env: Record<string, string>) =>
    openConfigured(readConfig({ CACHE: `disk:${newFolder()}`, ...env }), openInnerServer, log);

  test('nobody is asked for a login, and no limit on clients holds, while rules for images do', async () => {
    const registry = await stage.registry();
    smallImage(registry);
    smallImage(registry, 'team/secret');
    const inside = await open({
      REGISTRY_BACKEND: registry.url,
      ACCESS_SECRET: `s${randomUUID()}`,
      ALLOW_CLIENTS: '203.0.113.7',
      RATE_LIMIT: '1/h',
      PUBLIC_URL: 'https://proxy.example.com',
      DENY_IMAGES: 'team/secret',
    });
    const images = ['team/app:v1', 'team/secret:v1'].map(parseImageName) as ImageName[];
    const { signal } = new AbortController();
    const results = await prefetch({ base: inside.address, images, platforms: 'all', signal });
    await inside.close();
    expect(results.map(({ errors }) => errors)).toEqual([
      [],
      [
        'the proxy answers 403 DENIED 127.0.0.1:' +
          registry.port +
          '/team/secret is not served here: DENY_IMAGES=team/secret',
      ],
    ]);
  });

  test('that has no cache is refused in a sentence', async () => {
    const { code, out, err } = await run(['nginx'], { env: { REGISTRY_BACKEND: 'http://127.0.0.1:1' } });
    expect([code, out, err]).toEqual([
      1,
      '',
      'there is no cache to fill: set CACHE, or name a running proxy by --url\n',
    ]);
  });

  test('whose cache is memory is refused in a sentence', async () => {
    await expect(open({ CACHE: 'memory' })).rejects.toThrow(/^CACHE=memory is the memory of the process that serves: /);
  });
});

describe('a mistake', () => {
  test.each<[string, string[], RegExp]>([
    ['no image', [], /^expected registry-proxy warm /],
    ['no image behind the flags', ['--platform', 'linux/amd64'], /^expected registry-proxy warm /],
    ['a name that is none', ['Nginx'], /^Nginx: expected an image as docker pull takes it/],
    ['an empty list', ['-'], /^no image is named on the standard input$/],
    ['a platform that is none', ['--platform=amd64', 'nginx'], /^--platform=amd64: expected all, or os\/architecture/],
    ['no platform', ['nginx', '--platform'], /^--platform: needs a value$/],
    ['a URL that is none', ['--url', 'ftp://x', 'nginx'], /^--url: expected where a proxy runs/],
    ['a login in the URL', ['--url', 'https://a:secret@x', 'nginx'], /^--url: expected where a proxy runs, without/],
    ['a setting with --url', ['--url', 'x', '--cache-dir=secret', 'nginx'], /^--cache-dir: with --url no setting/],
    ['a user that is none', ['--url', 'x', '--user', 'a:b', 'nginx'], /^--user: expected the name of a user$/],
    ['a login that has nowhere to come from', ['--user', 'alice', '-'], /^--user: set REGISTRY_PROXY_PASSWORD/],
    ['an empty password', ['--url', 'x', '--user', 'alice', 'nginx'], /^no password was given/],
  ])('%s is one sentence, and exit code 1', async (_, argv, sentence) => {
    const { code, out, err } = await run(argv, {
      input: argv.includes('-') ? 'nginx\n'.repeat(Number(argv.length > 1)) : '',
    });
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(/^[^\n]+\n$/);
    expect(err.trim()).toMatch(sentence);
    expect(err).not.toContain('secret');
  });
});

test('--help says how', async () => {
  const { code, out } = await run(['--help']);
  expect(code).toBe(0);
  expect(out).toMatch(/^Usage: registry-proxy warm /);
  expect(Math.max(...out.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(120);
});

describe('the process', () => {
  let program: Awaited<ReturnType<typeof processFrom>>;
  beforeAll(async () => {
    program = await processFrom();
  });
  afterAll(() => program.stop());

  test('fills another one, and ends by itself', async () => {
    const registry = await stage.registry();
    smallImage(registry);
    const proxy = await stage.proxy(registry);
    const running = program.start({}, 'warm', '--url', proxy.url, 'team/app:v1');
    expect(await running.exited).toBe(0);
    expect(running.out()).toMatch(/^team\/app:v1: sha256:\w{64}, 74\.0 kB fetched/);
  });

  test('reads flags of serve before, behind and between images, and says what is wrong with them', async () => {
    const running = program.start(
      {},
      'warm',
      '--no-handle-redirect',
      'nginx',
      '--log-level',
      'loud',
      'alpine',
      '--port=x',
    );
    expect([await running.exited, running.out()]).toEqual([1, '']);
    const faults = running
      .err()
      .split('\n')
      .filter((line) => line.startsWith('configuration: '));
    expect(faults.map((line) => line.split('=')[0]).sort()).toEqual([
      'configuration: --log-level',
      'configuration: --port',
    ]);
  });

  test('stops when it is told to, in a sentence', async () => {
    const registry = await stage.registry();
    const { layers } = smallImage(registry);
    registry.fail(new RegExp(`GET .*${layers[0].digest}`), { kind: 'silence' });
    const proxy = await stage.proxy(registry);
    const running = program.start({}, 'warm', '--url', proxy.url, 'team/app:v1');
    const slow = () =>
      registry.requests.find(({ method, path }) => method === 'GET' && path.endsWith(layers[0].digest));
    expect(await until(() => slow() !== undefined, 8000)).toBe(true);
    running.signal('SIGINT');
    expect([await running.exited, running.err()]).toEqual([1, 'stopped: the same command goes on where it was\n']);
    expect(await until(() => slow()?.closed === true)).toBe(true);
  });
});
