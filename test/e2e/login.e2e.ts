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
import { basicLogin, createScene, endScene, expectNoHarm, type Scene } from './scene';
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
import { hasClient, until, type World } from './world';

/**
 * The proxy has users of its own. What they pull is private: Docker Hub gives it to the proxy's account alone, and
 * basic.example.org, which has no token server, to another.
 */
const HOST = 'users.example.com';
const NAME = `${HOST}/acme/private:1`;
const ELSEWHERE = `${HOST}/basic.example.org/team/tool:1`;

const WRONG = /wrong user name or password/;

let scene: Scene;
let world: World;
let users: Tapped;
let file: string;
let image: RealImage;

/** They only make the proxy check passwords. */
const crowd = Array.from({ length: 20 }, (_, index) => ({
  user: `crowd${index}`,
  password: randomBytes(9).toString('hex'),
}));

beforeAll(async () => {
  scene = await createScene();
  world = scene.world;
  image = scene.images.private;
  world.basic.putImage('team/tool', '1', image);
  file = await writeUsers(world, crowd);
  const account = { username: basicLogin.user, password: basicLogin.password };
  const REGISTRIES = JSON.stringify({ 'basic.example.org': account });
  users = await startTapped(world, HOST, { ...robot, HTPASSWD_FILE: file, REGISTRIES });
}, 120_000);

beforeEach(() => world.forget());

afterEach(() => {
  expectNoHarm(scene);
  expectOnlyRobot(world);
});

afterAll(async () => {
  try {
    if (users) expectNoAccount([users]);
  } finally {
    const secrets = [...userSecrets, ...crowd.map(({ password }) => password)];
    await endScene(scene, [scene?.follow, users].filter(Boolean), secrets);
  }
});

test('Apache’s htpasswd knows a password that ours has written', async () => {
  const verify = ['htpasswd', '-vi', file, ann.user];
  await world.ok(verify, { input: `${ann.password}\n` });
  await world.fails(verify, { input: 'another\n' });
});

test('the registry is asked by the account of the proxy, whoever asks the proxy', async () => {
  const url = `https://${HOST}/v2/acme/private/manifests/1`;
  const status = ['curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', '-u', ben.pair, url];
  expect(await world.ok(status, { border: true })).toBe('200');
  expect(world.seen('auth.docker.io').map(({ login }) => login)).toEqual(['robot']);
  expect(world.seen('registry-1.docker.io').map(({ headers }) => headers.authorization)).toContain('Bearer');
});

describe('docker behind a blocked border', () => {
  let docker: Docker;

  beforeAll(async () => {
    docker = await startDocker(world, 'login-docker', [`https://${HOST}`], { border: true }, SECURE);
  });

  test('is refused without a login, and with a wrong one', async () => {
    expect(await docker.fails('pull', NAME)).toMatch(/no basic auth credentials/);
    expect(await docker.fails('login', '-u', ann.user, '-p', 'wrong', HOST)).toMatch(/401 Unauthorized/);
    docker.setLogin(HOST, ann.user, 'wrong too');
    expect(await docker.fails('pull', NAME)).toMatch(/wrong user name or password|Please login prior to pull/);
    expect(world.seen()).toEqual([]);
  });

  test.each([ann, ben])('docker login of $user, and pull', async ({ user, password }) => {
    await docker.ok('login', '-u', user, '-p', password, HOST);
    for (const name of [NAME, ELSEWHERE]) {
      await docker.ok('pull', name);
      await expectInDocker(docker, name, image);
    }
    await docker.ok('rmi', NAME, ELSEWHERE);
  });

  // moby/moby#30880: what docs/access.md has secrets and addresses for.
  test('a mirror does not get the login that docker has for it', async () => {
    await docker.ok('login', '-u', ann.user, '-p', ann.password, HOST);
    await docker.fails('pull', 'acme/private:1');
    expect(world.seen()).toEqual([]);
    expect(users.log().at(-1)).toMatchObject({ path: '/v2/', status: 401 });
  });

  test('docker push is refused in words', async () => {
    await docker.ok('pull', NAME);
    await docker.ok('tag', NAME, `${HOST}/acme/refused:1`);
    expect(await docker.fails('push', `${HOST}/acme/refused:1`)).toMatch(/denied: ann may not push here/);
    await docker.ok('logout', HOST);
    expect(await docker.fails('pull', NAME)).toMatch(/no basic auth credentials/);
    expect(world.hub.tags('acme/refused')).toEqual([]);
  });
});

