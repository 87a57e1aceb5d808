import { type Containerd, expectInContainerd, startContainerd } from './clients';
import type { RealImage } from './images';
import { alice, createScene, endScene, expectNoHarm, type Scene } from './scene';
import type { RunningProxy, World } from './world';

let scene: Scene;
let world: World;
let nginx: RealImage;
let nginxDigest: string;
let border: Containerd;
const proxies: RunningProxy[] = [];

const pull = ['images', 'pull', '--snapshotter', 'native'];

/** What a user writes into hosts.toml: everything of this registry through the proxy. */
const mirror = (host: string, server: string) => `server = "https://${server}"

[host."${host}"]
  capabilities = ["pull", "resolve"]
`;

beforeAll(async () => {
  scene = await createScene();
  world = scene.world;
  nginx = scene.images.nginx.images[0] as RealImage;
  nginxDigest = scene.images.nginx.index.digest;
  proxies.push(
    scene.follow,
    await world.startProxy('pass.example.com', {}),
    await world.startProxy('ghcr.example.com', { REGISTRY_BACKEND: 'ghcr.io', HANDLE_REDIRECT: 'true' }),
  );
  border = await startContainerd(world, 'containerd-border', { border: true });
}, 120_000);

beforeEach(async () => {
  // An empty store, or containerd would take what it has from an earlier case.
  const names = (await border.ok('images', 'ls', '-q')).split('\n').filter(Boolean);
  if (names.length > 0) await border.ok('images', 'rm', '--sync', ...names);
  world.forget();
});

afterEach(() => expectNoHarm(scene));

/** Every part of the image came over the wire. */
function expectFetched(image: RealImage): void {
  const fetched = world
    .seen()
    .filter(({ method, url, status }) => method === 'GET' && /\/data\?/.test(url) && status === 200);
  const parts = fetched.map(({ url }) => `sha256:${/[0-9a-f]{64}/.exec(url)?.[0]}`);
  expect(parts).toEqual(expect.arrayContaining([image.config, ...image.layers].map(({ digest }) => digest)));
}

afterAll(() => endScene(scene, proxies));

describe('containerd behind a blocked border', () => {
  test('hosts.toml: docker.io through the proxy, asked for with ns=docker.io', async () => {
    const hosts = border.hosts('docker.io', mirror('https://follow.example.com', 'registry-1.docker.io'));
    const name = 'docker.io/library/nginx:latest';
    await border.ok(...pull, ...hosts, name);
    await expectInContainerd(border, name, nginx, nginxDigest);
    expectFetched(nginx);
    const asked = scene.follow.log().filter(({ msg, route }) => msg === 'request' && route === 'manifest');
    expect(asked.filter(({ path }) => path?.includes('ns=docker.io'))).toHaveLength(asked.length);
  });

  test('hosts.toml: an image with a 60 MB layer', async () => {
    const hosts = border.hosts('docker.io', mirror('https://follow.example.com', 'registry-1.docker.io'));
    await border.ok(...pull, ...hosts, 'docker.io/acme/big:1');
    await expectInContainerd(border, 'docker.io/acme/big:1', scene.images.big);
    expectFetched(scene.images.big);
  });

  test('hosts.toml: a private image with a login, which containerd sends in a form', async () => {
    const hosts = border.hosts('docker.io', mirror('https://follow.example.com', 'registry-1.docker.io'));
    const name = 'docker.io/acme/private:1';
    await border.fails(...pull, ...hosts, name);
    await border.ok(...pull, ...hosts, '--user', alice.pair, name);
    await expectInContainerd(border, name, scene.images.private);
    expectFetched(scene.images.private);
    expect(world.seen('auth.docker.io').map(({ method }) => method)).toContain('POST');
  });

  test('hosts.toml: a registry that the proxy does not stand for is refused, and never answered with a namesake', async () => {
    world.ghcr.putIndex('library/nginx', 'latest', scene.images.app);
    const hosts = border.hosts('ghcr.io', mirror('https://follow.example.com', 'ghcr.io'));
    await border.fails(...pull, ...hosts, 'ghcr.io/library/nginx:latest');
    expect(world.seen()).toEqual([]);
  });

  test('hosts.toml: ghcr.io through a proxy of ghcr.io', async () => {
    const hosts = border.hosts('ghcr.io', mirror('https://ghcr.example.com', 'ghcr.io'));
    const name = 'ghcr.io/owner/app:1';
    await border.ok(...pull, ...hosts, name);
    await expectInContainerd(border, name, scene.images.app.images[0] as RealImage, scene.images.app.index.digest);
    expectFetched(scene.images.app.images[0] as RealImage);
  });

  test.each([
    'follow.example.com/library/nginx:latest',
    'follow.example.com/nginx:latest',
    // The registry's own name in the path: containerd asks for two scopes then.
    'follow.example.com/docker.io/library/nginx:latest',
  ])('ctr images pull %s', async (name) => {
    await border.ok(...pull, name);
    await expectInContainerd(border, name, nginx, nginxDigest);
    expectFetched(nginx);
  });

  test('all platforms', async () => {
    const name = 'follow.example.com/acme/multi:1';
    await border.ok(...pull, '--all-platforms', name);
    for (const image of scene.images.multi.images) {
      await expectInContainerd(border, name, image, scene.images.multi.index.digest);
      expectFetched(image);
    }
  });

  test('push', async () => {
    const hosts = border.hosts('docker.io', mirror('https://follow.example.com', 'registry-1.docker.io'));
    await border.ok(...pull, ...hosts, '--all-platforms', 'docker.io/library/nginx:latest');
    await border.ok('images', 'tag', 'docker.io/library/nginx:latest', 'follow.example.com/acme/ctr-pushed:1');
    await border.ok('images', 'push', '--user', alice.pair, 'follow.example.com/acme/ctr-pushed:1');
    expect(world.hub.tagged('acme/ctr-pushed', '1')).toBe(nginxDigest);
    world.hub.verify('acme/ctr-pushed', '1');
  });
});

describe('containerd where the CDN can be reached', () => {
  test('plain HTTP, redirects passed on', async () => {
    const open = await startContainerd(world, 'containerd-open', {});
    const name = '10.99.1.1:3002/library/nginx:latest';
    await open.ok(...pull, '--plain-http', name);
    await expectInContainerd(open, name, nginx, nginxDigest);
    expectFetched(nginx);
    const fetched = world.seen('production.cloudflare.docker.com');
    expect(fetched.length).toBeGreaterThan(nginx.layers.length);
    expect(fetched.filter(({ headers }) => !String(headers['user-agent']).startsWith('containerd/'))).toEqual([]);
  });
});
