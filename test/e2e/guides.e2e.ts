import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readConfig } from '../../src/core/config';
import type { GuideImage } from '../../src/core/inspect/guide-names';
import { type Guide, guidesFor } from '../../src/core/inspect/guides';
import type { Origin } from '../../src/core/setting-values';
import {
  type Docker,
  expectInContainerd,
  expectInDocker,
  expectInFolder,
  expectInPodman,
  podmanAt,
  startContainerd,
  startDocker,
} from './clients';
import type { RealImage, RealIndex } from './images';
import { createScene, endScene, expectNoHarm, type Scene } from './scene';
import { skopeo } from './users';
import type { RunningProxy, World } from './world';

const ENV = { REGISTRIES: 'ghcr.io', HANDLE_REDIRECT: 'true' };
const HOST = 'many.example.com';
const behind = { border: true };

const NGINX: GuideImage = { registry: 'docker.io', repository: 'library/nginx', reference: 'latest' };
const APP: GuideImage = { registry: 'ghcr.io', repository: 'owner/app', reference: '1' };

let scene: Scene;
let world: World;
let many: RunningProxy;
const origins: Record<string, Origin> = {};

beforeAll(async () => {
  scene = await createScene();
  world = scene.world;
  many = await world.startProxy(HOST, ENV);
  const [hostname = '', port] = many.plain.split(':');
  origins['with TLS'] = { scheme: 'https', hostname: HOST, port: 443 };
  origins['without TLS'] = { scheme: 'http', hostname, port: Number(port) };
}, 120_000);

beforeEach(() => world.forget());

afterEach(() => expectNoHarm(scene));

afterAll(() => endScene(scene, [scene.follow, many]));

describe.each(['with TLS', 'without TLS'])('behind a blocked border, %s, what the page says makes', (how) => {
  const run = how.replaceAll(' ', '-');
  const stepsOf = (client: Guide['client'], image: GuideImage) => {
    const guides = guidesFor(image, { config: readConfig(ENV), origin: origins[how] as Origin });
    return guides.find((guide) => guide.client === client)?.steps ?? [];
  };
  const fileOf = (client: Guide['client'], image: GuideImage, name: RegExp) =>
    stepsOf(client, image).find(({ path }) => path !== undefined && name.test(path))?.text ?? '';
  /** The arguments of each command of a program. */
  const commandsOf = (client: Guide['client'], image: GuideImage, program: string) =>
    stepsOf(client, image).flatMap(({ kind, text }) =>
      kind === 'command' && text.startsWith(`${program} `) ? [text.split(' ').slice(1)] : [],
    );
  const contentOf = (image: GuideImage): RealIndex => (image === NGINX ? scene.images.nginx : scene.images.app);
  const firstOf = (image: GuideImage) => contentOf(image).images[0] as RealImage;

  /** docker with the daemon.json of a guide. */
  async function dockerOf(client: 'docker' | 'docker-mirror', image: GuideImage): Promise<Docker> {
    const name = `docker-${client}-${run}`;
    return startDocker(world, name, fileOf(client, image, /daemon\.json$/) || '{}', behind);
  }

  test('docker pull by our host, from each registry', async () => {
    const docker = await dockerOf('docker', NGINX);
    for (const image of [NGINX, APP]) {
      const [command = []] = commandsOf('docker', image, 'docker');
      await docker.ok(...command);
      await expectInDocker(docker, command.at(-1) as string, firstOf(image), contentOf(image).index.digest);
    }
    await docker.daemon.stop();
  });

  test('docker pull through a mirror', async () => {
    const docker = await dockerOf('docker-mirror', NGINX);
    const [command = []] = commandsOf('docker-mirror', NGINX, 'docker');
    expect(command).toEqual(['pull', 'nginx:latest']);
    await docker.ok(...command);
    await expectInDocker(docker, 'nginx:latest', firstOf(NGINX), contentOf(NGINX).index.digest);
    await docker.daemon.stop();
  });

  test('containerd pull, by the name of each registry and by ours', async () => {
    const containerd = await startContainerd(world, `containerd-${run}`, behind);
    for (const image of [NGINX, APP]) {
      const hosts = containerd.hosts(image.registry, fileOf('containerd', image, /hosts\.toml$/));
      const commands = commandsOf('containerd', image, 'ctr');
      expect(commands.length).toBe(2);
      for (const [images = '', pull = '', ...more] of commands) {
        const [, folder] = hosts as [string, string];
        const args = more.map((word) => (word === '/etc/containerd/certs.d' ? folder : word));
        await containerd.ok(images, pull, '--snapshotter', 'native', ...args);
        const name = more.at(-1) as string;
        await expectInContainerd(containerd, name, firstOf(image), contentOf(image).index.digest);
        await containerd.ok('images', 'rm', '--sync', name);
      }
    }
    await containerd.daemon.stop();
  });

  test('podman and buildah pull, by the name of each registry and by ours', async () => {
    for (const image of [NGINX, APP]) {
      const path = join(world.folder, `${image.registry}-${run}.conf`);
      writeFileSync(path, fileOf('podman', image, /\.conf$/));
      const options = { ...behind, env: { CONTAINERS_REGISTRIES_CONF: path } };
      const { podman, buildah } = podmanAt(world, `podman-${run}-${image.registry.slice(0, 2)}`);
      const pulls = commandsOf('podman', image, 'podman');
      expect(pulls.length).toBe(2);
      for (const command of pulls) {
        await world.ok([...podman, ...command], options);
        const name = command.at(-1) as string;
        await expectInPodman(world, podman, name, firstOf(image), contentOf(image).index.digest);
        await world.ok([...podman, 'rmi', name], options);
      }
      for (const command of commandsOf('podman', image, 'buildah')) await world.ok([...buildah, ...command], options);
    }
  });

  test('skopeo copy every platform', async () => {
    for (const image of [NGINX, APP]) {
      const [command = []] = commandsOf('skopeo', image, 'skopeo');
      const folder = join(world.folder, 'tmp', `skopeo-${run}-${image.registry}`);
      mkdirSync(folder, { recursive: true });
      const args = command.map((word) => (word.startsWith('dir:') ? `dir:${folder}` : word));
      expect(args).toContain(`dir:${folder}`);
      await world.ok(skopeo(...args), behind);
      expectInFolder(folder, contentOf(image));
    }
  });
});
