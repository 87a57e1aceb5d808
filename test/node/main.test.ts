import { randomUUID } from 'node:crypto';
import { appendFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { hashSync } from 'bcryptjs';
import { version } from '../../package.json';
import { flagOf } from '../../src/core/flags';
import { settings } from '../../src/core/settings';
import { ask, basic, open } from '../upstream/client';
import { sha256 } from '../upstream/image';
import { listen } from '../upstream/listen';
import { until } from '../upstream/scene';
import { processFrom } from './process';

/** Of the bytes that its upstreams send. */
const BLOB = `/v2/team/app/blobs/${sha256(Buffer.from('image'))}`;
const LOCAL = { HOST: '127.0.0.1', PORT: '0' };

let program: Awaited<ReturnType<typeof processFrom>>;

beforeAll(async () => {
  program = await processFrom('LOG_FORMAT=json\nPUBLIC_URL=https://env.example.com\n');
});

afterAll(() => program.stop());

describe('the process', () => {
  test('lists every fault of its configuration, one a line, and ends with 1', async () => {
    const { exited, err, out } = program.start({ PORT: 'x', LOG_LEVEL: 'loud', STALL_TIMEOUT: '0' });
    expect(await exited).toBe(1);
    const lines = err().trim().split('\n');
    expect(
      lines
        .filter((line) => line.startsWith('configuration: '))
        .map((line) => line.split(/[ =]/)[1])
        .sort(),
    ).toEqual(['LOG_LEVEL', 'PORT', 'STALL_TIMEOUT']);
    expect(err()).toContain('docs/configuration.md');
    expect(err()).not.toMatch(/^\s+at /m);
    expect(out()).toBe('');
  });

  test('prefers flags to its environment', async () => {
    const running = program.start(
      { ...LOCAL, PORT: '1', REGISTRY_BACKEND: 'http://127.0.0.1:1' },
      '-port',
      '0',
      '--registeryHost=http://127.0.0.1:2',
    );
    const { port, backend } = await running.listening();
    expect([port > 1, backend]).toEqual([true, 'http://127.0.0.1:2']);
    running.signal('SIGTERM');
    expect(await running.exited).toBe(0);
  });

  test('lists faults of flags with all others', async () => {
    const { exited, err, out } = program.start({ PORT: 'x' }, '--prot', '80', '--log-level');
    expect([await exited, out()]).toEqual([1, '']);
    expect(err()).toContain('configuration: --prot: unknown flag; did you mean --port?\n');
    expect(err()).toContain('configuration: --log-level: needs a value\n');
    expect(err()).toContain('configuration: PORT=x: ');
  });

  test('says that its port is taken, and ends with 1', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as { port: number };
    const { exited, err } = program.start({ ...LOCAL, PORT: String(port) });
    expect(await exited).toBe(1);
    expect(err()).toMatch(/port is taken/);
    expect(err()).not.toMatch(/^\s+at /m);
    taken.close();
  });

  test('starts with the registry down, names its port, reads .env, and ends with 0', async () => {
    const running = program.start({ ...LOCAL, REGISTRY_BACKEND: 'http://127.0.0.1:1', RETRY_TIMEOUT: '0' });
    const { port, url, backend } = await running.listening();
    expect([port > 0, url, backend]).toEqual([true, `http://127.0.0.1:${port}`, 'http://127.0.0.1:1']);
    expect((await ask(`${url}/-/healthz`)).text).toBe('ok\n');
    expect((await ask(`${url}/v2/`)).status).toBe(502);
    running.signal('SIGTERM');
    expect(await running.exited).toBe(0);
    expect(running.lines().find(({ level, msg }) => level === 'warn' && msg === 'request')).toMatchObject({
      status: 502,
      route: 'ping',
    });
    expect(running.err()).toBe('');
  });

  test('prefers its environment to .env', async () => {
    const upstream = await listen('registry', ({ send }) =>
      send(401, { 'www-authenticate': 'Bearer realm="https://r/t"' }),
    );
    const realmOf = async (env: Record<string, string>) => {
      const running = program.start({ ...LOCAL, REGISTRY_BACKEND: upstream.url, ...env });
      const { url } = await running.listening();
      const reply = await ask(`${url}/v2/`);
      running.signal('SIGINT');
      expect(await running.exited).toBe(0);
      return reply.header('www-authenticate');
    };
    expect(await realmOf({})).toContain('https://env.example.com/token');
    expect(await realmOf({ PUBLIC_URL: 'https://other.example.com' })).toContain('https://other.example.com/token');
    await upstream.stop();
  });

  test('writes its log as text where that is wanted', async () => {
    const running = program.start({ ...LOCAL, LOG_FORMAT: 'text' });
    expect(await until(() => running.out().includes('listening'), 8000)).toBe(true);
    expect(running.out()).toMatch(/info .*listening.* port=\d+/);
    expect(running.lines()).toEqual([]);
    running.signal('SIGTERM');
    await running.exited;
  });

  test('ends a running transfer before it ends itself, and takes no new one', async () => {
    let release = () => {};
    const upstream = await listen('registry', ({ res }) => {
      res.writeHead(200, { 'content-length': 6 }).write('abc');
      release = () => res.end('def');
    });
    const running = program.start({ ...LOCAL, REGISTRY_BACKEND: upstream.url });
    const { url } = await running.listening();
    const { response } = await open(url + BLOB);
    let text = '';
    response.on('data', (chunk) => {
      text += chunk;
    });
    await until(() => text === 'abc');
    running.signal('SIGTERM');
    await until(() => running.lines().some(({ msg }) => msg === 'stopping'));
    await expect(ask(`${url}/-/healthz`)).rejects.toThrow(/ECONNREFUSED|ECONNRESET/);
    const end = new Promise((resolve) => response.on('end', resolve));
    release();
    await end;
    expect([text, await running.exited]).toEqual(['abcdef', 0]);
    expect(running.lines().find(({ msg }) => msg === 'request')).toMatchObject({ status: 200, bytes: 6 });
    await upstream.stop();
  });

  test('ends at once when it is told twice', async () => {
    const upstream = await listen(
      'registry',
      ({ res }) => void res.writeHead(200, { 'content-length': 6 }).write('abc'),
    );
    const running = program.start({ ...LOCAL, REGISTRY_BACKEND: upstream.url });
    const { url } = await running.listening();
    const { response } = await open(url + BLOB);
    response.on('error', () => {});
    running.signal('SIGTERM');
    await until(() => running.lines().some(({ msg }) => msg === 'stopping'));
    running.signal('SIGTERM');
    expect(await running.exited).toBe(1);
    await upstream.stop();
  });
});

