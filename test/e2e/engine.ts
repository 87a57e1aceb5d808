import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { project } from './prepare';
import type { World } from './world';

/** Name and tag that the manifests call the image by. */
export const IMAGE = 'registry-proxy-serverless:0.1.0';

/** The same in full: podman would name it `localhost/…`. */
export const FULL_NAME = `docker.io/library/${IMAGE}`;

/** Base images of the Dockerfile, as its ARGs say; nothing is fetched, so they are made here. */
export const BASES = ['docker.io/library/node:22-bookworm-slim', 'gcr.io/distroless/nodejs22-debian12:nonroot'];

/** Where a machine lacks the right to raise limits, an engine may not ask for its usual ones. */
export const LIMITS = ['--ulimit', 'nofile=4096:4096', '--ulimit', 'nproc=4096:4096'];

/** Builds deploy/docker/Dockerfile without a network, on bases of this machine's Node.js and its libraries; with podman. */
export async function buildImage(world: World): Promise<{ podman: string[] }> {
  const store = join(world.folder, 'engine');
  const podman = ['podman', '--root', `${store}/root`, '--runroot', `${store}/run`, '--storage-driver', 'overlay'];
  podman.push('--events-backend', 'none', '--cgroup-manager', 'cgroupfs');
  const base = writeBase(join(world.folder, 'base'));
  const build = [...podman, 'build', '--pull=never', '--format', 'docker', '--layers=false'];
  await world.ok([...build, ...BASES.flatMap((name) => ['-t', name]), base]);
  // Packages come from where `yarn install` has put them on this machine: each is checked against yarn.lock again.
  const yarn = yarnFolder();
  const mounts = [`${project}/.yarn/cli:/src/.yarn/cli:ro`, `${yarn}:/root/.yarn/berry:ro`];
  const options = ['--network', 'none', ...LIMITS.slice(0, 2), ...mounts.flatMap((mount) => ['--volume', mount])];
  const dockerfile = join(project, 'deploy/docker/Dockerfile');
  await world.ok([...build, ...options, '-f', dockerfile, '-t', FULL_NAME, project], { timeout: 280 });
  return { podman };
}

function writeBase(folder: string): string {
  const files = join(folder, 'files');
  const libraries = execFileSync('ldd', [process.execPath], { encoding: 'utf8' }).match(/\/\S+/g) ?? [];
  for (const file of [...libraries, '/usr/bin/ldd']) place(file, join(files, file));
  place(process.execPath, join(files, 'usr/local/bin/node'));
  for (const name of ['tmp', 'etc', 'root']) mkdirSync(join(files, name), { recursive: true });
  chmodSync(join(files, 'tmp'), 0o1777);
  writeFileSync(join(files, 'etc/passwd'), 'root:x:0:0::/root:/none\nnonroot:x:65532:65532::/home/nonroot:/none\n');
  writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch\nCOPY files /\nENV PATH=/usr/local/bin:/usr/bin:/bin\n');
  return folder;
}

function place(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
}

function yarnFolder(): string {
  const command = ['.yarn/launch.cjs', 'config', 'get', 'globalFolder'];
  return execFileSync(process.execPath, command, { cwd: project, encoding: 'utf8' }).trim();
}
