import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashSync } from 'bcryptjs';
import { parse } from 'dotenv';
import { readConfig } from '../../src/core/config';
import { SettingFiles } from '../../src/node/files';
import { RELOAD_INTERVAL } from '../../src/node/poll';
import { follow, Reloader, type Reloading } from '../../src/node/reload';
import { type RunningServer, startServer } from '../../src/node/server';
import { Transport } from '../../src/node/transport';
import { createLog } from '../../src/shell/log';
import { ask, basic, open } from '../upstream/client';
import { type Exchange, listen, type Upstream } from '../upstream/listen';
import { until } from '../upstream/scene';

const BLOB = `/v2/team/app/blobs/sha256:${'a'.repeat(64)}`;
const MANIFEST = '/v2/team/app/manifests/v1';
const LOADED = 'configuration reloaded';
const REFUSED = 'configuration not reloaded, the one before it stays';
const HELD = 'changed, but only a restart brings it into effect';
const ENV = { HOST: '127.0.0.1', PORT: '0', RETRY_TIMEOUT: '0', SHUTDOWN_TIMEOUT: '1s' };

let folder: string;
let lines: Record<string, unknown>[];
let running: RunningServer | undefined;
let upstreams: Upstream[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'reload-'));
  lines = [];
  upstreams = [];
});

afterEach(async () => {
  jest.restoreAllMocks();
  jest.useRealTimers();
  await Promise.all([running?.close(), ...upstreams.map((upstream) => upstream.stop())]);
  running = undefined;
  rmSync(folder, { recursive: true });
});

const path = (name: string) => join(folder, name);
const write = (name: string, ...text: string[]) => writeFileSync(path(name), `${text.join('\n')}\n`);
const said = (message: string) => lines.filter(({ msg }) => msg === message);
const loads = () => lines.filter(({ msg }) => msg === LOADED || msg === REFUSED || msg === HELD);

async function upstream(handle: (exchange: Exchange) => void): Promise<Upstream> {
  const made = await listen('registry', handle);
  upstreams.push(made);
  return made;
}

const named = (name: string) => upstream(({ send }) => send(200, {}, name));

function prepare(env: Record<string, string>, apply: Reloading['apply'], argv: string[] = []) {
  const log = createLog({ level: 'debug', format: 'json', write: (line) => lines.push(JSON.parse(line)) });
  const read = (files: SettingFiles) => {
    try {
      return { argv, env, file: parse(files.text(path('.env'))), files };
    } catch {
      return { argv, env, file: {}, files };
    }
  };
  const sources = read(new SettingFiles());
  const config = readConfig(env, argv, sources.file, sources.files);
  return { config, sources, reloading: { read, apply, log }, log };
}

/** The proxy by what `.env` says, and what follows that file. */
async function started(env: Record<string, string> = {}, argv: string[] = []) {
  const { config, sources, reloading, log } = prepare({ ...ENV, ...env }, async (next) => running?.apply(next), argv);
  running = await startServer(config, log);
  return { url: running.url, reloader: new Reloader(config, sources, reloading) };
}