describe('the config.yml of a pull-through cache', () => {
  const folder = mkdtempSync(join(tmpdir(), 'config-'));
  const path = join(folder, 'config.yml');
  const secret = JSON.stringify({ type: 'service_account', private_key: `${randomUUID()}\n` });

  afterAll(() => rmSync(folder, { recursive: true }));

  /** As the image of registry brings it, with what its recipe for a private registry of Google adds. */
  const write = (remote: string) =>
    writeFileSync(
      path,
      `version: 0.1
log:
  fields:
    service: registry
  level: warn
storage:
  cache:
    blobdescriptor: inmemory
  filesystem:
    rootdirectory: ${join(folder, 'images')}
http:
  addr: :5000
  headers:
    X-Content-Type-Options: [nosniff]
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
proxy:
  remoteurl: ${remote}
  username: _json_key
  password: '${secret}'
  ttl: 168h
`,
    );

  test('is all that is needed to pull through this proxy and to keep what was pulled; what it says in vain is in the log', async () => {
    const login = basic('_json_key', secret);
    const upstream = await listen('registry', ({ seen, send }) =>
      seen.header('authorization') === login
        ? send(200, {}, 'image')
        : send(401, { 'www-authenticate': 'Basic realm="registry"' }),
    );
    write(upstream.url);
    const env = { REGISTRY_HTTP_ADDR: '127.0.0.1:0', LOG_LEVEL: 'info', ANONYMOUS_PULL: 'true' };
    const running = program.start({ ...env, REGISTRY_STORAGE_DELETE_ENABLED: 'true' }, 'serve', path);
    const { url, backend } = await running.listening();
    expect(backend).toBe(upstream.url);
    expect((await ask(url + BLOB)).text).toBe('image');
    expect(await until(() => existsSync(join(folder, 'images/blobs/sha256', BLOB.slice(-64))))).toBe(true);
    running.signal('SIGTERM');
    expect(await running.exited).toBe(0);
    expect(running.lines().filter(({ level }) => level === 'warn')).toMatchObject([
      { msg: `${path}: ignored log.fields, storage.cache, http.headers, health` },
    ]);
    expect(running.out()).not.toContain(secret.slice(40, 60));
    await upstream.stop();
  });

  test('brings the users that it names, who then are all who may pull', async () => {
    const password = randomUUID();
    const users = join(folder, 'htpasswd');
    writeFileSync(users, `alice:${hashSync(password, 4)}\n`);
    const upstream = await listen('registry', ({ send }) => send(200, {}, 'image'));
    write(upstream.url);
    appendFileSync(path, `auth:\n  htpasswd:\n    realm: Registry Realm\n    path: ${users}\n`);
    const running = program.start({ REGISTRY_HTTP_ADDR: '127.0.0.1:0', LOG_LEVEL: 'info' }, 'serve', path);
    const { url } = await running.listening();
    const headers = { authorization: basic('alice', password) };
    const replies = [await ask(url + BLOB), await ask(url + BLOB, { headers })];
    expect(replies.map(({ status }) => status)).toEqual([401, 200]);
    running.signal('SIGTERM');
    expect(await running.exited).toBe(0);
    await upstream.stop();
  });

  test('opens private images to everybody only where somebody says so, as before', async () => {
    write('https://gcr.io');
    const { exited, err } = program.start({ REGISTRY_CONFIGURATION_PATH: path });
    expect(await exited).toBe(1);
    expect(err()).toContain('ANONYMOUS_PULL=true');
    expect(err()).not.toContain(secret.slice(40, 60));
  });

  test('is named in its faults, key by key', async () => {
    writeFileSync(path, 'version: 0.3\nproxy:\n  remoteurl: [x]\nhttp:\n  tls:\n    clientcas: [/ca.pem]\n');
    const { exited, err } = program.start({}, '--config', path);
    expect(await exited).toBe(1);
    expect(err().split('\n').slice(0, 3)).toEqual([
      `configuration: ${path}: version: expected 0.1`,
      `configuration: ${path}: proxy.remoteurl: expected text; put it in quotes`,
      expect.stringContaining(`configuration: ${path}: http.tls.clientcas: is not supported`),
    ]);
  });

  test('cannot be read without saying why', async () => {
    writeFileSync(path, `proxy:\n  password: "${secret}`);
    const { exited, err } = program.start({}, 'serve', path);
    expect(await exited).toBe(1);
    expect(err()).toContain(`configuration: serve=${path}: cannot be parsed (`);
    expect(err()).not.toContain(secret.slice(40, 60));
  });
});

