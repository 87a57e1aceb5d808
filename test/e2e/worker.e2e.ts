import { join } from 'node:path';
import {
  type Containerd,
  type Docker,
  digestsOf,
  expectInContainerd,
  expectInDocker,
  expectInFolder,
  expectInLayout,
  expectInPodman,
  podmanAt,
  startContainerd,
  startDocker,
} from './clients';
import type { RealImage } from './images';
import { alice, bob, createScene, endScene, expectNoHarm, hub, type Scene } from './scene';
import { apart, SECURE, skopeo } from './users';
import { paid, startWorker } from './workers';
import { hasClient, type RunningProxy, type World } from './world';

/** The built Worker on workerd, behind a blocked border: clients reach nothing else. */
const HOST = 'worker.example.com';
const PAID = 'worker-paid.example.com';
const border = { border: true };

let scene: Scene;
let world: World;
let nginx: RealImage;
let nginxDigest: string;
let worker: RunningProxy;
let watchful: RunningProxy;

beforeAll(async () => {
  scene = await createScene();
  world = scene.world;
  nginx = scene.images.nginx.images[0] as RealImage;
  nginxDigest = scene.images.nginx.index.digest;
  worker = await startWorker(world, HOST, { env: hub });
  watchful = await startWorker(world, PAID, { env: { ...hub, ...paid, STALL_TIMEOUT: '1s' } });
}, 120_000);

beforeEach(async () => {
  world.forget();
  world.modes({});
  await world.ok(['rm', '-rf', '/var/lib/containers/cache']);
});

afterEach(() => expectNoHarm(scene));

afterAll(() => endScene(scene, [scene?.follow, worker, watchful].filter(Boolean)));

test('it knows each client by the address that the edge names', async () => {
  await world.ok(['curl', '-s', `https://${HOST}/-/healthz`], border);
  await world.ok(['curl', '-s', '-H', 'X-Forwarded-For: 192.0.2.1', `https://${HOST}/v2/`], border);
  const clients = worker.log().filter(({ msg }) => msg === 'request');
  expect(new Set(clients.map(({ client }) => client))).toEqual(new Set(['10.99.1.2']));
});

describe('docker', () => {
  let docker: Docker;
  const login = (user: string, password: string) => docker.ok('login', '-u', user, '-p', password, HOST);

  beforeAll(async () => {
    docker = await startDocker(world, 'worker-docker', [`https://${HOST}`], border, SECURE);
  });

  test('registry-mirrors: docker pull nginx', async () => {
    await docker.ok('pull', 'nginx');
    await expectInDocker(docker, 'nginx', nginx, nginxDigest);
  });

  test('registry-mirrors: an image with a 60 MB layer', async () => {
    await docker.ok('pull', 'acme/big:1');
    await expectInDocker(docker, 'acme/big:1', scene.images.big);
  });

  test('a private image: refused without a login and with one that has no right, pulled with the right one', async () => {
    const name = `${HOST}/acme/private:1`;
    expect(await docker.fails('pull', name)).toMatch(/denied|unauthorized/);
    expect(await docker.fails('login', '-u', 'alice', '-p', 'wrong', HOST)).toMatch(/unauthorized|401/i);
    await login('bob', bob.password);
    expect(await docker.fails('pull', name)).toMatch(/denied|unauthorized/);
    await login('alice', alice.password);
    await docker.ok('pull', name);
    await expectInDocker(docker, name, scene.images.private);
    const withLogin = world.seen().filter(({ headers }) => headers.authorization === 'Basic');
    expect([...new Set(withLogin.map(({ host }) => host))]).toEqual(['auth.docker.io']);
  });

  test('push, and layers of one repository mounted into another', async () => {
    await login('alice', alice.password);
    await docker.ok('tag', 'acme/big:1', `${HOST}/acme/worker-big:1`);
    await docker.ok('push', `${HOST}/acme/worker-big:1`);
    expect(world.hub.verify('acme/worker-big', '1')).toContain(scene.images.big.config.digest);
    await docker.ok('tag', 'acme/big:1', `${HOST}/acme/worker-mounted:1`);
    world.forget();
    await docker.ok('push', `${HOST}/acme/worker-mounted:1`);
    world.hub.verify('acme/worker-mounted', '1');
    const mounts = world.seen('registry-1.docker.io').filter(({ url }) => url.includes('mount='));
    expect(new Set(mounts.map(({ status }) => status))).toEqual(new Set([201]));
  });
});