describe('a configuration that is read again', () => {
  test('is what the next request gets, while a transfer from the registry before ends whole', async () => {
    let finish = () => {};
    const one = await upstream(({ res, seen, send }) => {
      if (seen.target === MANIFEST) return send(200, {}, 'one');
      res.writeHead(200, { 'content-length': 6 }).write('abc');
      finish = () => res.end('def');
    });
    const two = await named('two');
    write('.env', `REGISTRY_BACKEND=${one.url}`);
    const { url, reloader } = await started();
    const close = jest.spyOn(Transport.prototype, 'close');
    expect((await ask(url + MANIFEST)).text).toBe('one');
    const { response } = await open(url + BLOB);
    let text = '';
    response.on('data', (chunk) => {
      text += chunk;
    });
    await until(() => text === 'abc');

    write('.env', `REGISTRY_BACKEND=${two.url}`);
    await reloader.reload();
    expect((await ask(url + MANIFEST)).text).toBe('two');
    expect(close).not.toHaveBeenCalled();
    finish();
    expect(await until(() => text === 'abcdef')).toBe(true);
    expect(await until(() => close.mock.calls.length === 1)).toBe(true);
    expect(one.accusations).toEqual([]);
    expect(loads()).toMatchObject([{ level: 'info', msg: LOADED, settings: 'REGISTRY_BACKEND', files: path('.env') }]);
  });

  test('is named by its settings, and shows nothing of what they say', async () => {
    const [before, after] = [randomUUID(), randomUUID()];
    const login = (password: string) => [
      'ANONYMOUS_PULL=true',
      'REGISTRY_USERNAME=somebody',
      `REGISTRY_PASSWORD=${password}`,
    ];
    write('.env', 'REGISTRY_BACKEND=https://one.example.com', ...login(before));
    const { reloader } = await started();
    lines.length = 0;
    write('.env', 'REGISTRY_HOST=https://two.example.com', 'HANDLE_REDIRECT=true', ...login(after));
    await reloader.reload();
    expect(loads()).toMatchObject([{ settings: 'REGISTRY_BACKEND HANDLE_REDIRECT REGISTRY_PASSWORD' }]);
    const text = JSON.stringify(lines);
    for (const secret of [before, after, 'somebody', 'two.example.com']) expect(text).not.toContain(secret);
  });

  test('loses to flags and environment as at the start', async () => {
    const [one, two] = [await named('one'), await named('two')];
    write('.env', 'HANDLE_REDIRECT=false');
    const { url, reloader } = await started({ REGISTRY_BACKEND: one.url }, ['--client-timeout=7s']);
    write('.env', `REGISTRY_BACKEND=${two.url}`, 'CLIENT_TIMEOUT=8s', 'HANDLE_REDIRECT=true');
    await reloader.reload();
    expect((await ask(url + MANIFEST)).text).toBe('one');
    expect(loads()).toMatchObject([{ settings: 'HANDLE_REDIRECT' }]);
  });

  test('with faults changes nothing, and all of them are said', async () => {
    const [one, two] = [await named('one'), await named('two')];
    write('.env', `REGISTRY_BACKEND=${one.url}`);
    const { url, reloader } = await started();
    write('.env', `REGISTRY_BACKEND=${two.url}`, 'STALL_TIMEOUT=soon', 'LOG_LEVEL=loud');
    await reloader.reload();
    expect((await ask(url + MANIFEST)).text).toBe('one');
    expect(loads()).toMatchObject([
      { level: 'warn', msg: REFUSED, why: expect.stringMatching(/STALL_.*; .*LOG_LEVEL/) },
    ]);
    write('.env', `REGISTRY_BACKEND=${two.url}`);
    await reloader.reload();
    expect((await ask(url + MANIFEST)).text).toBe('two');
  });

  test('that cannot be put into effect changes nothing, and the next one is', async () => {
    write('.env', 'REGISTRY_BACKEND=https://one.example.com');
    const apply = jest.fn().mockRejectedValueOnce(new Error('no room')).mockResolvedValue(undefined);
    const { config, sources, reloading } = prepare(ENV, apply);
    const reloader = new Reloader(config, sources, reloading);
    write('.env', 'REGISTRY_BACKEND=https://two.example.com');
    await reloader.reload();
    await reloader.reload();
    expect(loads()).toMatchObject([
      { msg: REFUSED, why: 'no room' },
      { msg: LOADED, settings: 'REGISTRY_BACKEND' },
    ]);
  });

  test('and is the same is not put into effect; who asked for it hears that', async () => {
    write('.env', 'LOG_LEVEL=debug');
    const apply = jest.fn();
    const { config, sources, reloading } = prepare(ENV, apply);
    const reloader = new Reloader(config, sources, reloading);
    write('.env', '# a remark', 'LOG_LEVEL=debug');
    await reloader.reload();
    expect(apply).not.toHaveBeenCalled();
    expect(lines).toMatchObject([{ level: 'info', msg: 'configuration read again, nothing has changed' }]);
  });

  test('is put into effect in the order in which it was asked for', async () => {
    const applied: string[] = [];
    const { config, sources, reloading } = prepare(ENV, async ({ upstreams: [{ name }] }) => {
      await new Promise((resolve) => setTimeout(resolve, name.startsWith('one') ? 50 : 1));
      applied.push(name);
    });
    const reloader = new Reloader(config, sources, reloading);
    write('.env', 'REGISTRY_BACKEND=one.example.com');
    const first = reloader.reload();
    await new Promise((resolve) => setTimeout(resolve, 10));
    write('.env', 'REGISTRY_BACKEND=two.example.com');
    await Promise.all([first, reloader.reload()]);
    expect(applied).toEqual(['one.example.com', 'two.example.com']);
  });
});

