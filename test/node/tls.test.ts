import { createPrivateKey } from 'node:crypto';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { Agent, type AgentOptions, get, request } from 'node:https';
import { connect, createServer as createListener } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect as connectTls, type DetailedPeerCertificate } from 'node:tls';
import { readConfig } from '../../src/core/config';
import { ConfigError } from '../../src/core/config-error';
import { RELOAD_INTERVAL } from '../../src/node/poll';
import { type RunningServer, startServer } from '../../src/node/server';
import { createLog } from '../../src/shell/log';
import { layerNode } from '../edges/function';
import { type Authority, createAuthority } from '../upstream/certificates';
import { ask, exchangeRaw, open } from '../upstream/client';
import { listen, type TlsIdentity, type Upstream } from '../upstream/listen';
import { until } from '../upstream/scene';
import { processFrom } from './process';

const BLOB = `/v2/team/app/blobs/sha256:${'a'.repeat(64)}`;
const HOUR = 60 * 60 * 1000;

let authority: Authority;
let first: TlsIdentity;
let second: TlsIdentity;
let upstream: Upstream;
let folder: string;
let lines: Record<string, unknown>[];
let running: RunningServer | undefined;
let finish: () => void;

beforeAll(async () => {
  authority = await createAuthority();
  [first, second] = await Promise.all(['first.example.com', 'second.example.com'].map((name) => issue(name)));
  upstream = await listen('registry', ({ req, res, seen, send }) => {
    if (seen.target === '/v2/') return send(401, { 'www-authenticate': 'Bearer realm="https://auth.example.com/t"' });
    if (req.method === 'POST') return send(202, { location: '/v2/team/app/blobs/uploads/1234?_state=x' });
    res.writeHead(200, { 'content-length': 6 }).write('abc');
    finish = () => res.end('def');
    return undefined;
  });
});

afterAll(() => upstream.stop());

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tls-'));
  lines = [];
});

afterEach(async () => {
  jest.useRealTimers();
  await running?.close();
  running = undefined;
  rmSync(folder, { recursive: true });
});

const issue = (name: string, lifetime?: { from: Date; to: Date }) => authority.issue([name, '127.0.0.1'], lifetime);
const path = (name: string) => join(folder, name);
const write = (name: string, text: string) => writeFileSync(path(name), text);
const environment = (cert = path('tls.crt'), key = path('tls.key')) => ({
  HOST: '127.0.0.1',
  PORT: '0',
  REGISTRY_BACKEND: upstream.url,
  RETRY_TIMEOUT: '0',
  SHUTDOWN_TIMEOUT: '5s',
  TLS_CERT: cert,
  TLS_KEY: key,
});

function put({ cert, key }: TlsIdentity) {
  write('tls.crt', cert);
  write('tls.key', key);
}

async function start(env: Record<string, string> = environment()) {
  const log = createLog({ level: 'debug', format: 'json', write: (line) => lines.push(JSON.parse(line)) });
  running = await startServer(readConfig(env), log);
  return running;
}

/** What is wrong with the files, one line each. */
async function faults(env?: Record<string, string>): Promise<readonly string[]> {
  const error = await start(env).then(
    () => undefined,
    (reason) => reason,
  );
  expect(error).toBeInstanceOf(ConfigError);
  return (error as ConfigError).faults;
}

const said = (message: string) => lines.filter(({ msg }) => msg === message);

/** The name on the certificate that a new connection gets. */
async function nameShown(options: ConnectionOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ port: running?.port, host: '127.0.0.1', ca: authority.cert, ...options }, () => {
      resolve((socket.getPeerCertificate() as DetailedPeerCertificate).subject.CN as string);
      socket.end();
    });
    socket.on('error', reject);
  });
}

/** How a client of TLS 1.2 begins. */
function hello(): Promise<Buffer> {
  return new Promise((resolve) => {
    const listener = createListener((socket) => {
      socket
        .on('error', () => {})
        .once('data', (bytes) => {
          socket.destroy();
          listener.close();
          resolve(bytes);
        });
    });
    listener.listen(0, '127.0.0.1', () => {
      const { port } = listener.address() as { port: number };
      connectTls({ port, host: '127.0.0.1', maxVersion: 'TLSv1.2' }).on('error', () => {});
    });
  });
}