describe('SIGHUP', () => {
  let reloading: Awaited<ReturnType<typeof processFrom>>;

  beforeAll(async () => {
    reloading = await processFrom();
  });

  afterAll(() => reloading.stop());

  type Child = ReturnType<(typeof reloading)['start']>;

  async function hangUp(child: Child, message: string, count = 1) {
    child.signal('SIGHUP');
    const said = () => child.lines().filter(({ msg }) => msg === message);
    expect(await until(() => said().length === count, 5000)).toBe(true);
    return said()[count - 1];
  }

  async function end(child: Child) {
    child.signal('SIGTERM');
    expect(await child.exited).toBe(0);
    expect(child.err()).toBe('');
  }

  test('takes up a changed .env, and a transfer under way from the registry before ends whole', async () => {
    let release = () => {};
    const one = await listen('one', ({ res }) => {
      res.writeHead(200, { 'content-length': 6 }).write('abc');
      release = () => res.end('def');
    });
    const two = await listen('two', ({ send }) => send(200, {}, 'two'));
    reloading.writeDotenv(`REGISTRY_BACKEND=${one.url}\n`);
    const child = reloading.start({ ...LOCAL, LOG_FORMAT: 'json' });
    const { url } = await child.listening();
    const { response } = await open(url + BLOB);
    let text = '';
    response.on('data', (chunk) => {
      text += chunk;
    });
    await until(() => text === 'abc');
    reloading.writeDotenv(`REGISTRY_BACKEND=${two.url}\n`);
    expect(await hangUp(child, 'configuration reloaded')).toMatchObject({
      level: 'info',
      settings: 'REGISTRY_BACKEND',
      files: '.env',
    });
    expect((await ask(url + BLOB)).text).toBe('two');
    release();
    expect(await until(() => text === 'abcdef')).toBe(true);

    reloading.writeDotenv(`REGISTRY_BACKEND=${one.url}\nSTALL_TIMEOUT=soon\n`);
    const refused = await hangUp(child, 'configuration not reloaded, the one before it stays');
    expect(refused).toMatchObject({ level: 'warn', why: expect.stringContaining('STALL_TIMEOUT=soon') });
    expect((await ask(url + BLOB)).text).toBe('two');
    await end(child);
    await Promise.all([one.stop(), two.stop()]);
  });

  test('changes what is logged, and how', async () => {
    reloading.writeDotenv('LOG_FORMAT=json\n');
    const child = reloading.start({ ...LOCAL, REGISTRY_BACKEND: 'http://127.0.0.1:1' });
    const { url } = await child.listening();
    reloading.writeDotenv('LOG_FORMAT=text\n');
    child.signal('SIGHUP');
    expect(await until(() => /info .*configuration reloaded settings=LOG_FORMAT/.test(child.out()))).toBe(true);
    reloading.writeDotenv('LOG_FORMAT=json\nLOG_LEVEL=warn\n');
    child.signal('SIGHUP');
    const wanted = async () => {
      await ask(`${url}/-/healthz`);
      return child.out();
    };
    let [before, after] = ['', await wanted()];
    for (let i = 0; i < 100 && before !== after; i += 1) [before, after] = [after, await wanted()];
    expect(after).toBe(before);
    await end(child);
  });

  test('without any file says that nothing has changed', async () => {
    reloading.writeDotenv('');
    const child = reloading.start({ ...LOCAL, LOG_FORMAT: 'json' });
    await child.listening();
    await hangUp(child, 'configuration read again, nothing has changed');
    await hangUp(child, 'configuration read again, nothing has changed', 2);
    await end(child);
  });

  test('ends nothing before the process listens, either', async () => {
    const hook = join(mkdtempSync(join(tmpdir(), 'hook-')), 'hook.cjs');
    // As soon as somebody hears it: before that no process could survive it.
    const raise =
      "process.on('newListener', (name) => name === 'SIGHUP' && process.nextTick(() => process.kill(process.pid, name)))";
    writeFileSync(hook, `${raise};\n`);
    const child = reloading.start({ ...LOCAL, LOG_FORMAT: 'json', NODE_OPTIONS: `--require ${hook}` });
    const { url } = await child.listening();
    expect((await ask(`${url}/-/healthz`)).text).toBe('ok\n');
    await end(child);
    rmSync(dirname(hook), { recursive: true });
  });
});