describe('containerd', () => {
  let containerd: Containerd;
  const pull = ['images', 'pull', '--snapshotter', 'native'];
  const mirror = (registry: string) => `server = "https://${registry}"

[host."https://${HOST}"]
  capabilities = ["pull", "resolve"]
`;

  beforeAll(async () => {
    containerd = await startContainerd(world, 'worker-containerd', border);
  });

  beforeEach(async () => {
    const names = (await containerd.ok('images', 'ls', '-q')).split('\n').filter(Boolean);
    if (names.length > 0) await containerd.ok('images', 'rm', '--sync', ...names);
  });

  test('hosts.toml: docker.io, asked for with ns=docker.io', async () => {
    const name = 'docker.io/library/nginx:latest';
    const hosts = containerd.hosts('docker.io', mirror('registry-1.docker.io'));
    await containerd.ok(...pull, ...hosts, '--all-platforms', name);
    for (const image of scene.images.nginx.images) await expectInContainerd(containerd, name, image, nginxDigest);
    expect(worker.log().some(({ path }) => path?.includes('ns=docker.io'))).toBe(true);
  });

  test('hosts.toml: a registry that the Worker does not stand for is refused, and never answered with a namesake', async () => {
    world.ghcr.putIndex('library/nginx', 'latest', scene.images.app);
    const hosts = containerd.hosts('ghcr.io', mirror('ghcr.io'));
    await containerd.fails(...pull, ...hosts, 'ghcr.io/library/nginx:latest');
    expect(world.seen()).toEqual([]);
  });

  test.each(['cut', 'stall'] as const)('a CDN that fails once in every blob (%s): the Worker goes on', async (cdn) => {
    world.modes({ cdn, singleUse: true });
    const name = `${PAID}/acme/big:1`;
    const before = watchful.log().length;
    await containerd.ok(...pull, name);
    await expectInContainerd(containerd, name, scene.images.big);
    const lines = watchful.log().slice(before);
    expect(lines.some(({ route, resumed }) => route === 'blob' && Number(resumed) > 0)).toBe(true);
  });

  test('a CDN that cuts every blob once, on the free plan: the client goes on with what is too large to be watched', async () => {
    world.modes({ cdn: 'cut', singleUse: true });
    const name = `${HOST}/acme/big:1`;
    await containerd.ok(...pull, name);
    await expectInContainerd(containerd, name, scene.images.big);
  });

  test('push', async () => {
    const name = `${HOST}/acme/multi:1`;
    await containerd.ok(...pull, '--all-platforms', name);
    await containerd.ok('images', 'tag', name, `${HOST}/acme/worker-ctr:1`);
    await containerd.ok('images', 'push', '--user', alice.pair, `${HOST}/acme/worker-ctr:1`);
    expect(world.hub.tagged('acme/worker-ctr', '1')).toBe(scene.images.multi.index.digest);
    world.hub.verify('acme/worker-ctr', '1');
  });
});

describe('podman, skopeo and crane', () => {
  test('podman pull', async () => {
    const { podman } = podmanAt(world, 'worker-podman');
    const name = `${HOST}/library/nginx:1.27`;
    await world.ok([...podman, 'pull', name], apart(world, 'podman'));
    await expectInPodman(world, podman, name, nginx, nginxDigest);
  });

  test('skopeo: every platform, and pushed again', async () => {
    const here = apart(world, 'skopeo');
    const folder = join(here.cwd, 'nginx');
    await world.ok(skopeo('copy', '--all', `docker://${HOST}/nginx`, `dir:${folder}`), here);
    expectInFolder(folder, scene.images.nginx);
    const target = `docker://${HOST}/acme/worker-skopeo:1`;
    await world.fails(skopeo('copy', '--all', '--dest-creds', bob.pair, `dir:${folder}`, target), here);
    await world.ok(skopeo('copy', '--all', '--dest-creds', alice.pair, `dir:${folder}`, target), here);
    expect(world.hub.verify('acme/worker-skopeo', '1').sort()).toEqual(digestsOf(scene.images.nginx).sort());
  });

  (hasClient('crane') ? test : test.skip)('crane: every platform', async () => {
    const here = apart(world, 'crane');
    const folder = join(here.cwd, 'multi');
    await world.ok(['crane', 'pull', '--format', 'oci', `${HOST}/acme/multi:1`, folder], here);
    expectInLayout(folder, scene.images.multi);
    const digest = await world.ok(['crane', 'digest', `${HOST}/acme/multi:1`], here);
    expect(digest.trim()).toBe(scene.images.multi.index.digest);
  });
});
