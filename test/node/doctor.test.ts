import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { runCommand } from '../../src/node/commands';
import { runtimes } from '../runtimes';
import { root } from '../tools/sources';
import { contentOf, descriptor, INDEX_TYPE, makeImage } from '../upstream/image';
import { type RawServer, startRaw } from '../upstream/raw';
import type { Registry } from '../upstream/registry';
import { stageFor, USERS } from '../upstream/scene';

const stage = stageFor(runtimes[0]);
afterEach(async () => expect(await stage.close()).toEqual([]));

interface Found {
  step: string;
  mark: string;
  says: string;
  set?: string;
  message: string;
}

async function run(argv: string[], env: Record<string, string> = {}, input = '') {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  let [out, err] = ['', ''];
  stdout.on('data', (chunk) => {
    out += chunk;
  });
  stderr.on('data', (chunk) => {
    err += chunk;
  });
  stdin.end(input);
  const code = await runCommand(['doctor', ...argv], { stdin, stdout, stderr, env });
  await new Promise(setImmediate);
  return { code, out, err };
}

/** What is not good, as `mark step says → set`. */
async function wrong(...argv: string[]): Promise<[number, string[]]> {
  const { code, out } = await run([...argv, '--json']);
  const { ok, findings } = JSON.parse(out) as { ok: boolean; findings: Found[] };
  expect(ok).toBe(code === 0);
  const told = findings.filter(({ mark }) => mark !== 'good');
  return [code, told.map(({ mark, step, says, set }) => `${mark} ${step} ${says}${set ? ` → ${set}` : ''}`)];
}

const WORD = randomUUID();

const IMAGE = ['--image', 'team/app:v1'];

function fill(registry: Registry) {
  const image = makeImage([400_000, 3000]);
  registry.add('team/app', 'v1', image);
  return image;
}

async function scene(env: Record<string, string> = {}, behindCdn = true) {
  const tokens = await stage.tokens({ privateRepositories: ['team/secret'] });
  const registry = await stage.registry({ auth: { kind: 'bearer', tokens } });
  const cdn = await stage.cdn({ registry });
  if (behindCdn) registry.options.delivery = { kind: 'cdn', cdn };
  return { tokens, registry, cdn, image: fill(registry), proxy: await stage.proxy(registry, env) };
}

describe('where nothing is wrong', () => {
  test.each<Record<string, string>>([{}, { HANDLE_REDIRECT: 'true' }, { CACHE: 'memory' }])(
    'with %j each step is told',
    async (env) => {
      const { proxy } = await scene(env);
      expect(await wrong(proxy.url, ...IMAGE)).toEqual([0, []]);
      const { out, code } = await run([proxy.url, ...IMAGE]);
      expect(code).toBe(0);
      expect(out).toMatch(env.CACHE ? /✓ token +none is needed\n/ : /✓ token +given in \d+ ms, good for 300 s\n/);
      expect(out).toMatch(/✓ layer +400\.0 kB, digest proven; first byte after \d+ ms, /);
      expect(out).toMatch(/✓ range +206, and the bytes are right\n/);
      expect(out).toContain(`${proxy.url}: nothing stands in the way of team/app:v1\n`);
      if (env.HANDLE_REDIRECT || env.CACHE) expect(out).not.toMatch(/✓ redirect/);
      else expect(out).toMatch(/✓ redirect +307 to 127\.0\.0\.1:\d+, which can be reached from here/);
    },
  );

  test('a registry itself is asked as it is, by a client of its own token server', async () => {
    const { registry, tokens } = await scene();
    expect(await wrong(registry.url, ...IMAGE)).toEqual([0, ['note challenge challenge.foreign → set.foreign']]);
    expect(tokens.requests.length).toBeGreaterThan(0);
  });

  test('of several platforms the wanted one is read, and one that is not there is told', async () => {
    const { registry, proxy } = await scene();
    const { manifest } = fill(registry);
    const index = contentOf(
      INDEX_TYPE,
      Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          mediaType: INDEX_TYPE,
          manifests: [{ ...descriptor(manifest), platform: { os: 'linux', architecture: 'arm64' } }],
        }),
      ),
    );
    registry.addManifest('team/app', 'all', index);
    const image = [proxy.url, '--image', 'team/app:all', '--platform'];
    expect(await wrong(...image, 'linux/arm64')).toEqual([0, []]);
    expect(await wrong(...image, 'linux/riscv64')).toEqual([1, ['bad manifest manifest.misfit → set.platform']]);
  });

  test('it speaks Chinese where it is asked to, or where the machine does', async () => {
    const { proxy } = await scene();
    const wanted = await run([proxy.url, ...IMAGE, '--lang', 'zh']);
    const usual = await run([proxy.url, ...IMAGE], { LANG: 'zh_CN.UTF-8' });
    for (const { out } of [wanted, usual]) expect(out).toMatch(/✓ 镜像层 +400\.0 kB，摘要已验证/);
    const other = await run([proxy.url, ...IMAGE, '--lang=en'], { LANG: 'zh_CN.UTF-8' });
    expect(other.out).toContain('nothing stands in the way');
  });
});