describe('https', () => {
  test('is served with the certificate, and says so', async () => {
    put(first);
    const { url, port } = await start();
    expect(url).toBe(`https://127.0.0.1:${port}`);
    expect(lines[0]).toMatchObject({ msg: 'listening', url, port });
    expect(said('certificate')).toMatchObject([
      { level: 'info', subject: 'CN=first.example.com', names: expect.stringContaining('first.example.com') },
    ]);
    expect(Date.parse(String(said('certificate')[0].expires))).toBeGreaterThan(Date.now());
    expect((await ask(`${url}/-/healthz`, { ca: authority.cert })).text).toBe('ok\n');
    expect(JSON.stringify(lines)).not.toContain('PRIVATE');
  });

  test('is in the realm and in the address of an upload', async () => {
    put(first);
    const { url } = await start();
    const challenge = await ask(`${url}/v2/`, { ca: authority.cert });
    expect(challenge.header('www-authenticate')).toContain(`realm="${url}/token"`);
    const upload = await ask(`${url}/v2/team/app/blobs/uploads/`, { method: 'POST', ca: authority.cert });
    expect([upload.status, upload.header('location')?.startsWith(`${url}/v2/team/app/blobs/uploads/`)]).toEqual([
      202,
      true,
    ]);
  });

  test('may come with a chain, and with the key in the same file', async () => {
    write('all.pem', [first.key, first.cert, authority.cert].join('\n'));
    await start(environment(path('all.pem'), path('all.pem')));
    expect(await nameShown()).toBe('first.example.com');
  });

  test('is TLS 1.2 or newer', async () => {
    put(first);
    await start();
    expect(await nameShown({ maxVersion: 'TLSv1.2' })).toBe('first.example.com');
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' } as const;
    await expect(nameShown(old)).rejects.toThrow();
    expect(said('connection refused')).toMatchObject([{ level: 'warn', client: '127.0.0.1' }]);
  });

  test('answers a malformed head in words, as http does', async () => {
    put(first);
    const { port } = await start();
    const socket = connectTls({ port, host: '127.0.0.1', ca: authority.cert }, () => socket.write('nonsense\r\n\r\n'));
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    await new Promise((resolve) => socket.once('close', resolve));
    expect(text).toMatch(/^HTTP\/1\.1 400 [\s\S]*UNSUPPORTED/);
    expect(said('request')).toMatchObject([{ level: 'warn', route: 'none', status: 400 }]);
  });

  test('refuses plain http, and lives on', async () => {
    put(first);
    const { url, port } = await start();
    expect(await exchangeRaw(port, 'GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n', 300)).not.toContain('HTTP/1.1');
    await exchangeRaw(port, Buffer.from([0x16, 3, 1, 0, 5, 1, 2, 3, 4, 5]), 300);
    await exchangeRaw(port, '', 50);
    expect(await until(() => said('connection refused').length === 2)).toBe(true);
    expect(said('connection refused')[0].why).toMatch(/^the client speaks plain http/);
    expect((await ask(`${url}/-/healthz`, { ca: authority.cert })).status).toBe(200);
  });

  test('says when a client does not accept the certificate', async () => {
    put(first);
    const { port } = await start();
    // What Go and curl say then; Node's client only closes the connection.
    const unknownAuthority = Buffer.from([0x15, 3, 3, 0, 2, 2, 48]);
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    socket.write(await hello());
    socket.once('data', () => socket.end(unknownAuthority));
    expect(await until(() => said('connection refused').length === 1)).toBe(true);
    expect(said('connection refused')).toMatchObject([
      { client: '127.0.0.1', why: expect.stringMatching(/^the client does not accept the certificate/) },
    ]);
  });

  test('of a certificate that has expired is served, and warned of', async () => {
    const [from, to] = [new Date(Date.now() - 2 * HOUR), new Date(Date.now() - HOUR)];
    put(await issue('old.example.com', { from, to }));
    await start();
    expect(said('certificate')).toMatchObject([{ level: 'warn', why: 'it has expired' }]);
  });
});

