import { type Docker, expectInDocker, expectInPodman, podmanAt, startDocker } from './clients';
import type { RealImage } from './images';
import { createScene, endScene, expectNoHarm, hub, type Scene } from './scene';
import { ann, robot, userSecrets, writeUsers } from './users';
import { type RunningProxy, until, type World } from './world';

const PLAIN = '10.99.1.1:3001';
const behind = { border: true };

let scene: Scene;
let world: World;
let nginx: RealImage;
let nginxDigest: string;
const proxies: RunningProxy[] = [];

beforeAll(async () => {
  scene = await createScene();
  world = scene.world;
  nginx = scene.images.nginx.images[0] as RealImage;
  nginxDigest = scene.images.nginx.index.digest;
  const HTPASSWD_FILE = await writeUsers(world);
  const GHCR = { REGISTRY_BACKEND: 'https://ghcr.io', HANDLE_REDIRECT: 'true' };
  proxies.push(
    scene.follow,
    await world.startProxy('users.example.com', { ...robot, HTPASSWD_FILE }),
    await world.startProxy('many.example.com', { ...GHCR, REGISTRIES: 'docker.io' }),
    await world.startProxy('ghcr.example.com', GHCR),
    await world.startProxy('pass.example.com', {
      ...hub,
      SEARCH_BACKEND: `http://${PLAIN}`,
      DENY_IMAGES: 'acme/nginx',
    }),
  );
}, 120_000);

beforeEach(() => world.forget());

afterEach(() => expectNoHarm(scene));

afterAll(() => endScene(scene, proxies, userSecrets));

const searched = () => world.seen('index.docker.io').map(({ method, url }) => `${method} ${url}`);

describe('docker search', () => {
  let docker: Docker;
  const NAMES = ['--format', '{{.Name}}'];

  beforeAll(async () => {
    docker = await startDocker(world, 'docker-search', ['https://follow.example.com'], behind);
  });

  test.each(['follow.example.com', PLAIN])('%s/nginx, and a pull of what was found', async (host) => {
    const table = await docker.ok('search', `${host}/nginx`);
    expect(table).toMatch(/^NAME +DESCRIPTION +STARS +OFFICIAL/);
    expect(table).toMatch(/^nginx +Official build of Nginx\. +20123 +\[OK\]/m);
    expect(table).toMatch(/^acme\/nginx +0 *$/m);
    expect(searched()).toEqual(['GET /v1/search?q=nginx&n=25']);
    const name = `${host}/${(await docker.ok('search', ...NAMES, '--filter', 'is-official=true', `${host}/nginx`)).trim()}`;
    await docker.ok('pull', name);
    await expectInDocker(docker, name, nginx, nginxDigest);
  });

  test('takes a limit, and prints no character that a terminal would act on', async () => {
    const said = await docker.ok('search', '--no-trunc', '--limit', '1', 'follow.example.com/acme');
    expect(said.trim().split('\n')).toHaveLength(2);
    expect(said).toContain('Tools of Acme [31mfor everything [0m and for more than fits in a column');
    expect(searched()).toEqual(['GET /v1/search?q=acme&n=1']);
  });

  test('never asks a mirror: without a host it asks Docker Hub itself, which is behind the border', async () => {
    expect(await docker.fails('search', 'nginx')).toMatch(/index\.docker\.io/);
    expect(searched()).toEqual([]);
  });

  test.each(['users.example.com', '10.99.1.1:3014'])('of a proxy with users: %s', async (host) => {
    expect(await docker.fails('search', `${host}/nginx`)).toContain('Unexpected status code 401');
    await docker.ok('login', '-u', ann.user, '-p', ann.password, host);
    expect(await docker.ok('search', ...NAMES, `${host}/nginx`)).toBe('nginx\nacme/nginx\n');
  });

  test('prints names as they are pulled where Docker Hub is one of several registries', async () => {
    const [first] = (await docker.ok('search', ...NAMES, 'many.example.com/nginx')).split('\n');
    expect(first).toBe('docker.io/nginx');
    await docker.ok('pull', `many.example.com/${first}`);
    expect(await docker.ok('search', ...NAMES, 'many.example.com/docker.io/nginx')).toMatch(/^docker\.io\/nginx\n/);
  });

  test('of an instance that asks another one finds what may be pulled by both', async () => {
    expect(await docker.ok('search', ...NAMES, 'pass.example.com/nginx')).toBe('nginx\n');
  });

  test.each([
    ['where nothing can be searched', 'ghcr.example.com/app', 404, 'there is no search here'],
    ['of a registry without a search', 'many.example.com/ghcr.io/app', 404, 'ghcr.io has no search'],
    ['of an unknown registry', 'follow.example.com/quay.io/app', 404, 'does not serve quay.io'],
    ['where there have been too many', 'follow.example.com/enough', 429, 'the search backend answers 429'],
  ])('%s says the status, and the log of the proxy why', async (_, term, status, why) => {
    expect(await docker.fails('search', term)).toContain(`Unexpected status code ${status}`);
    const proxy = proxies.find(({ name }) => term.startsWith(name)) as RunningProxy;
    await until('the request is logged', proxy.daemon, () =>
      proxy.log().some((line) => line.status === status && line.why?.includes(why)),
    );
  });
});

describe('podman search', () => {
  const podman = () => podmanAt(world, 'podman-search').podman;
  const NAMES = ['--format', '{{.Name}}'];

  test('names what can be pulled', async () => {
    const found = await world.ok([...podman(), 'search', ...NAMES, 'follow.example.com/nginx'], behind);
    expect(found.trim().split(/\s+/)).toEqual(['follow.example.com/nginx', 'follow.example.com/acme/nginx']);
    await world.ok([...podman(), 'pull', '-q', 'follow.example.com/nginx'], behind);
    await expectInPodman(world, podman(), 'follow.example.com/nginx', nginx, nginxDigest);
  });

  test('shows its login to no search: of a proxy with users it lists what the registry lists', async () => {
    const login = [...podman(), 'login', '-u', ann.user, '--password-stdin', 'users.example.com'];
    await world.ok(login, { ...behind, input: ann.password });
    const found = await world.ok([...podman(), 'search', ...NAMES, 'users.example.com/nginx'], behind);
    expect(found.trim()).toBe('users.example.com/library/nginx');
    expect(searched()).toEqual([]);
    expect(world.seen('registry-1.docker.io').map(({ url }) => url)).toContain('/v2/_catalog');
  });

  test('of a registry without a search says that it cannot be searched', async () => {
    const said = await world.fails([...podman(), 'search', 'many.example.com/ghcr.io/app'], behind);
    expect(said).toContain(`couldn't search registry "many.example.com"`);
  });
});
