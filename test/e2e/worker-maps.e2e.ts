import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import {
  type Containerd,
  expectInContainerd,
  expectInDocker,
  expectInFolder,
  startContainerd,
  startDocker,
} from './clients';
import type { RealImage } from './images';
import { createScene, endScene, expectNoHarm, hub, type Scene } from './scene';
import { apart, SECURE, skopeo } from './users';
import { startWorker } from './workers';
import type { RunningProxy, World } from './world';

/** Registries by subdomain, from rows of a KV namespace, as people have them there. */
const MAPS = 'maps.example.com';
const border = { border: true };
const token = randomUUID();
const rows = {
  docker: { targetDomain: 'registry-1.docker.io', authEndpoint: 'https://auth.docker.io/token' },
  ghcr: { targetDomain: 'ghcr.io', authEndpoint: 'https://ghcr.io/token' },
};

let scene: Scene;
let world: World;
let worker: RunningProxy;

beforeAll(async () => {
  scene = await createScene();
  world = scene.world;
  worker = await startWorker(world, MAPS, { env: { ...hub, ADMIN_TOKEN: token }, rows });
}, 120_000);

beforeEach(async () => {
  world.forget();
  await world.ok(['rm', '-rf', '/var/lib/containers/cache']);
});

afterEach(() => expectNoHarm(scene));

afterAll(() => endScene(scene, [scene?.follow, worker].filter(Boolean), [token]));

test.each([
  ['docker', 'library/nginx', 'nginx'],
  ['ghcr', 'owner/app:1', 'app'],
] as const)('skopeo: %s.maps.example.com/%s', async (label, name, image) => {
  const here = apart(world, `maps-${label}`);
  const folder = join(here.cwd, image);
  await world.ok(skopeo('copy', '--all', `docker://${label}.${MAPS}/${name}`, `dir:${folder}`), here);
  expectInFolder(folder, scene.images[image]);
});

test('docker pull', async () => {
  const docker = await startDocker(world, 'maps-docker', [`https://docker.${MAPS}`], border, SECURE);
  await docker.ok('pull', 'nginx');
  const { nginx } = scene.images;
  await expectInDocker(docker, 'nginx', nginx.images[0] as RealImage, nginx.index.digest);
  const app = `ghcr.${MAPS}/owner/app:1`;
  await docker.ok('pull', app);
  await expectInDocker(docker, app, scene.images.app.images[0] as RealImage, scene.images.app.index.digest);
});

describe('containerd', () => {
  let containerd: Containerd;
  const pull = ['images', 'pull', '--snapshotter', 'native'];

  beforeAll(async () => {
    containerd = await startContainerd(world, 'maps-containerd', border);
  });

  test.each([
    ['by the subdomain', [], `ghcr.${MAPS}/owner/app:1`],
    ['by a path', [], `${MAPS}/ghcr.io/owner/app:1`],
    ['by ns, through the same name as every other registry', ['ghcr.io'], 'ghcr.io/owner/app:1'],
  ])('%s', async (_, mirrored, name) => {
    const toml = `server = "https://ghcr.io"\n\n[host."https://${MAPS}"]\n  capabilities = ["pull", "resolve"]\n`;
    const hosts = mirrored.flatMap((registry) => containerd.hosts(registry, toml));
    await containerd.ok(...pull, ...hosts, name);
    const image = scene.images.app.images[0] as RealImage;
    await expectInContainerd(containerd, name, image, scene.images.app.index.digest);
    await containerd.ok('images', 'rm', '--sync', name);
  });
});

describe('the API of registries', () => {
  const status = async (...words: string[]) =>
    Number(await world.ok(['curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', ...words], border));
  const manifest = () =>
    status('-H', `Accept: ${scene.images.app.index.type}`, `https://ghcr.${MAPS}/v2/owner/app/manifests/1`);
  const row = `https://${MAPS}/-/api/registries/ghcr`;
  const login = ['-H', `Authorization: Bearer ${token}`];

  test('takes a row away and brings it back, for whoever has the token', async () => {
    const body = ['-X', 'PUT', '-H', 'Content-Type: application/json', '-d', JSON.stringify(rows.ghcr)];
    expect(await status(...body, row)).toBe(401);
    expect(await manifest()).toBe(200);
    expect(await status(...login, '-X', 'DELETE', row)).toBe(204);
    // Whatever no row is for is asked of Docker Hub, which has no such image.
    expect(await manifest()).toBe(401);
    expect(await status(...login, ...body, row)).toBe(201);
    expect(await manifest()).toBe(200);
  });
});
