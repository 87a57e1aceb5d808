import { type Docker, expectInDocker, startDocker } from './clients';
import type { RealImage } from './images';
import { alice, bob, carol, createScene, endScene, expectNoHarm, type Scene } from './scene';
import type { RunningProxy, World } from './world';

const CDN = 'production.cloudflare.docker.com';

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
  proxies.push(
    scene.follow,
    await world.startProxy('pass.example.com', {}),
    await world.startProxy('untouched.example.com', { PROXY_REDIRECT: 'false', HANDLE_REDIRECT: 'false' }),
    await world.startProxy('cdn-host.example.com', { DEFAULT_BACKEND_HOST: `https://${CDN}` }),
  );
}, 120_000);

beforeEach(() => world.forget());

afterEach(() => expectNoHarm(scene));

afterAll(() => endScene(scene, proxies));

describe('docker behind a blocked border', () => {
  let docker: Docker;

  beforeAll(async () => {
    docker = await startDocker(world, 'docker-border', ['https://follow.example.com'], { border: true });
  });

  test('without the proxy nothing of Docker Hub can be reached', async () => {
    for (const host of ['registry-1.docker.io', 'auth.docker.io', CDN]) {
      await world.fails(['curl', '-m', '3', `https://${host}/v2/`], { border: true });
    }
    const withoutMirror = await startDocker(world, 'docker-alone', [], { border: true });
    expect(await withoutMirror.fails('pull', 'nginx')).toMatch(/unreachable/);
    await withoutMirror.daemon.stop();
  });

  test('registry-mirrors: docker pull nginx', async () => {
    await docker.ok('pull', 'nginx');
    await expectInDocker(docker, 'nginx', nginx, nginxDigest);
  });

  test('registry-mirrors: an image of an organization, with a 60 MB layer', async () => {
    await docker.ok('pull', 'acme/big:1');
    await expectInDocker(docker, 'acme/big:1', scene.images.big);
  });

  test('registry-mirrors: pull by digest', async () => {
    await docker.ok('pull', `acme/multi@${scene.images.multi.index.digest}`);
  });

  test('registry-mirrors: a private image with the login of Docker Hub, which only the Hub gets to see', async () => {
    await docker.fails('pull', 'acme/private:1');
    docker.setLogin('https://index.docker.io/v1/', alice.user, alice.password);
    await docker.ok('pull', 'acme/private:1');
    await expectInDocker(docker, 'acme/private:1', scene.images.private);
    const withLogin = world.seen().filter(({ headers }) => headers.authorization === 'Basic');
    expect([...new Set(withLogin.map(({ host }) => host))]).toEqual(['auth.docker.io']);
    await docker.ok('rmi', 'acme/private:1');
  });

  test.each(['follow.example.com/nginx', 'follow.example.com/library/nginx:1.27'])('docker pull %s', async (name) => {
    await docker.ok('pull', name);
    await expectInDocker(docker, name, nginx, nginxDigest);
  });

  test('docker manifest inspect', async () => {
    const found = JSON.parse(await docker.ok('manifest', 'inspect', 'follow.example.com/library/nginx'));
    expect(found.manifests).toHaveLength(2);
  });

  test('a private image is refused without a login, with a wrong one and with one that has no right', async () => {
    docker.setLogin('nowhere.example.com', 'nobody', 'nothing');
    expect(await docker.fails('pull', 'follow.example.com/acme/private:1')).toMatch(/denied|unauthorized/);
    expect(await docker.fails('login', '-u', 'alice', '-p', 'wrong', 'follow.example.com')).toMatch(
      /unauthorized|401/i,
    );
    await docker.ok('login', '-u', 'bob', '-p', bob.password, 'follow.example.com');
    expect(await docker.fails('pull', 'follow.example.com/acme/private:1')).toMatch(/denied|unauthorized/);
  });

  test('docker login, and the private image of that login', async () => {
    await docker.ok('login', '-u', alice.user, '-p', alice.password, 'follow.example.com');
    await docker.ok('pull', 'follow.example.com/acme/private:1');
    await expectInDocker(docker, 'follow.example.com/acme/private:1', scene.images.private);
  });

  test('docker login where the registry turns it into a token of its own', async () => {
    await docker.ok('login', '-u', 'carol', '-p', carol.password, 'follow.example.com');
    await docker.ok('rmi', 'follow.example.com/acme/private:1');
    world.forget();
    await docker.ok('pull', 'follow.example.com/acme/private:1');
    expect(world.seen('auth.docker.io').map(({ method }) => method)).toContain('POST');
  });

  test('docker push, and layers of one repository mounted into another', async () => {
    await docker.ok('login', '-u', alice.user, '-p', alice.password, 'follow.example.com');
    await docker.ok('tag', 'nginx', 'follow.example.com/acme/pushed:1');
    await docker.ok('push', 'follow.example.com/acme/pushed:1');
    expect(world.hub.verify('acme/pushed', '1')).toContain(nginx.config.digest);
    await docker.ok('tag', 'nginx', 'follow.example.com/acme/mounted:1');
    expect(await docker.ok('push', 'follow.example.com/acme/mounted:1')).toMatch(/Mounted from acme\/pushed/);
    world.hub.verify('acme/mounted', '1');
    expect(await docker.ok('push', 'follow.example.com/acme/pushed:1')).toMatch(/Layer already exists/);
  });

  test('docker push of a 60 MB layer', async () => {
    await docker.ok('tag', 'acme/big:1', 'follow.example.com/acme/big-pushed:1');
    await docker.ok('push', 'follow.example.com/acme/big-pushed:1');
    expect(world.hub.verify('acme/big-pushed', '1')).toContain(scene.images.big.config.digest);
  });

  test('login, push and pull without TLS', async () => {
    const registry = scene.follow.plain;
    await docker.ok('login', '-u', alice.user, '-p', alice.password, registry);
    await docker.ok('tag', 'nginx', `${registry}/acme/plain-pushed:1`);
    await docker.ok('push', `${registry}/acme/plain-pushed:1`);
    expect(world.hub.verify('acme/plain-pushed', '1')).toContain(nginx.config.digest);
    await docker.ok('pull', `${registry}/acme/private:1`);
    await expectInDocker(docker, `${registry}/acme/private:1`, scene.images.private);
  });

  test('docker push is refused without the right to push', async () => {
    await docker.ok('login', '-u', 'bob', '-p', bob.password, 'follow.example.com');
    await docker.ok('tag', 'nginx', 'follow.example.com/acme/refused:1');
    expect(await docker.fails('push', 'follow.example.com/acme/refused:1')).toMatch(/denied|unauthorized/);
    expect(world.hub.tagged('acme/refused', '1')).toBeUndefined();
  });

  test('redirects that lead to DEFAULT_BACKEND_HOST are led through the proxy (PROXY_REDIRECT)', async () => {
    const name = '10.99.1.1:3004/library/nginx:latest';
    await docker.ok('pull', name);
    await expectInDocker(docker, name, nginx, nginxDigest);
  });
});

describe('docker where the CDN can be reached', () => {
  // Each mirror starts with an empty store, or it would have nothing to download.
  test.each(['pass.example.com', 'untouched.example.com'])('registry-mirrors without TLS: %s', async (name) => {
    const proxy = proxies.find((candidate) => candidate.name === name) as RunningProxy;
    const docker = await startDocker(world, `docker-${name}`, [`http://${proxy.plain}`], {});
    await docker.ok('pull', 'nginx');
    await expectInDocker(docker, 'nginx', nginx, nginxDigest);
    await docker.daemon.stop();

    const asked = world.seen('registry-1.docker.io');
    expect(asked.length).toBeGreaterThan(4);
    expect(asked.filter(({ headers }) => !headers.via)).toEqual([]);
    const fetched = world.seen(CDN);
    expect(fetched).toHaveLength(nginx.layers.length + 1);
    expect(fetched.filter(({ headers }) => !String(headers['user-agent']).startsWith('docker/'))).toEqual([]);
    expect(fetched.filter(({ headers }) => headers.via)).toEqual([]);
  });
});