describe('a command', () => {
  /** Runs to its end: what answers here does not serve. */
  const run = async (env: Record<string, string>, ...argv: string[]) => {
    const { exited, out, err } = program.start(env, ...argv);
    return { code: await exited, out: out(), err: err() };
  };

  test('--help explains every setting in columns, whatever is wrong', async () => {
    const { code, out, err } = await run({ PORT: 'x' }, '--help', '--nonsense');
    expect([code, err]).toEqual([0, '']);
    const rows = new Map(out.split('\n').map((line) => [line.trim().split(' ')[0], line]));
    const column = (rows.get('Flag') as string).indexOf('Meaning');
    for (const { name, fallback } of settings) {
      const row = rows.get(flagOf(name)) as string;
      expect(row).toContain(` ${fallback}`);
      expect(row.slice(column - 2, column)).toBe('  ');
      expect(row.slice(column)).toMatch(/^[A-Z`]|^auto/);
    }
    expect(Math.max(...out.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(120);
  });

  test('--version names the program and Node.js', async () => {
    const { code, out, err } = await run({}, '-version');
    expect([code, err]).toEqual([0, '']);
    expect(out).toBe(`registry-proxy-serverless ${version} (Node.js ${process.version})\n`);
  });

  test('--print-config says what holds, and who says so', async () => {
    const env = { REGISTRY_HOST: 'gcr.io', REGISTRY_HTTP_ADDR: '[::1]:5000' };
    const { code, out, err } = await run(env, '--print-config', '-port', '5001', '--no-proxy-redirect');
    expect([code, err]).toEqual([0, '']);
    const lines = out.trim().split('\n');
    expect(lines).toHaveLength(settings.length);
    expect(lines.map((line) => line.replace(/ {2,}/, ' '))).toEqual(
      expect.arrayContaining([
        'HOST=::1 # env REGISTRY_HTTP_ADDR',
        'PORT=5001 # flag -port',
        'REGISTRY_BACKEND=gcr.io # env REGISTRY_HOST',
        'REGISTRY_NAME=gcr.io # default',
        'DEFAULT_BACKEND_HOST=https://gcr.io # default',
        'PROXY_REDIRECT=false # flag --no-proxy-redirect',
        'PUBLIC_URL=https://env.example.com # .env PUBLIC_URL',
        'LOG_FORMAT=json # .env LOG_FORMAT',
        'TRUST_PROXY=loopback,linklocal,private # default',
        'ALLOW_PRIVATE_ADDRESSES=false # default',
        'STALL_TIMEOUT=20s # default',
      ]),
    );
  });

  test('--print-config lists faults instead', async () => {
    const { code, out, err } = await run({ PORT: 'x' }, '--print-config', '--prot=1');
    expect([code, out]).toEqual([1, '']);
    expect(err.match(/^configuration: /gm)).toHaveLength(2);
  });
});