describe('a start', () => {
  const locked = () =>
    createPrivateKey(first.key)
      .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' })
      .toString();

  test.each<[string, () => void, RegExp[]]>([
    [
      'no file',
      () => {},
      [/^TLS_CERT=.*tls\.crt: there is no such file$/, /^TLS_KEY=.*tls\.key: there is no such file$/],
    ],
    ['no key', () => write('tls.crt', first.cert), [/^TLS_KEY=.*tls\.key: there is no such file$/]],
    [
      'a folder',
      () => {
        write('tls.crt', first.cert);
        mkdirSync(path('tls.key'));
      },
      [/^TLS_KEY=.*must be a file$/],
    ],
    ['an empty certificate', () => put({ ...first, cert: '' }), [/^TLS_CERT=.*holds no certificate in PEM form$/]],
    ['text', () => put({ cert: 'hello', key: 'hello' }), [/^TLS_CERT=.*no certificate/, /^TLS_KEY=.*no private key/]],
    [
      'them swapped',
      () => put({ cert: first.key, key: first.cert }),
      [/^TLS_CERT=.*no certificate/, /^TLS_KEY=.*no private key/],
    ],
    ['half a key', () => put({ ...first, key: first.key.slice(0, 80) }), [/^TLS_KEY=.*no private key in PEM form$/]],
    ['half a certificate', () => put({ ...first, cert: first.cert.slice(0, 200) }), [/^TLS_CERT=.*no certificate/]],
    ['a locked key', () => put({ ...first, key: locked() }), [/^TLS_KEY=.*is locked by a passphrase/]],
    [
      'a key of another certificate',
      () => put({ ...first, key: second.key }),
      [/^TLS_KEY=.*does not fit the certificate in TLS_CERT=.*tls\.crt/],
    ],
    [
      'a broken chain',
      () => put({ ...first, cert: `${first.cert}\n${authority.cert.slice(0, 100)}\n-----END CERTIFICATE-----\n` }),
      [/^TLS_CERT=.*is refused by OpenSSL \(ERR_/],
    ],
    ['2 MB', () => put({ ...first, key: first.key.padEnd(2_000_000) }), [/^TLS_KEY=.*is larger than 256 KiB/]],
  ])('with %s fails, and says what is wrong', async (_, prepare, expected) => {
    prepare();
    const found = await faults();
    expect(found).toEqual(expected.map((pattern) => expect.stringMatching(pattern)));
    for (const line of first.key.split('\n').slice(1, -2)) expect(found.join()).not.toContain(line);
    expect(lines).toEqual([]);
  });
});

describe('files that change', () => {
  const onlyInterval = {
    doNotFake: [
      'Date',
      'hrtime',
      'nextTick',
      'performance',
      'queueMicrotask',
      'setImmediate',
      'setTimeout',
      'clearTimeout',
      'clearImmediate',
    ],
  } as const;

  async function startWatched() {
    jest.useFakeTimers(onlyInterval as never);
    put(first);
    return start();
  }

  /** Lets it look, and waits for what it says of it; looks that find nothing are silent, so they get a moment. */
  async function look(message?: string, count = 1) {
    jest.advanceTimersByTime(RELOAD_INTERVAL);
    if (message) expect(await until(() => said(message).length === count)).toBe(true);
    else await new Promise((resolve) => setTimeout(resolve, 100));
  }

  test('are served to the next connection, while the ones before go on', async () => {
    const { url } = await startWatched();
    const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: authority.cert } satisfies AgentOptions);
    const over = (target: string) =>
      new Promise<{ text: string; isReused: boolean }>((resolve, reject) => {
        const sent = get(url + target, { agent }, (response) => {
          let text = '';
          response.on('data', (chunk) => {
            text += chunk;
          });
          response.on('end', () => resolve({ text, isReused: sent.reusedSocket }));
        }).on('error', reject);
      });
    expect(await over('/-/healthz')).toEqual({ text: 'ok\n', isReused: false });
    const { response } = await open(url + BLOB, { ca: authority.cert });
    let text = '';
    response.on('data', (chunk) => {
      text += chunk;
    });
    await until(() => text === 'abc');

    put(second);
    await look('certificate reloaded');
    expect(said('certificate reloaded')).toMatchObject([{ level: 'info', subject: 'CN=second.example.com' }]);
    expect(await nameShown()).toBe('second.example.com');
    expect(await over('/-/healthz')).toEqual({ text: 'ok\n', isReused: true });
    finish();
    expect(await until(() => text === 'abcdef')).toBe(true);
    agent.destroy();
    await look();
    expect(said('certificate reloaded')).toHaveLength(1);
  });

  test.each<[string, () => void, RegExp]>([
    ['of which one is written', () => write('tls.crt', second.cert), /^configuration: TLS_KEY=.* does not fit/],
    ['half of which is written', () => write('tls.crt', second.cert.slice(0, 300)), /TLS_CERT=.* no certificate/],
    ['of which one is gone', () => unlinkSync(path('tls.key')), /TLS_KEY=.* no such file/],
  ])('to a pair %s are not served, and why is said once', async (_, change, why) => {
    await startWatched();
    change();
    await look('certificate not reloaded, the one before it stays');
    await look();
    expect(said('certificate not reloaded, the one before it stays')).toMatchObject([
      { level: 'warn', why: expect.stringMatching(why) },
    ]);
    expect(await nameShown()).toBe('first.example.com');
    put(second);
    await look('certificate reloaded');
    expect(await nameShown()).toBe('second.example.com');
  });

  test('behind symbolic links that are turned over, as Kubernetes does, are seen', async () => {
    for (const [name, { cert, key }] of Object.entries({ one: first, two: second })) {
      mkdirSync(path(name));
      write(`${name}/tls.crt`, cert);
      write(`${name}/tls.key`, key);
    }
    symlinkSync('one', path('data'));
    for (const name of ['tls.crt', 'tls.key']) symlinkSync(`data/${name}`, path(name));
    jest.useFakeTimers(onlyInterval as never);
    await start();
    expect(await nameShown()).toBe('first.example.com');
    symlinkSync('two', path('data_tmp'));
    renameSync(path('data_tmp'), path('data'));
    await look('certificate reloaded');
    expect(await nameShown()).toBe('second.example.com');
  });

  test('are not looked at any more when the server is closed', async () => {
    const server = await startWatched();
    expect(jest.getTimerCount()).toBe(1);
    await server.close();
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe('the end', () => {
  test('waits for a transfer, and not for connections that are idle or in the middle of a handshake', async () => {
    put(first);
    const server = await start();
    const silent = connect(server.port, '127.0.0.1');
    const agent = new Agent({ keepAlive: true, ca: authority.cert });
    await new Promise<void>((resolve) => {
      request(`${server.url}/-/healthz`, { agent }, (response) => response.resume().on('end', resolve)).end();
    });
    const { response } = await open(server.url + BLOB, { ca: authority.cert });
    let text = '';
    response.on('data', (chunk) => {
      text += chunk;
    });
    await until(() => text === 'abc');
    const begun = Date.now();
    const closed = server.close();
    await new Promise((resolve) => silent.resume().once('close', resolve));
    finish();
    await closed;
    expect(await until(() => text === 'abcdef')).toBe(true);
    expect(Date.now() - begun).toBeLessThan(3000);
    expect(said('transfers cut by shutdown')).toEqual([]);
    agent.destroy();
  });
});

describe('the process, on the oldest Node.js it is made for', () => {
  let program: Awaited<ReturnType<typeof processFrom>>;

  beforeAll(async () => {
    program = await processFrom(undefined, layerNode);
  });

  afterAll(() => program.stop());

  test('names a key that is not there, without a stack, and ends with 1', async () => {
    write('tls.crt', first.cert);
    const { exited, err, out } = program.start(environment());
    expect(await exited).toBe(1);
    expect(err()).toContain(`configuration: TLS_KEY=${path('tls.key')}: there is no such file\n`);
    expect(err()).not.toMatch(/^\s+at /m);
    expect(out()).toBe('');
  });

  test('ends with 0 after the transfer that SIGTERM finds', async () => {
    put(first);
    const child = program.start(environment());
    const { url } = await child.listening();
    expect(url).toMatch(/^https:/);
    const { response } = await open(url + BLOB, { ca: authority.cert });
    let text = '';
    response.on('data', (chunk) => {
      text += chunk;
    });
    await until(() => text === 'abc');
    child.signal('SIGTERM');
    await until(() => child.lines().some(({ msg }) => msg === 'stopping'));
    finish();
    expect(await child.exited).toBe(0);
    expect(text).toBe('abcdef');
    expect(child.err()).toBe('');
  });

  test('says in one sentence that a port is taken, with TLS too', async () => {
    put(first);
    const taken = createListener();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as { port: number };
    const { exited, err } = program.start({ ...environment(), PORT: String(port) });
    expect(await exited).toBe(1);
    expect(err()).toMatch(/^the port is taken/);
    taken.close();
  });
});