describe('a fault is told with its hop and with what to set', () => {
  const LAYER = /^GET \/(v2\/team\/app\/)?blobs\//;

  test.each<[string, (around: Awaited<ReturnType<typeof scene>>) => void | Promise<void>, string[]]>([
    [
      'an image that is not there',
      ({ registry }) => registry.answer(/manifests\/v1/, 404, {}, '{"errors":[{"code":"MANIFEST_UNKNOWN"}]}'),
      ['bad manifest manifest.status → set.missing', 'bad manifest manifest.status → set.missing'],
    ],
    [
      'a quota that is used up',
      ({ registry }) => registry.answer(/manifests\/v1/, 429),
      ['bad manifest manifest.status → set.wait', 'bad manifest manifest.status → set.wait'],
    ],
    [
      'a token server in trouble',
      ({ tokens }) => tokens.fail(/token/, { kind: 'status', status: 503 }, 99),
      ['bad token token.status → set.upstream'],
    ],
    [
      'a CDN that refuses its own URLs',
      ({ cdn }) => cdn.fail(/./, { kind: 'status', status: 403 }, 99),
      ['bad redirect redirect.refused → set.signed'],
    ],
    ['a CDN that is gone', ({ cdn }) => cdn.stop(), ['bad redirect redirect.unreachable → set.follow']],
    [
      'a CDN that ignores Range',
      ({ cdn }) => cdn.fail(LAYER, { kind: 'ignore-range' }, 99),
      ['note range range.ignored → set.range'],
    ],
    [
      'a CDN that mislabels a part',
      ({ cdn }) => cdn.fail(LAYER, { kind: 'wrong-content-range', shift: 7 }, 99),
      ['bad range range.label → set.range'],
    ],
    [
      'bodies that are cut',
      ({ cdn }) => cdn.fail(LAYER, { kind: 'cut', after: 100 }, 99),
      ['bad config blob.cut → set.cut', 'bad layer blob.cut → set.cut', 'bad range range.label → set.range'],
    ],
    ['a registry that nobody can ask', ({ registry }) => registry.stop(), ['bad ping ping.status → set.upstream']],
  ])('%s', async (_, spoil, expected) => {
    const around = await scene({ RETRY_TIMEOUT: '500ms' });
    await spoil(around);
    const [code, told] = await wrong(around.proxy.url, ...IMAGE);
    for (const each of expected) expect(told).toContain(each);
    expect(code).toBe(expected.some((each) => each.startsWith('bad')) ? 1 : 0);
  });

  test('other bytes than the digest says', async () => {
    const { registry, image, proxy } = await scene({ HANDLE_REDIRECT: 'true' });
    const { digest, bytes } = image.layers[0];
    registry.blobs.set(digest, Buffer.alloc(bytes.length, 'x'));
    expect(await wrong(proxy.url, ...IMAGE)).toEqual([1, ['bad layer blob.digest → set.bytes']]);
  });

  test('a length that is lost', async () => {
    const { proxy, registry } = await scene({ HANDLE_REDIRECT: 'true', BODY_FRAMING: 'chunked' });
    registry.add('team/app', 'v1', makeImage([5_000_000]));
    expect(await wrong(proxy.url, ...IMAGE)).toEqual([0, ['note layer blob.length → set.framing']]);
  });

  test('a name by which nobody can come back: PUBLIC_URL', async () => {
    const { proxy } = await scene({ PUBLIC_URL: 'https://wrong.example.com' });
    // Known by another name on its own machine, it is still asked itself.
    expect(await wrong(proxy.url, ...IMAGE)).toEqual([0, ['note challenge challenge.host → set.origin']]);
  });

  test('a private image, without and with a login that may not', async () => {
    const { proxy, registry } = await scene();
    registry.add('team/secret', 'v1', makeImage([5]));
    const image = ['--image', 'team/secret:v1'];
    expect((await wrong(proxy.url, ...image))[1]).toContain('bad manifest manifest.status → set.login');
    const right = await run([proxy.url, ...image, '--user', 'alice'], { REGISTRY_PROXY_PASSWORD: USERS.alice });
    const piped = await run([proxy.url, ...image, '--user', 'alice', '--password-stdin'], {}, `${USERS.alice}\n`);
    const guess = randomUUID();
    const refused = await run([proxy.url, ...image, '--user', 'alice'], { REGISTRY_PROXY_PASSWORD: guess });
    expect([right.code, piped.code, refused.code]).toEqual([0, 0, 1]);
    expect(refused.out).toMatch(/✗ token +127\.0\.0\.1:\d+ refuses: 401 UNAUTHORIZED incorrect username or password\n/);
    expect(right.out + piped.out + refused.out).not.toMatch(
      new RegExp(`${USERS.alice}|${guess}|secret-token|Signature`),
    );
  });

  test('a registry of another name, which the instance does not serve', async () => {
    const { proxy } = await scene();
    const { out } = await run([proxy.url, '--image', 'ghcr.io/owner/app:1']);
    expect(out).toMatch(/✗ manifest +GET 1: 404 NAME_UNKNOWN this proxy does not serve ghcr\.io/);
    expect(out).toContain('REGISTRIES for another registry');
  });

  test('nothing that answers: what depends on it is not asked', async () => {
    expect(await wrong('http://127.0.0.1:1', ...IMAGE)).toEqual([1, ['bad connect connect.failed → set.listen']]);
  });
});