describe('what was learnt before', () => {
  test('is forgotten: a new login gets its own tokens', async () => {
    const realm = await upstream(({ seen, send }) => {
      const [user] = Buffer.from((seen.header('authorization') ?? '').slice(6), 'base64')
        .toString()
        .split(':');
      send(200, {}, JSON.stringify({ token: `token-of-${user}` }));
    });
    const registry = await upstream(({ seen, send }) => {
      const authorization = seen.header('authorization');
      if (authorization) return send(200, {}, authorization);
      return send(401, { 'www-authenticate': `Bearer realm="${realm.url}/token",service="s"` });
    });
    const login = (user: string) => [
      `REGISTRY_BACKEND=${registry.url}`,
      'ANONYMOUS_PULL=true',
      `REGISTRY_USERNAME=${user}`,
      `REGISTRY_PASSWORD=${randomUUID()}`,
    ];
    write('.env', ...login('alice'));
    const { url, reloader } = await started();
    for (let i = 0; i < 2; i += 1) expect((await ask(url + MANIFEST)).text).toBe('Bearer token-of-alice');
    expect(realm.requests).toHaveLength(1);
    write('.env', ...login('bob'));
    await reloader.reload();
    expect((await ask(url + MANIFEST)).text).toBe('Bearer token-of-bob');
    // The same name with another password may have other rights.
    write('.env', ...login('bob'));
    await reloader.reload();
    await ask(url + MANIFEST);
    expect(realm.requests).toHaveLength(3);
  });

  test('of a client’s rate is not: it asks no more by a reload', async () => {
    const one = await named('one');
    const env = [`REGISTRY_BACKEND=${one.url}`, 'RATE_LIMIT=2/h', 'TRUST_PROXY=false'];
    write('.env', ...env);
    const { url, reloader } = await started();
    for (let i = 0; i < 2; i += 1) await ask(url + MANIFEST);
    write('.env', ...env, 'HANDLE_REDIRECT=true');
    await reloader.reload();
    expect((await ask(url + MANIFEST)).status).toBe(429);
  });
});

describe('a restart is needed', () => {
  test('for what was settled by listening; all else takes effect, and is said apart', async () => {
    const [one, two] = [await named('one'), await named('two')];
    write('.env', `REGISTRY_BACKEND=${one.url}`);
    const { url, reloader } = await started({ HOST: '127.0.0.1' });
    const tls = [`TLS_CERT=${path('tls.crt')}`, `TLS_KEY=${path('tls.key')}`];
    write('.env', `REGISTRY_BACKEND=${two.url}`, 'PLATFORM=node', ...tls);
    await reloader.reload();
    expect((await ask(url + MANIFEST)).text).toBe('two');
    expect(loads()).toMatchObject([
      { level: 'warn', msg: HELD, settings: 'TLS_CERT TLS_KEY PLATFORM' },
      { level: 'info', msg: LOADED, settings: 'REGISTRY_BACKEND' },
    ]);
    lines.length = 0;
    write('.env', `REGISTRY_BACKEND=${one.url}`, 'PLATFORM=node', ...tls);
    await reloader.reload();
    expect(said(HELD)).toEqual([]);
  });

  test('for the platform, with all that follows from it', async () => {
    write('.env', 'LOG_LEVEL=debug');
    const apply = jest.fn();
    const { config, sources, reloading } = prepare(ENV, apply);
    const reloader = new Reloader(config, sources, reloading);
    write('.env', 'PLATFORM=aliyun-fc', 'LOG_LEVEL=info');
    await reloader.reload();
    expect(said(HELD)).toMatchObject([{ settings: 'PLATFORM' }]);
    // There, everybody's X-Forwarded-* is believed.
    expect(apply.mock.calls).toEqual([[{ ...config, logLevel: 'info' }]]);
  });
});

describe('routes', () => {
  test('follow: a browser at / is sent away where the configuration says so, and only then', async () => {
    write('.env', 'REGISTRY_BACKEND=https://gcr.io');
    const { url, reloader } = await started();
    const page = () => ask(`${url}/`, { headers: { accept: 'text/html' } });
    expect((await page()).text).toContain('gcr.io');
    write('.env', 'REGISTRY_BACKEND=https://gcr.io', 'REPO_PREFIX=google-containers');
    await reloader.reload();
    expect([(await page()).status, (await page()).header('location')]).toEqual([
      307,
      expect.stringContaining('google-containers'),
    ]);
    write('.env', 'REGISTRY_BACKEND=https://quay.io');
    await reloader.reload();
    expect((await page()).text).toContain('quay.io');
  });
});

