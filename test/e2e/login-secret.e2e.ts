import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Containerd,
  type Docker,
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
import { createScene, endScene, expectNoHarm, type Scene } from './scene';
import { apart, expectNoAccount, robot, SECURE, skopeo, startTapped, type Tapped } from './users';
import { hasClient, type World } from './world';

/**
 * A secret in the address lets in who has no login to send: at a proxy that asks by its own accounts, and at one that
 * leaves tokens to its clients.
 */
const SECRET = `s${randomBytes(12).toString('hex')}`;
const HOST = 'secret.example.com';
const RELAY = 'secret-relay.example.com';
const border = { border: true };
const hosts = [HOST, RELAY];

/** As the documents write it: `r.example.com/SECRET`. */
const withSecret = (form: string) => form.replace('SECRET', SECRET);

/** What a guest is told who forgot it. */
const REFUSED = /denied: whoever is not logged in may not pull here/i;

let scene: Scene;
let world: World;
let nginx: RealImage;
let nginxDigest: string;
const proxies: Tapped[] = [];

beforeAll(async () => {
  scene = await createScene();
  world = scene.world;
  nginx = scene.images.nginx.images[0] as RealImage;
  nginxDigest = scene.images.nginx.index.digest;
  proxies.push(
    await startTapped(world, HOST, { ...robot, ACCESS_SECRET: SECRET, REGISTRIES: 'ghcr.io' }),
    await startTapped(world, RELAY, { HANDLE_REDIRECT: 'true', ACCESS_SECRET: SECRET }),
  );
  const names = hosts.map((host) => `10.99.1.1 ${SECRET}.${host}`).join('\n');
  await world.ok(['sh', '-c', 'cat >> /etc/hosts'], { input: `${names}\n` });
}, 120_000);

beforeEach(() => world.forget());

afterEach(() => {
  expectNoHarm(scene);
  expect(JSON.stringify(world.seen())).not.toContain(SECRET);
});

afterAll(async () => {
  try {
    // What the other one gives its clients are the registry's tokens.
    expectNoAccount(proxies.slice(0, 1));
  } finally {
    await endScene(scene, [scene?.follow, ...proxies].filter(Boolean), [SECRET]);
  }
});

describe('docker behind a blocked border', () => {
  const start = (label: string, mirror: string) => startDocker(world, label, [mirror], border, SECURE);
  const mirror = `https://${HOST}/${SECRET}`;
  let docker: Docker;

  beforeAll(async () => {
    docker = await start('secret-docker', `https://${SECRET}.${HOST}`);
  });

  test('registry-mirrors with the secret as first label: docker pull nginx, and what is private', async () => {
    await docker.ok('pull', 'nginx');
    await expectInDocker(docker, 'nginx', nginx, nginxDigest);
    await docker.ok('pull', 'acme/private:1');
    await expectInDocker(docker, 'acme/private:1', scene.images.private);
  });

  // moby/moby#46594: docker 24.0.8, and everything from 25.0 on.
  test('registry-mirrors with the secret in the path, which older ones do not start with', async () => {
    const [, ...version] = /version (\d+)\.(\d+)\.(\d+)/.exec(await world.ok(['dockerd', '--version'])) ?? [];
    const [major = 0, minor = 0, patch = 0] = version.map(Number);
    if (major > 24 || (major === 24 && (minor > 0 || patch > 7))) {
      const modern = await start('secret-path', mirror);
      await modern.ok('pull', 'nginx');
      await expectInDocker(modern, 'nginx', nginx, nginxDigest);
      await modern.daemon.stop();
      return;
    }
    const file = join(world.folder, 'path.json');
    writeFileSync(file, JSON.stringify({ 'registry-mirrors': [mirror] }));
    expect(await world.fails(['dockerd', '--config-file', file], border)).toMatch(/invalid mirror: path, query/);
  });

  test('registry-mirrors without the secret, or with another: nothing', async () => {
    for (const host of [HOST, RELAY]) {
      const locked = await start(`locked-${host}`, `https://${host}`);
      await locked.fails('pull', 'nginx');
      await locked.daemon.stop();
      const { log } = proxies.find(({ name }) => name === host) as Tapped;
      expect(log().at(-1)).toMatchObject({ status: 403, why: expect.stringMatching(REFUSED) });
    }
  });

  test.each([
    [`${HOST}/SECRET/nginx`, `${HOST}/nginx`],
    [`${RELAY}/SECRET/library/nginx`, `${RELAY}/library/nginx`],
    [`SECRET.${RELAY}/nginx`, `${RELAY}/nginx`],
  ])('docker pull %s, and not %s', async (form, locked) => {
    const open = withSecret(form);
    await docker.ok('pull', open);
    await expectInDocker(docker, open, nginx, nginxDigest);
    await docker.ok('rmi', open);
    expect(await docker.fails('pull', locked)).toMatch(REFUSED);
  });

  test('no push', async () => {
    await docker.ok('tag', 'acme/private:1', `${HOST}/${SECRET}/acme/pushed:1`);
    expect(await docker.fails('push', `${HOST}/${SECRET}/acme/pushed:1`)).toMatch(/may not push here/);
    expect(world.hub.tags('acme/pushed')).toEqual([]);
  });
});