describe('podman, buildah and skopeo behind a blocked border', () => {
  test('podman login and pull, refused before and after', async () => {
    const { podman } = podmanAt(world, 'login-podman');
    const options = apart(world, 'podman');
    const login = (password: string) => [...podman, 'login', '-u', ben.user, '-p', password, HOST];
    expect(await world.fails([...podman, 'pull', NAME], options)).toMatch(/unauthorized: log in first/);
    expect(await world.fails(login('wrong'), options)).toMatch(/invalid username\/password/);
    expect(await world.fails([...podman, 'pull', '--creds', 'ben:wrong', NAME], options)).toMatch(WRONG);
    await world.ok(login(ben.password), options);
    await world.ok([...podman, 'pull', NAME], options);
    await expectInPodman(world, podman, NAME, image);
    await world.ok([...podman, 'logout', HOST], options);
    await world.fails([...podman, 'pull', NAME], options);
  });

  test('podman sends a mirror the login it has for it', async () => {
    const { podman, buildah } = podmanAt(world, 'login-mirror');
    const options = apart(world, 'mirror');
    const conf = join(options.cwd, 'registries.conf');
    const mirror = `[[registry]]\nprefix = "docker.io"\nlocation = "docker.io"\n[[registry.mirror]]\nlocation = "${HOST}"\n`;
    writeFileSync(conf, mirror);
    const mirrored = { ...options, env: { ...options.env, CONTAINERS_REGISTRIES_CONF: conf } };
    await world.ok([...podman, 'login', '-u', ann.user, '-p', ann.password, HOST], mirrored);
    await world.ok([...podman, 'pull', 'docker.io/acme/private:1'], mirrored);
    await expectInPodman(world, podman, 'docker.io/acme/private:1', image);
    await world.ok([...buildah, 'from', 'docker.io/library/nginx'], mirrored);
  });

  test('skopeo with --creds', async () => {
    const options = apart(world, 'skopeo');
    const copy = (name: string, ...login: string[]) =>
      skopeo('copy', ...login, `docker://${name}`, `dir:${options.cwd}/copied`);
    expect(await world.fails(copy(NAME), options)).toMatch(/unauthorized: log in first/);
    expect(await world.fails(copy(NAME, '--src-creds', 'ann:wrong'), options)).toMatch(WRONG);
    expect(await world.fails(copy(NAME, '--src-creds', `nobody:${ann.password}`), options)).toMatch(WRONG);
    // The account that opens the registry opens no door of the proxy.
    const account = `${robot.REGISTRY_USERNAME}:${robot.REGISTRY_PASSWORD}`;
    expect(await world.fails(copy(NAME, '--src-creds', account), options)).toMatch(WRONG);
    for (const name of [NAME, ELSEWHERE]) {
      rmSync(join(options.cwd, 'copied'), { recursive: true, force: true });
      await world.ok(copy(name, '--src-creds', ben.pair), options);
      expectInFolder(join(options.cwd, 'copied'), image);
    }
  });
});

(hasClient('crane') ? test : test.skip)('crane auth login and pull', async () => {
  const options = apart(world, 'crane');
  const layout = join(options.cwd, 'pulled');
  const login = (password: string) =>
    world.ok(['crane', 'auth', 'login', '-u', ben.user, '-p', password, HOST], options);
  expect(await world.fails(['crane', 'digest', NAME], options)).toMatch(/UNAUTHORIZED: log in first/);
  // crane asks nobody whether a login is right.
  await login('wrong');
  expect(await world.fails(['crane', 'digest', NAME], options)).toMatch(WRONG);
  await login(ben.password);
  await world.ok(['crane', 'pull', '--format', 'oci', NAME, layout], options);
  expectInLayout(layout, image);
  await world.ok(['crane', 'validate', '--remote', ELSEWHERE], options);
});