describe('uploads', () => {
  test('are begun and given up where it is asked for, and nothing stays', async () => {
    const { proxy, registry } = await scene();
    const before = registry.blobs.size;
    const login = ['--user', 'alice', '--push'];
    const { code, out } = await run([proxy.url, ...IMAGE, ...login], { REGISTRY_PROXY_PASSWORD: USERS.alice });
    expect([code, out]).toEqual([0, expect.stringMatching(/✓ push +120\.0 MB went through\n/)]);
    expect(registry.blobs.size).toBe(before);
    const methods = registry.requests.map(({ method }) => method);
    const count = (method: string) => methods.filter((each) => each === method).length;
    expect([count('PATCH'), count('DELETE'), count('PUT')]).toEqual([8, 8, 0]);
  });

  test('are told as far as they go', async () => {
    const { proxy, registry } = await scene();
    // Two go through, late; the third does not.
    registry.fail(/^PATCH/, { kind: 'slow-head', ms: 1 }, 2);
    registry.fail(/^PATCH/, { kind: 'status', status: 413 }, 1);
    const login = ['--user', 'alice', '--push'];
    const { code, out } = await run([proxy.url, ...IMAGE, ...login], { REGISTRY_PROXY_PASSWORD: USERS.alice });
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(/! push +5\.0 MB did not go through \(413 .*\); 4\.0 MB did\n/),
    ]);
  });

  test('need a login, and are not begun without', async () => {
    const { proxy, registry } = await scene();
    expect(await wrong(proxy.url, ...IMAGE, '--push')).toEqual([1, ['bad push push.login']]);
    expect(registry.requests.filter(({ method }) => method === 'POST')).toEqual([]);
  });
});