describe('podman, skopeo and crane behind a blocked border', () => {
  /** Options with a registries.conf in which docker.io and ghcr.io have mirrors. */
  function mirrored(location: string, ghcr = location) {
    const options = apart(world, 'podman');
    const conf = join(options.cwd, 'registries.conf');
    const section = (registry: string, at: string) =>
      `[[registry]]\nprefix = "${registry}"\nlocation = "${registry}"\n[[registry.mirror]]\nlocation = "${at}"\n`;
    writeFileSync(conf, section('docker.io', location) + section('ghcr.io', ghcr));
    return { ...options, env: { ...options.env, CONTAINERS_REGISTRIES_CONF: conf } };
  }

  test.each(
    hosts.flatMap((host, index) => [
      [`${host}/SECRET`, `path-${index}`],
      [`SECRET.${host}`, `host-${index}`],
    ]),
  )('registries.conf: podman pull with a mirror at %s', async (form, store) => {
    const { podman } = podmanAt(world, store);
    await world.ok([...podman, 'pull', 'docker.io/library/nginx'], mirrored(withSecret(form)));
    await expectInPodman(world, podman, 'docker.io/library/nginx', nginx, nginxDigest);
  });

  test('registries.conf: another registry behind the secret', async () => {
    const { podman } = podmanAt(world, 'secret-ghcr');
    const options = mirrored(`${HOST}/${SECRET}`, `${HOST}/${SECRET}/ghcr.io`);
    await world.ok([...podman, 'pull', 'ghcr.io/owner/app:1'], options);
    const app = scene.images.app;
    await expectInPodman(world, podman, 'ghcr.io/owner/app:1', app.images[0] as RealImage, app.index.digest);
  });

  test.each(hosts)('skopeo by name, and without the secret it is refused: %s', async (host) => {
    const options = apart(world, 'skopeo');
    const folder = join(options.cwd, host);
    const copy = (name: string) => skopeo('copy', '--all', `docker://${name}`, `dir:${folder}`);
    expect(await world.fails(copy(`${host}/library/nginx`), options)).toMatch(REFUSED);
    await world.fails(copy(`${host}/s${SECRET.slice(2)}x/library/nginx`), options);
    rmSync(folder, { recursive: true, force: true });
    await world.ok(copy(`${host}/${SECRET}/library/nginx`), options);
    expectInFolder(folder, scene.images.nginx);
    const tags = await world.ok(skopeo('list-tags', `docker://${host}/${SECRET}/library/nginx`), options);
    expect(JSON.parse(tags).Tags.sort()).toEqual(['1.27', 'latest']);
  });

  (hasClient('crane') ? test.each(hosts) : test.skip.each(hosts))('crane by name: %s', async (host) => {
    const options = apart(world, 'crane');
    const layout = join(options.cwd, host);
    const pull = (name: string) => ['crane', 'pull', '--format', 'oci', name, layout];
    expect(await world.fails(pull(`${host}/library/nginx`), options)).toMatch(REFUSED);
    await world.ok(pull(`${host}/${SECRET}/library/nginx`), options);
    expectInLayout(layout, scene.images.nginx);
  });
});

describe('containerd behind a blocked border', () => {
  let containerd: Containerd;
  const pull = ['images', 'pull', '--snapshotter', 'native'];
  const name = 'docker.io/library/nginx:latest';

  beforeAll(async () => {
    containerd = await startContainerd(world, 'secret-containerd', border);
  });

  beforeEach(async () => {
    const names = (await containerd.ok('images', 'ls', '-q')).split('\n').filter(Boolean);
    if (names.length > 0) await containerd.ok('images', 'rm', '--sync', ...names);
  });

  const mirrorAt = (host: string, override = false) =>
    containerd.hosts(
      'docker.io',
      `server = "https://registry-1.docker.io"\n\n[host."https://${host}"]\n  capabilities = ["pull", "resolve"]\n  override_path = ${override}\n`,
    );

  test.each(
    hosts.flatMap((host): [string, boolean][] => [
      [`${host}/SECRET`, false],
      [`${host}/SECRET/v2`, true],
      [`${host}/v2/SECRET`, true],
      [`SECRET.${host}`, false],
    ]),
  )('hosts.toml: %s, override_path = %s', async (form, override) => {
    await containerd.ok(...pull, ...mirrorAt(withSecret(form), override), name);
    await expectInContainerd(containerd, name, nginx, nginxDigest);
  });

  test.each(hosts)('by name: %s', async (host) => {
    await containerd.ok(...pull, `${host}/${SECRET}/nginx:latest`);
    await expectInContainerd(containerd, `${host}/${SECRET}/nginx:latest`, nginx, nginxDigest);
  });

  test('without the secret it is refused', async () => {
    for (const host of hosts) {
      await containerd.fails(...pull, ...mirrorAt(host), name);
      expect(await containerd.fails(...pull, `${host}/library/nginx:latest`)).toMatch(/403 Forbidden/);
    }
    const other = containerd.hosts('ghcr.io', `server = "https://ghcr.io"\n\n[host."https://${HOST}"]\n`);
    await containerd.fails(...pull, ...other, 'ghcr.io/owner/app:1');
    expect(world.seen('registry-1.docker.io').filter(({ status }) => status === 200)).toEqual([]);
    expect(world.seen('ghcr.io')).toEqual([]);
  });
});
