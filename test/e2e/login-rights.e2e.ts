import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { payload } from '../upstream/image';
import {
  type Containerd,
  type Docker,
  digestsOf,
  expectInContainerd,
  expectInDocker,
  expectInFolder,
  expectInPodman,
  fileDigest,
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
import { hasClient, type World } from './world';

/** Users with rights of their own, and the same where everybody may pull. */
const HOST = 'rights.example.com';
const ACCESS = `
  ann: push team/**, acme/**, basic.example.org/team/**
  ann: delete team/mine/**
  ben: push own/**
  *: pull docker.io/library/*, team/**`;
const OPEN = 'anyone.example.com';
const border = { border: true };

const MAY_NOT_PUSH = /denied: ben may not push here/i;

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
  const HTPASSWD_FILE = await writeUsers(world);
  const account = { username: basicLogin.user, password: basicLogin.password };
  const REGISTRIES = JSON.stringify({ 'basic.example.org': account });
  proxies.push(
    await startTapped(world, HOST, { ...robot, HTPASSWD_FILE, ACCESS, REGISTRIES }),
    await startTapped(world, OPEN, { ...robot, HTPASSWD_FILE, ACCESS, ANONYMOUS_PULL: 'true' }),
  );
}, 120_000);

beforeEach(async () => {
  world.forget();
  // What was pushed is remembered by podman and skopeo, and would be mounted instead of uploaded the next time.
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

/** Status of each mount that Docker Hub was asked for. */
const mounts = () =>
  world
    .seen('registry-1.docker.io')
    .filter(({ url }) => url.includes('mount='))
    .map(({ status }) => status);

/** Status of each mount from a repository that the proxy was asked for. */
const mountsAsked = (source: string) =>
  proxies
    .flatMap((proxy) => proxy.log())
    .filter(({ path }) => decodeURIComponent(path ?? '').includes(`from=${source}`))
    .map(({ status }) => status);

describe('docker behind a blocked border', () => {
  let docker: Docker;

  beforeAll(async () => {
    docker = await startDocker(world, 'rights-docker', [`https://${OPEN}`], border, SECURE);
  });

  const login = (host: string, { user, password }: typeof ann) => docker.ok('login', '-u', user, '-p', password, host);

  test('push, layers mounted from one repository into another, and refused in words', async () => {
    await login(HOST, ann);
    await docker.ok('pull', `${HOST}/nginx`);
    await docker.ok('tag', `${HOST}/nginx`, `${HOST}/team/pushed:1`);
    await docker.ok('push', `${HOST}/team/pushed:1`);
    expect(world.hub.verify('team/pushed', '1')).toContain(nginx.config.digest);
    expect(new Set(mounts())).toEqual(new Set([201]));
    await docker.ok('tag', `${HOST}/nginx`, `${HOST}/library/refused:1`);
    expect(await docker.fails('push', `${HOST}/library/refused:1`)).toMatch(/denied: ann may not push here/);
    await login(HOST, ben);
    expect(await docker.fails('push', `${HOST}/team/pushed:1`)).toMatch(MAY_NOT_PUSH);
    expect(world.hub.tags('library/refused')).toEqual([]);
  });

  test('nothing is mounted from what a user may not pull: docker uploads it instead', async () => {
    await login(HOST, ann);
    await docker.ok('pull', `${HOST}/acme/multi:1`);
    await docker.ok('tag', `${HOST}/acme/multi:1`, `${HOST}/own/multi:1`);
    await login(HOST, ben);
    expect(await docker.fails('pull', `${HOST}/acme/multi:1`)).toMatch(/denied: ben may not pull here/);
    world.forget();
    await docker.ok('push', `${HOST}/own/multi:1`);
    expect(world.hub.verify('own/multi', '1')).toContain(scene.images.multi.images[0]?.config.digest);
    expect(mounts()).toEqual([]);
    expect(new Set(mountsAsked('acme/multi'))).toEqual(new Set([202]));
  });

  test('anonymous: pull by name and as a mirror, a push is refused', async () => {
    await docker.ok('pull', `${OPEN}/acme/private:1`);
    await expectInDocker(docker, `${OPEN}/acme/private:1`, scene.images.private);
    await docker.ok('pull', 'nginx');
    await expectInDocker(docker, 'nginx', nginx, nginxDigest);
    await docker.ok('tag', 'nginx', `${OPEN}/team/docker-open:1`);
    expect(await docker.fails('push', `${OPEN}/team/docker-open:1`)).toMatch(/unauthorized: log in first/);
    expect(await docker.fails('login', '-u', 'ann', '-p', 'wrong', OPEN)).toMatch(/wrong user name or password/);
    await login(OPEN, ben);
    expect(await docker.fails('push', `${OPEN}/team/docker-open:1`)).toMatch(MAY_NOT_PUSH);
    expect(world.hub.tags('team/docker-open')).toEqual([]);
    await login(OPEN, ann);
    await docker.ok('push', `${OPEN}/team/docker-open:1`);
    expect(world.hub.verify('team/docker-open', '1')).toContain(nginx.config.digest);
  });
});

describe.each([HOST, OPEN])('podman and skopeo behind a blocked border, at %s', (host) => {
  const label = host.split('.')[0] as string;

  test('podman push, mounted into a second repository, and refused in words', async () => {
    const { podman } = podmanAt(world, `${label}-podman`);
    const options = apart(world, `${label}-podman`);
    await world.ok([...podman, 'pull', '--creds', ann.pair, `${host}/library/nginx`], options);
    const push = ({ pair }: typeof ann, name: string) => [
      ...[...podman, 'push', '--creds', pair, `${host}/library/nginx`, `docker://${host}/${name}`],
    ];
    await world.ok(push(ann, `team/${label}-podman:1`), options);
    world.hub.verify(`team/${label}-podman`, '1');
    world.forget();
    await world.ok(push(ann, `team/${label}-podman-mounted:1`), options);
    world.hub.verify(`team/${label}-podman-mounted`, '1');
    expect(new Set(mounts())).toEqual(new Set([201]));
    expect(await world.fails(push(ben, 'team/refused:1'), options)).toMatch(MAY_NOT_PUSH);
    const anonymous = [...podman, 'push', `${host}/library/nginx`, `docker://${host}/team/refused:1`];
    expect(await world.fails(anonymous, options)).toMatch(/log in first|authentication required/);
    expect(world.hub.tags('team/refused')).toEqual([]);
  });

  test('skopeo copy of every platform, and delete where it is named', async () => {
    const options = apart(world, `${label}-skopeo`);
    const at = (name: string) => `docker://${host}/${name}:1`;
    const copy = ({ pair }: typeof ann, name: string) =>
      skopeo(
        ...['copy', '--all', '--src-creds', pair, '--dest-creds', pair],
        ...[`docker://${host}/library/nginx:latest`, at(name)],
      );
    const mine = `team/mine/${label}-skopeo`;
    await world.ok(copy(ann, mine), options);
    expect(world.hub.verify(mine, '1').sort()).toEqual(digestsOf(scene.images.nginx).sort());
    await world.ok(copy(ann, `team/${label}-skopeo`), options);
    expect(await world.fails(copy(ben, 'team/refused'), options)).toMatch(MAY_NOT_PUSH);
    const remove = ({ pair }: typeof ann, name: string) => skopeo('delete', '--creds', pair, at(name));
    expect(await world.fails(remove(ben, mine), options)).toMatch(/ben may not delete here/);
    expect(await world.fails(remove(ann, `team/${label}-skopeo`), options)).toMatch(/ann may not delete here/);
    expect(world.hub.tagged(mine, '1')).toBe(nginxDigest);
    await world.ok(remove(ann, mine), options);
    expect(world.hub.tagged(mine, '1')).toBeUndefined();
  });
});

test('skopeo: a push to a registry that has no token server', async () => {
  const options = apart(world, 'basic-skopeo');
  const at = `docker://${HOST}/basic.example.org/team/skopeo:1`;
  const copy = ({ pair }: typeof ann) =>
    skopeo('copy', '--src-creds', pair, '--dest-creds', pair, `docker://${HOST}/library/nginx:1.27`, at);
  expect(await world.fails(copy(ben), options)).toMatch(/403 \(Forbidden\)/);
  await world.ok(copy(ann), options);
  expect(world.basic.verify('team/skopeo', '1')).toContain(nginx.config.digest);
});

test('podman and skopeo, anonymous, where everybody may pull', async () => {
  const { podman } = podmanAt(world, 'open-podman');
  const options = apart(world, 'open');
  await world.ok([...podman, 'pull', `${OPEN}/acme/private:1`], options);
  await expectInPodman(world, podman, `${OPEN}/acme/private:1`, scene.images.private);
  const folder = join(options.cwd, 'copied');
  await world.ok(skopeo('copy', '--all', `docker://${OPEN}/library/nginx`, `dir:${folder}`), options);
  expectInFolder(folder, scene.images.nginx);
  // An expired or mistyped login is said to be one: nobody falls back to less than they asked for.
  rmSync(folder, { recursive: true });
  const wrong = skopeo('copy', '--src-creds', 'ann:wrong', `docker://${OPEN}/library/nginx`, `dir:${folder}`);
  expect(await world.fails(wrong, options)).toMatch(/unauthorized|wrong user name or password/);
});

(hasClient('crane') ? test.each([HOST, OPEN]) : test.skip.each([HOST]))('crane at %s', async (host) => {
  const label = host.split('.')[0] as string;
  const options = apart(world, `${label}-crane`);
  const crane = (...command: string[]) => ['crane', ...command];
  const login = ({ user, password }: typeof ann) =>
    world.ok(crane('auth', 'login', '-u', user, '-p', password, host), options);
  const copy = (name: string) => crane('copy', `${host}/library/nginx`, `${host}/${name}:1`);
  const anonymous = copy('team/refused');
  expect(await world.fails(anonymous, options)).toMatch(/UNAUTHORIZED: log in first/);
  if (host === OPEN) await world.ok(crane('validate', '--remote', `${host}/acme/private:1`), options);
  await login(ann);
  await world.ok(copy(`team/mine/${label}-crane`), options);
  world.hub.verify(`team/mine/${label}-crane`, '1');
  expect(new Set(mounts())).toEqual(new Set([201]));
  const found = `${host}/team/mine/${label}-crane@${nginxDigest}`;
  await login(ben);
  expect(await world.fails(copy('team/refused'), options)).toMatch(/DENIED: ben may not push here/);
  expect(await world.fails(crane('delete', found), options)).toMatch(/DENIED: ben may not delete here/);
  await login(ann);
  await world.ok(crane('delete', found), options);
  expect(world.hub.tags(`team/mine/${label}-crane`)).toEqual([]);
});

(hasClient('oras') ? test.each([HOST, OPEN]) : test.skip.each([HOST]))('oras at %s', async (host) => {
  const label = host.split('.')[0] as string;
  const options = apart(world, `${label}-oras`);
  const artifact = `team/${label}-artifact`;
  writeFileSync(join(options.cwd, 'model.bin'), payload(3_000_000, 7));
  const oras = (...command: string[]) => world.ok(['oras', ...command], options);
  const login = ({ user, password }: typeof ann) => oras('login', '-u', user, '-p', password, host);
  const push = (name: string) => ['oras', 'push', `${host}/${name}:1`, 'model.bin'];
  await world.fails(push('team/refused'), options);
  await login(ann);
  await oras(...push(artifact).slice(1));
  world.hub.verify(artifact, '1');
  expect(await oras('cp', `${host}/${artifact}:1`, `${host}/${artifact}-copied:1`)).toMatch(/Mounted/);
  world.hub.verify(`${artifact}-copied`, '1');
  await login(ben);
  expect(await world.fails(push('team/refused'), options)).toMatch(MAY_NOT_PUSH);
  if (host === OPEN) await oras('logout', host);
  await oras('pull', '-o', 'pulled', `${host}/${artifact}:1`);
  expect(fileDigest(join(options.cwd, 'pulled/model.bin'))).toBe(fileDigest(join(options.cwd, 'model.bin')));
});

(hasClient('helm') ? test : test.skip)('helm: a chart that is pushed by one user and pulled by another', async () => {
  const options = apart(world, 'helm');
  const helm = (...command: string[]) => world.ok(['helm', ...command], options);
  const login = ({ user, password }: typeof ann) => helm('registry', 'login', '-u', user, '-p', password, HOST);
  const chart = `oci://${HOST}/team/private`;
  const pull = ['helm', 'pull', `${chart}/chart`, '--version', '0.1.0', '-d', 'pulled'];
  const push = ['helm', 'push', 'chart-0.1.0.tgz', chart];
  await helm('create', 'chart');
  await helm('package', 'chart');
  expect(await world.fails(push, options)).toMatch(/credential|unauthorized/);
  await login(ann);
  await helm(...push.slice(1));
  world.hub.verify('team/private/chart', '0.1.0');
  await helm('registry', 'logout', HOST);
  await world.ok(['mkdir', 'pulled'], options);
  expect(await world.fails(pull, options)).toMatch(/credential|unauthorized/);
  await login(ben);
  expect(await world.fails(push, options)).toMatch(MAY_NOT_PUSH);
  await helm(...pull.slice(1));
  expect(fileDigest(join(options.cwd, 'pulled/chart-0.1.0.tgz'))).toBe(
    fileDigest(join(options.cwd, 'chart-0.1.0.tgz')),
  );
});

describe('containerd behind a blocked border', () => {
  let containerd: Containerd;
  const pull = ['images', 'pull', '--snapshotter', 'native', '--all-platforms'];

  beforeAll(async () => {
    containerd = await startContainerd(world, 'rights-containerd', border);
  });

  test('nothing is mounted from what a user may not pull: containerd uploads it instead', async () => {
    const [from, to] = [`${HOST}/acme/big:1`, `${HOST}/own/big:1`];
    await containerd.ok(...pull, '--user', ann.pair, from);
    await containerd.ok('images', 'tag', from, to);
    await containerd.ok('images', 'push', '--user', ben.pair, to);
    expect(world.hub.verify('own/big', '1').sort()).toEqual(digestsOf(scene.images.big).sort());
    expect(mounts()).toEqual([]);
    expect(new Set(mountsAsked('acme/big'))).toEqual(new Set([202]));
  });

  test('anonymous pull, and push by the right login alone', async () => {
    const name = `${OPEN}/library/nginx:latest`;
    await containerd.ok(...pull, name);
    await expectInContainerd(containerd, name, nginx, nginxDigest);
    for (const host of [HOST, OPEN]) {
      const target = `${host}/team/ctr-${host.split('.')[0]}:1`;
      const push = ['images', 'push', target];
      await containerd.ok('images', 'tag', name, target);
      expect(await containerd.fails(...push)).toMatch(/401|authorization failed|no basic auth/i);
      expect(await containerd.fails('images', 'push', '--user', ben.pair, target)).toMatch(/403 Forbidden/);
      await containerd.ok('images', 'push', '--user', ann.pair, target);
      expect(world.hub.tagged(`team/ctr-${host.split('.')[0]}`, '1')).toBe(nginxDigest);
    }
  });
});
