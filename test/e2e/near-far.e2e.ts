import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Containerd,
  expectInContainerd,
  expectInFolder,
  expectInPodman,
  podmanAt,
  startContainerd,
} from './clients';
import { type RealImage, type RealIndex, realIndex } from './images';
import { createScene, endScene, expectNoHarm, type Scene } from './scene';
import { skopeo } from './users';
import { hasClient, type RunningProxy, type World } from './world';

/**
 * Behind the border a near instance with a cache, before it a far one of several registries: the near one can reach nothing
 * but the far one, and the clients use the near one alone.
 */
const FAR = 'many.example.com';
const behind = { border: true };

let scene: Scene;
let world: World;
let far: RunningProxy;
let near: RunningProxy;
let tool: RealIndex;
let images: readonly { name: string; path: string; content: RealIndex }[];

beforeAll(async () => {
  scene = await createScene();
  world = scene.world;
  tool = realIndex('tool', [200_000], 'oci');
  world.plain.putIndex('team/tool', '2', tool);
  // A namesake at the other registry: whoever asks without saying which one gets this.
  world.hub.putIndex('owner/app', '1', scene.images.nginx);
  world.hub.putIndex('team/tool', '2', scene.images.nginx);
  images = [
    { name: 'docker.io/library/nginx:latest', path: 'docker.io/library/nginx:latest', content: scene.images.nginx },
    { name: 'ghcr.io/owner/app:1', path: 'ghcr.io/owner/app:1', content: scene.images.app },
    { name: 'tools.example.org/team/tool:2', path: 'tools.example.org/team/tool:2', content: tool },
  ];
  far = await world.startProxy(FAR, {
    REGISTRIES: 'ghcr.io, tools.example.org=http://10.99.0.8:5000',
    HANDLE_REDIRECT: 'true',
  });
  near = await world.startProxy(
    'close.example.com',
    {
      REGISTRY_BACKEND: `https://${FAR}`,
      REGISTRY_NAME: 'docker.io',
      REGISTRIES: JSON.stringify({
        'ghcr.io': { url: `https://${FAR}` },
        // No name that is known to be somewhere else.
        'tools.example.org': { url: `https://${FAR}`, mirror: true },
      }),
      ALLOW_PRIVATE_ADDRESSES: 'true',
      CACHE: `disk:${join(world.folder, 'near-cache')}`,
      CACHE_TAG_TTL: '1s',
    },
    behind,
  );
}, 120_000);

beforeEach(async () => {
  world.forget();
  await world.ok(['rm', '-rf', '/var/lib/containers/cache']);
});

afterEach(() => expectNoHarm(scene));

afterAll(() => endScene(scene, [scene?.follow, near].filter(Boolean)));

const firstOf = ({ content }: { content: RealIndex }): RealImage => content.images[0] as RealImage;

function emptyFolder(name: string): string {
  const path = join(world.folder, 'tmp', name.replaceAll(/[^\w-]/g, '-'));
  mkdirSync(path, { recursive: true });
  return path;
}

async function pullAll(run: string): Promise<void> {
  const containerd: Containerd = await startContainerd(world, `containerd-${run}`, behind);
  let hosts: string[] = [];
  for (const registry of ['docker.io', 'ghcr.io', 'tools.example.org']) {
    hosts = containerd.hosts(
      registry,
      `server = "https://${registry}"\n\n[host."http://${near.plain}"]\n  capabilities = ["pull", "resolve"]\n`,
    );
  }
  for (const image of images) {
    await containerd.ok('images', 'pull', '--snapshotter', 'native', ...hosts, image.name);
    await expectInContainerd(containerd, image.name, firstOf(image), image.content.index.digest);
  }
  await containerd.daemon.stop();
}

const clients: [string, boolean, (run: string) => Promise<void>][] = [
  ['containerd by hosts.toml', true, pullAll],
  [
    'skopeo: every platform',
    true,
    async (run) => {
      for (const { path, content } of images) {
        const folder = emptyFolder(`skopeo-${path}-${run}`);
        const from = `docker://${near.plain}/${path}`;
        await world.ok(skopeo('copy', '--all', '--src-tls-verify=false', from, `dir:${folder}`), behind);
        expectInFolder(folder, content);
      }
    },
  ],
  [
    'podman by registries.conf',
    true,
    async (run) => {
      const { podman } = podmanAt(world, `podman-${run}`);
      const conf = join(world.folder, 'near-registries.conf');
      const sections = ['docker.io', 'ghcr.io', 'tools.example.org'].map(
        (registry) =>
          `[[registry]]\nprefix = "${registry}"\nlocation = "${registry}"\n[[registry.mirror]]\nlocation = "${near.plain}/${registry}"\ninsecure = true\n`,
      );
      writeFileSync(conf, ['unqualified-search-registries = ["docker.io"]\n', ...sections].join('\n'));
      for (const image of images) {
        await world.ok([...podman, 'pull', image.name], { ...behind, env: { CONTAINERS_REGISTRIES_CONF: conf } });
        await expectInPodman(world, podman, image.name, firstOf(image), image.content.index.digest);
      }
    },
  ],
  [
    'crane: every layer of every platform',
    hasClient('crane'),
    async () => {
      for (const { path, content } of images) {
        const crane = (...command: string[]) => world.ok(['crane', ...command, `${near.plain}/${path}`], behind);
        expect((await crane('digest', '--insecure')).trim()).toBe(content.index.digest);
        await crane('validate', '--insecure', '--remote');
      }
    },
  ],
];

const asked = () => far.log().filter(({ msg }) => msg === 'request');

describe('near and far', () => {
  for (const [name, isThere, pull] of clients) {
    (isThere ? test : test.skip)(name, () => pull('first'));
  }

  test('the far one was told which registry is meant, every time', () => {
    const images = asked().filter(({ route }) => route === 'manifest' || route === 'blob');
    const namespaces = images.map(({ path }) => /[?&]ns=([^&]*)/.exec(path ?? '')?.[1]);
    expect(new Set(namespaces)).toEqual(new Set(['docker.io', 'ghcr.io', 'tools.example.org']));
  });

  test('each blob came from the far one once, however many clients pulled it', () => {
    const blobs = asked().filter(({ route, method, status }) => route === 'blob' && method === 'GET' && status === 200);
    const digests = blobs.map(({ path }) => /sha256:[0-9a-f]+/.exec(path ?? '')?.[0]);
    expect(digests.length).toBeGreaterThan(5);
    expect(new Set(digests).size).toBe(digests.length);
  });
});

describe('once the far one and all registries are gone', () => {
  beforeAll(async () => {
    expect(await far.stop()).toBe(0);
    await world.stopRegistries();
    await new Promise((wake) => setTimeout(wake, 1100));
  });

  for (const [name, isThere, pull] of clients) {
    (isThere ? test : test.skip)(name, () => pull('second'));
  }
});
