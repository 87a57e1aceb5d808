import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RealImage, RealIndex } from './images';
import { type Daemon, type RunOptions, until, type World } from './world';

/** A docker engine with its classic store, and a command line of its own. */
export interface Docker {
  daemon: Daemon;
  ok(...command: string[]): Promise<string>;
  fails(...command: string[]): Promise<string>;
  /** Digest of a file in an image, as a container made of it would see it. */
  fileDigest(image: string, path: string): Promise<string>;
  /** Writes logins as `docker login` leaves them. */
  setLogin(host: string, user: string, password: string): void;
}

/**
 * @param mirrors their addresses, or a whole daemon.json
 * @param insecure addresses at which it does without TLS, and takes any certificate; a whole daemon.json says so itself
 */
export async function startDocker(
  world: World,
  name: string,
  mirrors: string[] | string,
  options: RunOptions,
  insecure = '10.99.0.0/16',
): Promise<Docker> {
  const folder = join(world.folder, name);
  mkdirSync(join(folder, 'cli'), { recursive: true });
  const isWhole = typeof mirrors === 'string';
  const settings = isWhole ? mirrors : JSON.stringify({ 'registry-mirrors': mirrors });
  writeFileSync(join(folder, 'daemon.json'), settings);
  const socket = `unix://${folder}/socket`;
  const daemon = world.daemon(
    name,
    [
      ...['dockerd', '--config-file', `${folder}/daemon.json`, '--iptables=false', '--bridge=none', '-l', 'warn'],
      ...['--storage-driver', 'overlay2', ...(isWhole ? [] : ['--insecure-registry', insecure])],
      ...['--data-root', `${folder}/root`, '--exec-root', `${folder}/exec`, '-p', `${folder}/pid`, '-H', socket],
    ],
    options,
  );
  const cli = ['docker', '--config', `${folder}/cli`, '-H', socket];
  await until(`${name} is ready`, daemon, async () => (await world.run([...cli, 'version'])).code === 0);
  return {
    daemon,
    ok: (...command) => world.ok([...cli, ...command], options),
    fails: (...command) => world.fails([...cli, ...command], options),
    async fileDigest(image, path) {
      const docker = cli.join(' ');
      const script = `id=$(${docker} create ${image}) && ${docker} cp $id:/${path} - | tar xO | sha256sum; ${docker} rm $id >&2`;
      return digestIn(await world.ok(['bash', '-euo', 'pipefail', '-c', script]));
    },
    setLogin(host, user, password) {
      const auth = Buffer.from(`${user}:${password}`).toString('base64');
      writeFileSync(join(folder, 'cli/config.json'), JSON.stringify({ auths: { [host]: { auth } } }));
    },
  };
}

/** An image is in the engine as it was made: named by its digest, unpacked to its layers, its files byte for byte. */
export async function expectInDocker(docker: Docker, name: string, image: RealImage, digest = image.manifest.digest) {
  const [found] = JSON.parse(await docker.ok('image', 'inspect', name));
  expect(found.Id).toBe(image.config.digest);
  expect(found.RepoDigests.map((one: string) => one.split('@')[1])).toContain(digest);
  expect(found.RootFS.Layers).toEqual(image.diffIds);
  for (const [path, expected] of Object.entries(image.files)) {
    expect(`${path} ${await docker.fileDigest(name, path)}`).toBe(`${path} ${expected}`);
  }
}

export interface Containerd {
  daemon: Daemon;
  ok(...command: string[]): Promise<string>;
  fails(...command: string[]): Promise<string>;
  /** hosts.toml of a registry. Gives the arguments that make ctr read it. */
  hosts(registry: string, toml: string): string[];
  /** Digest of what the store holds under a digest. */
  contentDigest(digest: string): Promise<string>;
}

