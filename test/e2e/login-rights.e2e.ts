import { rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Containerd,
  type Docker,
  digestsOf,
  expectInContainerd,
  expectInDocker,
  expectInFolder,
  expectInPodman,
  podmanAt,
  startContainerd,
  startDocker,
} from './clients';
import type { RealImage } from './images';
import {
  beginCase,
  createRightsScene,
  endCase,
  endRightsScene,
  HOST,
  MAY_NOT_PUSH,
  OPEN,
  type RightsScene,
} from './rights-scene';
import { ann, apart, ben, SECURE, skopeo } from './users';
import type { World } from './world';

const border = { border: true };

let scene: RightsScene;
let world: World;
let nginx: RealImage;
let nginxDigest: string;

beforeAll(async () => {
  scene = await createRightsScene();
  world = scene.world;
  nginx = scene.images.nginx.images[0] as RealImage;
  nginxDigest = scene.images.nginx.index.digest;
}, 120_000);

beforeEach(() => beginCase(scene));

afterEach(() => endCase(scene));

afterAll(() => endRightsScene(scene));

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
    expect(new Set(scene.mounts())).toEqual(new Set([201]));
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
    expect(scene.mounts()).toEqual([]);
    expect(new Set(scene.mountsAsked('acme/multi'))).toEqual(new Set([202]));
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
    expect(new Set(scene.mounts())).toEqual(new Set([201]));
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
    expect(scene.mounts()).toEqual([]);
    expect(new Set(scene.mountsAsked('acme/big'))).toEqual(new Set([202]));
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
