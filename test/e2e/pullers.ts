import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ProxyName } from './addresses';
import {
  expectInContainerd,
  expectInFolder,
  expectInLayout,
  expectInPodman,
  fileDigest,
  podmanAt,
  startContainerd,
} from './clients';
import type { RealImage } from './images';
import type { Scene } from './scene';
import { apart, skopeo } from './users';
import { hasClient, type World } from './world';

/** A client that pulls the same thing from wherever it is told to. */
export interface Puller {
  readonly name: string;
  readonly isThere: boolean;
  /** Pulls into an empty place, and compares every byte. */
  pull(scene: Scene, host: ProxyName, run: string): Promise<void>;
}

export function emptyFolder({ folder }: World, name: string): string {
  const path = join(folder, 'tmp', name.replaceAll(/[^\w-]/g, '-'));
  mkdirSync(path, { recursive: true });
  return path;
}

/** Each of them pulls images that a scene has. */
export const pullers: readonly Puller[] = [
  {
    name: 'skopeo: every platform',
    isThere: true,
    async pull({ world, images }, host, run) {
      const folder = emptyFolder(world, `skopeo-${host}-${run}`);
      await world.ok(
        skopeo('copy', '--all', `docker://${host}/library/nginx`, `dir:${folder}`),
        apart(world, 'skopeo'),
      );
      expectInFolder(folder, images.nginx);
    },
  },
  {
    name: 'podman: nginx',
    isThere: true,
    async pull({ world, images }, host, run) {
      const { podman } = podmanAt(world, `podman-${host.slice(0, 4)}-${run}`);
      const name = `${host}/library/nginx:1.27`;
      await world.ok([...podman, 'pull', name], apart(world, 'podman'));
      await expectInPodman(world, podman, name, images.nginx.images[0] as RealImage, images.nginx.index.digest);
    },
  },
  {
    name: 'containerd: an image with a 60 MB layer',
    isThere: true,
    async pull({ world, images }, host, run) {
      const containerd = await startContainerd(world, `ctr-${host}-${run}`, { border: true });
      const name = `${host}/acme/big:1`;
      await containerd.ok('images', 'pull', '--snapshotter', 'native', name);
      await expectInContainerd(containerd, name, images.big);
      await containerd.daemon.stop();
    },
  },
  {
    name: 'crane: every platform',
    isThere: hasClient('crane'),
    async pull({ world, images }, host, run) {
      const folder = join(world.folder, 'tmp', `crane-${host}-${run}`);
      const here = apart(world, 'crane');
      await world.ok(['crane', 'pull', '--format', 'oci', `${host}/acme/multi:1`, folder], here);
      expectInLayout(folder, images.multi);
      const digest = await world.ok(['crane', 'digest', `${host}/acme/multi:1`], here);
      expect(digest.trim()).toBe(images.multi.index.digest);
    },
  },
  {
    name: 'oras: an image',
    isThere: hasClient('oras'),
    async pull({ world, images }, host, run) {
      const folder = join(world.folder, 'tmp', `oras-${host}-${run}`);
      const name = `${host}/acme/multi:1`;
      await world.ok(['oras', 'copy', '--to-oci-layout', name, `${folder}:1`], apart(world, 'oras'));
      expectInLayout(folder, images.multi);
    },
  },
];

/** A chart that somebody has to have pushed. */
export const helm: Puller = {
  name: 'helm: a chart',
  isThere: hasClient('helm'),
  async pull({ world }, host, run) {
    const folder = emptyFolder(world, `helm-${host}-${run}`);
    const pull = ['helm', 'pull', `oci://${host}/acme/chart`, '--version', '0.1.0', '-d', folder];
    await world.ok(pull, apart(world, 'helm'));
    expect(fileDigest(join(folder, 'chart-0.1.0.tgz'))).toBe(fileDigest(join(world.folder, 'tmp/chart-0.1.0.tgz')));
  },
};
