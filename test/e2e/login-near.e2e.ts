import { join } from 'node:path';
import {
  expectInContainerd,
  expectInDocker,
  expectInFolder,
  expectInPodman,
  podmanAt,
  startContainerd,
  startDocker,
} from './clients';
import { createScene, endScene, expectNoHarm, type Scene } from './scene';
import {
  ann,
  apart,
  ben,
  expectNoAccount,
  expectOnlyRobot,
  robot,
  SECURE,
  skopeo,
  startTapped,
  type Tapped,
  userSecrets,
  writeUsers,
} from './users';
import { hasClient, type World } from './world';

/**
 * Whoever is behind the border is near; whoever is before it, and could call the registries themselves, is far. The front
 * says where a client is.
 */
const ALLOW_CLIENTS = '10.99.1.2';
const EITHER = 'near.example.com';
const BOTH = 'near-both.example.com';
const ONLY = 'near-only.example.com';

/** All that podman and skopeo say. */
const STRANGER = /403 \(Forbidden\)/;

let scene: Scene;
let world: World;
const proxies: Tapped[] = [];

beforeAll(async () => {
  scene = await createScene();
  world = scene.world;
  const HTPASSWD_FILE = await writeUsers(world);
  const near = { ...robot, ALLOW_CLIENTS, TRUST_PROXY: 'loopback' };
  const users = { HTPASSWD_FILE, ACCESS: 'ann: push team/**; *: pull **' };
  proxies.push(
    await startTapped(world, EITHER, { ...near, ...users, SATISFY: 'any' }),
    await startTapped(world, BOTH, { ...near, ...users }),
    await startTapped(world, ONLY, near),
  );
}, 120_000);

beforeEach(async () => {
  world.forget();
  await world.ok(['rm', '-rf', '/var/lib/containers/cache']);
});

afterEach(() => {
  expectNoHarm(scene);
  expectOnlyRobot(world);
});

afterAll(async () => {
  try {
    expectNoAccount(proxies);
  } finally {
    await endScene(scene, [scene?.follow, ...proxies].filter(Boolean), userSecrets);
  }
});

const imageAt = (host: string) => `${host}/acme/private:1`;

describe('an address in place of a login (SATISFY=any)', () => {
  const name = imageAt(EITHER);

  test('docker there: pull without a login, push with one', async () => {
    const docker = await startDocker(world, 'near-docker', [`https://${EITHER}`], { border: true }, SECURE);
    await docker.ok('pull', name);
    await expectInDocker(docker, name, scene.images.private);
    await docker.ok('pull', 'nginx');
    await docker.ok('tag', name, `${EITHER}/team/docker:1`);
    expect(await docker.fails('push', `${EITHER}/team/docker:1`)).toMatch(/unauthorized: log in first/);
    // A password is checked also where none would be needed.
    expect(await docker.fails('login', '-u', 'ann', '-p', 'wrong', EITHER)).toMatch(/wrong user name or password/);
    await docker.ok('login', '-u', ann.user, '-p', ann.password, EITHER);
    await docker.ok('push', `${EITHER}/team/docker:1`);
    expect(world.hub.verify('team/docker', '1')).toContain(scene.images.private.config.digest);
    await docker.daemon.stop();
  });

  test('docker elsewhere: nothing without a login', async () => {
    const docker = await startDocker(world, 'far-docker', [], {}, SECURE);
    expect(await docker.fails('pull', name)).toMatch(/unauthorized: log in first|Please login prior to pull/);
    await docker.ok('login', '-u', ben.user, '-p', ben.password, EITHER);
    await docker.ok('pull', name);
    await expectInDocker(docker, name, scene.images.private);
    await docker.daemon.stop();
  });

  test('podman and skopeo', async () => {
    const { podman } = podmanAt(world, 'near-podman');
    const here = apart(world, 'near');
    const there = { ...here, border: false };
    expect(await world.fails([...podman, 'pull', name], there)).toMatch(/unauthorized: log in first/);
    await world.ok([...podman, 'pull', name], here);
    await expectInPodman(world, podman, name, scene.images.private);
    const push = ['push', '--creds', ann.pair, name, `docker://${EITHER}/team/podman:1`];
    await world.ok([...podman, ...push], here);
    world.hub.verify('team/podman', '1');
    const folder = join(here.cwd, 'copied');
    const copy = (...login: string[]) => skopeo('copy', ...login, `docker://${name}`, `dir:${folder}`);
    expect(await world.fails(copy(), there)).toMatch(/unauthorized: log in first/);
    await world.ok(copy('--src-creds', ben.pair), there);
    expectInFolder(folder, scene.images.private);
  });

  test('containerd', async () => {
    const pull = ['images', 'pull', '--snapshotter', 'native', name];
    const near = await startContainerd(world, 'near-containerd', { border: true });
    await near.ok(...pull);
    await expectInContainerd(near, name, scene.images.private);
    await near.daemon.stop();
    const far = await startContainerd(world, 'far-containerd', {});
    expect(await far.fails(...pull)).toMatch(/401|authorization failed/);
    await far.ok(...pull, '--user', ben.pair);
    await expectInContainerd(far, name, scene.images.private);
    await far.daemon.stop();
  });

  (hasClient('crane') ? test : test.skip)('crane, with and without TLS', async () => {
    const here = apart(world, 'near-crane');
    const there = { ...here, border: false };
    expect(await world.fails(['crane', 'validate', '--remote', name], there)).toMatch(/UNAUTHORIZED: log in first/);
    await world.ok(['crane', 'validate', '--remote', name], here);
    await world.ok(['crane', 'auth', 'login', '-u', ann.user, '-p', ann.password, EITHER], here);
    await world.ok(['crane', 'validate', '--remote', name], there);
    await world.ok(['crane', 'copy', `${EITHER}/library/nginx`, `${EITHER}/team/crane:1`], here);
    expect(world.hub.tagged('team/crane', '1')).toBe(scene.images.nginx.index.digest);
  });
});

/** What skopeo says, or that it could copy. */
async function copied(host: string, isNear: boolean, ...login: string[]): Promise<string> {
  const folder = join(world.folder, 'tmp', `${host}-${isNear}-${login.length}`);
  const command = skopeo('copy', ...login, `docker://${imageAt(host)}`, `dir:${folder}`);
  const { code, output } = await world.run(command, { ...apart(world, 'copied'), border: isNear });
  if (code === 0) expectInFolder(folder, scene.images.private);
  return code === 0 ? 'copied' : output;
}

test('an address beside a login: both are needed', async () => {
  expect(await copied(BOTH, true)).toMatch(/log in first/);
  expect(await copied(BOTH, true, '--src-creds', ben.pair)).toBe('copied');
  expect(await copied(BOTH, false)).toMatch(STRANGER);
  expect(await copied(BOTH, false, '--src-creds', ben.pair)).toMatch(STRANGER);
});

test('addresses alone: strangers are told why they are refused, where their client lets them know', async () => {
  expect(await copied(ONLY, true)).toBe('copied');
  expect(await copied(ONLY, false)).toMatch(STRANGER);
  const docker = await startDocker(world, 'stranger-docker', [], {}, SECURE);
  expect(await docker.fails('pull', imageAt(ONLY))).toMatch(/denied: this proxy does not serve your address/);
  await docker.daemon.stop();
  const why = proxies[2]
    ?.log()
    .filter(({ status }) => status === 403)
    .map((line) => line.why);
  expect(new Set(why)).toEqual(new Set(['DENIED: this proxy does not serve your address']));
});