(hasClient('oras') ? test : test.skip)('oras login and copy', async () => {
  const options = apart(world, 'oras');
  const layout = join(options.cwd, 'copied');
  const login = (password: string) => ['oras', 'login', '-u', ann.user, '-p', password, HOST];
  const copy = ['oras', 'copy', NAME, '--to-oci-layout', `${layout}:1`];
  expect(await world.fails(copy, options)).toMatch(/credential/);
  expect(await world.fails(login('wrong'), options)).toMatch(WRONG);
  await world.ok(login(ann.password), options);
  await world.ok(copy, options);
  expectInLayout(layout, image);
});

describe('containerd behind a blocked border', () => {
  let border: Containerd;
  const pull = ['images', 'pull', '--snapshotter', 'native'];

  beforeAll(async () => {
    border = await startContainerd(world, 'login-containerd', { border: true });
  });

  beforeEach(async () => {
    const names = (await border.ok('images', 'ls', '-q')).split('\n').filter(Boolean);
    if (names.length > 0) await border.ok('images', 'rm', '--sync', ...names);
  });

  test('ctr with --user', async () => {
    expect(await border.fails(...pull, NAME)).toMatch(/401 Unauthorized/);
    await border.ok(...pull, '--user', ben.pair, NAME);
    await expectInContainerd(border, NAME, image);
  });

  test('a wrong login, which containerd sends again and again, counts as one try', async () => {
    for (let count = 0; count < 4; count++) {
      expect(await border.fails(...pull, '--user', 'crowd0:stale', NAME)).toMatch(/401 Unauthorized/);
    }
    const wrong = users.log().filter(({ why }) => WRONG.test(why ?? ''));
    expect(wrong.length).toBeGreaterThan(10);
    await border.ok(...pull, '--user', `crowd0:${crowd[0]?.password}`, NAME);
  });

  test('hosts.toml with an Authorization header, as a mirror', async () => {
    const hosts = (pair: string) =>
      border.hosts(
        'docker.io',
        `server = "https://registry-1.docker.io"

[host."https://${HOST}"]
  capabilities = ["pull", "resolve"]
  [host."https://${HOST}".header]
    Authorization = "Basic ${Buffer.from(pair).toString('base64')}"
`,
      );
    await border.fails(...pull, ...hosts('ann:wrong'), 'docker.io/acme/private:1');
    await border.ok(...pull, ...hosts(ann.pair), 'docker.io/acme/private:1');
    await expectInContainerd(border, 'docker.io/acme/private:1', image);
  });
});

test('a hundred logins at once, right ones and wrong ones, hold up no pull', async () => {
  const options = apart(world, 'skopeo');
  const folder = join(options.cwd, 'meanwhile');
  await world.ok(skopeo('inspect', '--creds', ann.pair, `docker://${NAME}`), options);
  const strangers = Array.from({ length: 80 }, (_, index) => ({ user: `stranger${index}`, password: 'x' }));
  const logins = [...strangers, ...crowd].map(({ user, password }) => `${user}:${password}\n`);
  // One by one it would be a queue of the test's own. Whoever is told to come again later does; curl then empties its
  // output first, which has to be a file for that.
  const ask = `curl -s -o "$(mktemp)" --retry 20 -u "$login" -w "$login %{http_code}\\n" http://${users.plain}/v2/`;
  const script = `while read -r login; do ${ask} & done; wait`;
  const answered = () => users.log().filter(({ path, status }) => path === '/v2/' && status !== undefined).length;
  const before = answered();
  let isOver = false;
  const all = world.ok(['bash', '-c', script], { border: true, input: logins.join(''), timeout: 240 }).finally(() => {
    isOver = true;
  });
  await until('some logins are answered', users.daemon, () => answered() > before + 5);
  const copy = skopeo('copy', '--src-creds', ann.pair, `docker://${HOST}/acme/big:1`, `dir:${folder}`);
  await world.ok(copy, options);
  expect(isOver).toBe(false);
  expectInFolder(folder, scene.images.big);
  const said = (await all).trim().split('\n');
  const right = crowd.map(({ user, password }) => `${user}:${password} 200`);
  expect(said.sort()).toEqual([...strangers.map(({ user }) => `${user}:x 401`), ...right].sort());
});