describe('a server that means harm, or is broken', () => {
  const servers: RawServer[] = [];
  afterEach(() => Promise.all(servers.splice(0).map((server) => server.stop())));

  /** Answers each request by its path, and closes. */
  async function raw(answer: (path: string) => string): Promise<string> {
    const server = await startRaw((socket, first) => socket.end(answer(first.split(' ')[1] ?? ''), 'latin1'));
    servers.push(server);
    return server.url;
  }
  const http = (head: string, body = '') =>
    `HTTP/1.1 ${head}\r\nConnection: close\r\nContent-Length: ${Buffer.byteLength(body, 'latin1')}\r\n\r\n${body}`;

  test('that answers in another protocol is told, and does not end it as if all were well', async () => {
    const url = await raw(() => 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: else\r\n\r\n');
    expect(await wrong(url, ...IMAGE)).toEqual([1, ['bad ping ping.failed → set.listen']]);
  });

  test('that closes a kept connection without a word is asked again on a new one', async () => {
    const connections: number[] = [];
    const server = createServer((request, response) => {
      const { socket } = request;
      const asked = connections.push(socket.remotePort as number);
      // The second request on a connection finds it gone.
      if (connections.indexOf(socket.remotePort as number) < asked - 1) return void socket.resetAndDestroy();
      const isHealth = request.url === '/-/healthz';
      response.writeHead(isHealth ? 404 : 200, { 'docker-distribution-api-version': 'registry/2.0' }).end('{}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const [, told] = await wrong(`http://127.0.0.1:${port}`, ...IMAGE);
    server.close();
    expect(told.filter((each) => /failed/.test(each))).toEqual([]);
    expect(connections.length).toBeGreaterThan(new Set(connections).size);
  });

  test.each(['constructor', '__proto__', 'toString'])('that says it serves %s needs --image', async (name) => {
    const url = await raw(() => http('200 OK', `registry-proxy-serverless: x\n\n  ${name}\n`));
    const { code, err } = await run([url]);
    expect([code, err]).toEqual([2, expect.stringContaining('--image: name an image that is there')]);
  });

  test('a front that reaches no proxy is told without an image', async () => {
    const url = await raw(() => http('502 Bad Gateway\r\nContent-Type: text/html', '<html>502 Bad Gateway</html>'));
    expect(await wrong(url)).toEqual([1, expect.arrayContaining(['bad ping ping.page → set.front'])]);
  });

  test.each([[], ['--json']])('has no power over the terminal, with %j', async (...more) => {
    const red = '\x9b31mRED\u0085';
    const text = JSON.stringify({ schemaVersion: 2, mediaType: '\u001b[31m\u009b2J', layers: [], config: {} });
    const url = await raw((path) => {
      if (path.includes('/manifests/'))
        return http(`200 OK\r\nContent-Type: a/${red}\r\nDocker-Content-Digest: ${red}`, text);
      if (path === '/v2/') return http(`401 No\r\nWWW-Authenticate: Bearer realm="${red}",service="${red}"`);
      return http('404 None');
    });
    const { code, out } = await run([url, ...IMAGE, ...more]);
    expect(code).toBe(1);
    expect(out).toContain('RED');
    expect(out.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });
});

describe('called wrongly', () => {
  test.each([
    [['--nonsense'], '--nonsense: unknown flag'],
    [['a.test', 'b.test'], 'one URL at most'],
    [['--image', 'Not An Image'], '--image: expected an image'],
    [['--lang', 'fr'], '--lang: expected en or zh'],
    [['--platform', 'linux'], '--platform: expected'],
    [['--password-stdin'], '--user'],
    [[`https://alice:${WORD}@r.example.com`], 'expected a URL without a login'],
  ])('with %j it says how, and ends with 2', async (argv, said) => {
    const { code, out, err } = await run(argv);
    expect([code, out, err]).toEqual([2, '', expect.stringContaining(said)]);
    expect(err).toContain('registry-proxy doctor [URL]');
    expect(err).not.toContain(WORD);
  });

  test('--help says it all', async () => {
    const { code, out } = await run(['--help']);
    expect([code, out]).toEqual([0, expect.stringMatching(/--push .*--json .*--lang/s)]);
  });
});

describe('the bundle', () => {
  const folder = mkdtempSync(join(tmpdir(), 'doctor-'));
  const bundle = join(folder, 'bundle.js');
  beforeAll(
    () =>
      new Promise((resolve, reject) => {
        execFile(process.execPath, ['esbuild.config.mjs', '--outdir', folder], { cwd: root }, (error) =>
          error ? reject(error) : resolve(undefined),
        );
      }),
  );
  afterAll(() => rmSync(folder, { recursive: true }));

  const call = (argv: string[], env: Record<string, string> = {}) =>
    new Promise<{ code: number; out: string }>((resolve) => {
      execFile(process.execPath, [bundle, 'doctor', ...argv], { cwd: folder, env }, (error, out) =>
        resolve({ code: (error?.code as number | undefined) ?? 0, out }),
      );
    });

  test('asks the instance of this machine where nothing is named, with an image that fits', async () => {
    const registry = await stage.registry({ expectsNs: true });
    registry.add('library/hello-world', 'latest', makeImage([2000]));
    const proxy = await stage.proxy(registry, { REGISTRY_NAME: 'docker.io' });
    const { code, out } = await call([], { PORT: String(proxy.port) });
    expect([code, out]).toEqual([
      0,
      expect.stringContaining('nothing stands in the way of library/hello-world:latest'),
    ]);
  });

  test('ends with 1 where something fails, and with 2 where it is called wrongly', async () => {
    const registry = await stage.registry();
    const proxy = await stage.proxy(registry);
    expect((await call([proxy.url, '--image', 'a/b'])).code).toBe(1);
    expect((await call(['--image'])).code).toBe(2);
  });
});