describe('a look at the files', () => {
  test('finds nothing where nothing has changed, and says nothing', async () => {
    write('.env', 'LOG_LEVEL=debug');
    const { config, sources, reloading } = prepare(ENV, jest.fn());
    const reloader = new Reloader(config, sources, reloading);
    for (let i = 0; i < 3; i += 1) await reloader.look();
    expect(lines).toEqual([]);
  });

  test('takes up a change when it has stood still for one look: half a file may be valid', async () => {
    write('.env', 'ALLOW_CLIENTS=10.0.0.0/8', 'TRUST_PROXY=false');
    const apply = jest.fn();
    const { config, sources, reloading } = prepare(ENV, apply);
    const reloader = new Reloader(config, sources, reloading);
    writeFileSync(path('.env'), '');
    await reloader.look();
    write('.env', 'TRUST_PROXY=false');
    await reloader.look();
    write('.env', 'TRUST_PROXY=false', 'ALLOW_CLIENTS=10.0.0.0/16');
    await reloader.look();
    expect(apply).not.toHaveBeenCalled();
    await reloader.look();
    expect(apply).toHaveBeenCalledTimes(1);
    await reloader.look();
    await reloader.look();
    expect(loads()).toMatchObject([{ msg: LOADED, settings: 'ALLOW_CLIENTS' }]);
  });

  test('says once what is wrong, and goes on when it is mended', async () => {
    write('.env', 'LOG_LEVEL=debug');
    const apply = jest.fn();
    const { config, sources, reloading } = prepare(ENV, apply);
    const reloader = new Reloader(config, sources, reloading);
    write('.env', 'LOG_LEVEL=loud');
    for (let i = 0; i < 4; i += 1) await reloader.look();
    expect(loads()).toMatchObject([{ msg: REFUSED }]);
    write('.env', 'LOG_LEVEL=info');
    for (let i = 0; i < 3; i += 1) await reloader.look();
    expect(apply).toHaveBeenCalledTimes(1);
  });

  test('finds a .env that was not there, and one that is gone', async () => {
    const { config, sources, reloading } = prepare(ENV, jest.fn());
    const reloader = new Reloader(config, sources, reloading);
    write('.env', 'LOG_LEVEL=warn');
    for (let i = 0; i < 2; i += 1) await reloader.look();
    unlinkSync(path('.env'));
    for (let i = 0; i < 2; i += 1) await reloader.look();
    expect(loads()).toMatchObject([
      { msg: LOADED, settings: 'LOG_LEVEL' },
      { msg: LOADED, settings: 'LOG_LEVEL' },
    ]);
  });

  test('is taken at every file that settings name: a user who is gone is let in no more', async () => {
    const one = await named('one');
    const passwords = { alice: randomUUID(), bob: randomUUID() };
    const user = (name: keyof typeof passwords) => `${name}:${hashSync(passwords[name], 4)}`;
    write('users', user('alice'), user('bob'));
    write('.env', `REGISTRY_BACKEND=${one.url}`, `HTPASSWD_FILE=${path('users')}`);
    const { url, reloader } = await started();
    const login = async (name: keyof typeof passwords) =>
      (await ask(url + MANIFEST, { headers: { authorization: basic(name, passwords[name]) } })).status;
    expect([await login('alice'), await login('bob')]).toEqual([200, 200]);
    write('users', user('bob'));
    for (let i = 0; i < 2; i += 1) await reloader.look();
    expect([await login('alice'), await login('bob')]).toEqual([401, 200]);
    expect(loads()).toMatchObject([{ msg: LOADED, settings: '', files: path('users') }]);
  });

  test('is taken at a file that a refused configuration names', async () => {
    write('.env', 'LOG_LEVEL=debug');
    const apply = jest.fn();
    const { config, sources, reloading } = prepare(ENV, apply);
    const reloader = new Reloader(config, sources, reloading);
    write('.env', `HTPASSWD_FILE=${path('users')}`);
    for (let i = 0; i < 2; i += 1) await reloader.look();
    expect(loads()).toMatchObject([{ msg: REFUSED, why: expect.stringContaining('there is no such file') }]);
    write('users', `alice:${hashSync(randomUUID(), 4)}`);
    for (let i = 0; i < 2; i += 1) await reloader.look();
    expect(apply).toHaveBeenCalledTimes(1);
  });

  test('is taken every few seconds, but not where the process is frozen between requests', () => {
    jest.useFakeTimers();
    const { config, sources, reloading } = prepare({ ...ENV, PLATFORM: 'aliyun-fc' }, jest.fn());
    follow(config, sources, reloading);
    expect(jest.getTimerCount()).toBe(0);
    const elsewhere = prepare(ENV, jest.fn());
    follow(elsewhere.config, elsewhere.sources, elsewhere.reloading);
    expect(jest.getTimerCount()).toBe(1);
    const look = jest.spyOn(Reloader.prototype, 'look');
    jest.advanceTimersByTime(RELOAD_INTERVAL);
    expect(look).toHaveBeenCalledTimes(1);
  });
});