export async function startContainerd(world: World, name: string, options: RunOptions): Promise<Containerd> {
  const folder = join(world.folder, name);
  mkdirSync(folder);
  const socket = `${folder}/socket`;
  writeFileSync(
    join(folder, 'config.toml'),
    `version = 2
root = "${folder}/root"
state = "${folder}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
  address = "${socket}"
[ttrpc]
  address = "${socket}.ttrpc"
`,
  );
  const daemon = world.daemon(name, ['containerd', '-l', 'warn', '-c', `${folder}/config.toml`], options);
  const ctr = ['ctr', '-a', socket];
  await until(`${name} is ready`, daemon, async () => (await world.run([...ctr, 'version'])).code === 0);
  return {
    daemon,
    ok: (...command) => world.ok([...ctr, ...command], options),
    fails: (...command) => world.fails([...ctr, ...command], options),
    hosts(registry, toml) {
      const path = join(folder, 'hosts', registry);
      mkdirSync(path, { recursive: true });
      writeFileSync(join(path, 'hosts.toml'), toml);
      return ['--hosts-dir', join(folder, 'hosts')];
    },
    async contentDigest(digest) {
      const script = `${ctr.join(' ')} content get ${digest} | sha256sum`;
      return digestIn(await world.ok(['bash', '-euo', 'pipefail', '-c', script]));
    },
  };
}

/** The store names the image by its digest and holds every part of it, byte for byte. */
export async function expectInContainerd(
  containerd: Containerd,
  name: string,
  image: RealImage,
  digest = image.manifest.digest,
) {
  const listed = await containerd.ok('images', 'ls', `name==${name}`);
  expect(listed).toContain(digest);
  for (const content of [image.manifest, image.config, ...image.layers]) {
    expect(await containerd.contentDigest(content.digest)).toBe(content.digest);
  }
}

/** podman and buildah, with a store of their own under one name. */
export function podmanAt(world: World, name: string): { podman: string[]; buildah: string[] } {
  const store = ['--root', `${world.folder}/${name}/root`, '--runroot', `${world.folder}/${name}/run`];
  const driver = ['--storage-driver', 'vfs'];
  return {
    podman: ['podman', ...store, ...driver, '--events-backend', 'none', '--cgroup-manager', 'cgroupfs'],
    buildah: ['buildah', ...store, ...driver],
  };
}

export async function expectInPodman(
  world: World,
  podman: string[],
  name: string,
  image: RealImage,
  digest = image.manifest.digest,
) {
  const [found] = JSON.parse(await world.ok([...podman, 'image', 'inspect', name]));
  expect(`sha256:${found.Id}`).toBe(image.config.digest);
  expect(found.Digest).toBe(digest);
  expect(found.RootFS.Layers).toEqual(image.diffIds);
  const root = (await world.ok([...podman, 'image', 'mount', name])).trim();
  for (const [path, expected] of Object.entries(image.files)) {
    expect(`${path} ${fileDigest(join(root, path))}`).toBe(`${path} ${expected}`);
  }
  await world.ok([...podman, 'image', 'umount', name]);
}

/** A folder written by `skopeo copy … dir:` holds exactly these, byte for byte. */
export function expectInFolder(folder: string, expected: RealIndex | RealImage): void {
  const found = readdirSync(folder)
    .filter((name) => name !== 'version')
    .map((name) => fileDigest(join(folder, name)));
  expect(found.sort()).toEqual(digestsOf(expected).sort());
}

/** An OCI image layout holds at least these, byte for byte. */
export function expectInLayout(folder: string, expected: RealIndex | RealImage): void {
  const blobs = join(folder, 'blobs/sha256');
  for (const digest of digestsOf(expected)) expect(fileDigest(join(blobs, digest.slice(7)))).toBe(digest);
}

export function digestsOf(content: RealIndex | RealImage): string[] {
  if ('index' in content) return [content.index.digest, ...content.images.flatMap(digestsOf)];
  return [content.manifest, content.config, ...content.layers].map(({ digest }) => digest);
}

export function fileDigest(path: string): string {
  return `sha256:${createHash('sha256').update(readFileSync(path)).digest('hex')}`;
}

function digestIn(output: string): string {
  return `sha256:${/[0-9a-f]{64}/.exec(output)?.[0]}`;
}
