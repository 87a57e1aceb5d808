import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { digestsOf, expectInFolder, expectInPodman, podmanAt } from './clients';
import type { RealImage } from './images';
import { alice, basicLogin, createScene, endScene, expectNoHarm, type Scene } from './scene';
import type { RunningProxy, World } from './world';

let scene: Scene;
let world: World;
let nginx: RealImage;
let nginxDigest: string;
let mirrored: { podman: string[]; buildah: string[] };
const proxies: RunningProxy[] = [];
const behind = { border: true };
const CDN = 'production.cloudflare.docker.com';

beforeAll(async () => {
  scene = await createScene();
  world = scene.world;
  nginx = scene.images.nginx.images[0] as RealImage;
  nginxDigest = scene.images.nginx.index.digest;
  proxies.push(
    scene.follow,
    await world.startProxy('pass.example.com', {}),
    await world.startProxy('untouched.example.com', { PROXY_REDIRECT: 'false' }),
    await world.startProxy('cdn-host.example.com', { DEFAULT_BACKEND_HOST: CDN }),
    await world.startProxy('ghcr.example.com', { REGISTRY_BACKEND: 'https://ghcr.io', HANDLE_REDIRECT: 'true' }),
    await world.startProxy('basic.example.com', { REGISTRY_BACKEND: 'https://basic.example.org' }),
    await world.startProxy('plain.example.com', { REGISTRY_BACKEND: 'http://10.99.0.8:5000' }),
  );
  mirrored = podmanAt(world, 'podman');
}, 120_000);

beforeEach(() => world.forget());

afterEach(() => expectNoHarm(scene));

afterAll(() => endScene(scene, proxies));

/** Options with a registries.conf in which docker.io is mirrored. */
function withMirror(location: string) {
  const path = join(world.folder, 'registries.conf');
  writeFileSync(
    path,
    `unqualified-search-registries = ["docker.io"]
[[registry]]
prefix = "docker.io"
location = "docker.io"
[[registry.mirror]]
location = "${location}"
`,
  );
  return { border: true, env: { CONTAINERS_REGISTRIES_CONF: path } };
}

function emptyFolder(name: string): string {
  const path = join(world.folder, 'tmp', name);
  mkdirSync(path, { recursive: true });
  return path;
}

const skopeo = (...command: string[]) => ['skopeo', '--insecure-policy', ...command];

/** What was pushed is remembered, and would be mounted instead of uploaded the next time. */
const forgetPushed = () => world.ok(['rm', '-rf', '/var/lib/containers/cache']);

describe('podman and buildah behind a blocked border', () => {
  test('registries.conf: podman pull nginx', async () => {
    await world.ok([...mirrored.podman, 'pull', 'nginx'], withMirror('follow.example.com'));
    await expectInPodman(world, mirrored.podman, 'docker.io/library/nginx', nginx, nginxDigest);
  });

  test.each(['follow.example.com/nginx', 'follow.example.com/library/nginx:1.27'])('podman pull %s', async (name) => {
    const { podman } = podmanAt(world, `podman-${name.length}`);
    await world.ok([...podman, 'pull', name], behind);
    await expectInPodman(world, podman, name, nginx, nginxDigest);
  });

  test('podman login: the private image of that login, refused without', async () => {
    const { podman } = mirrored;
    const name = 'follow.example.com/acme/private:1';
    expect(await world.fails([...podman, 'pull', name], behind)).toMatch(/denied|unauthorized/);
    await world.fails([...podman, 'login', '-u', 'alice', '-p', 'wrong', 'follow.example.com'], behind);
    await world.ok([...podman, 'login', '-u', alice.user, '-p', alice.password, 'follow.example.com'], behind);
    await world.ok([...podman, 'pull', name], behind);
    await expectInPodman(world, podman, name, scene.images.private);
  });

  test('podman push, and pull what was pushed', async () => {
    const { podman } = mirrored;
    const name = 'follow.example.com/acme/podman-pushed:1';
    await world.ok([...podman, 'tag', 'docker.io/library/nginx', name], behind);
    await world.ok([...podman, 'push', '--creds', alice.pair, name], behind);
    world.hub.verify('acme/podman-pushed', '1');
    const again = podmanAt(world, 'podman-again').podman;
    await world.ok([...again, 'pull', name], behind);
    expect(JSON.parse(await world.ok([...again, 'image', 'inspect', name]))[0].RootFS.Layers).toEqual(nginx.diffIds);
  });

  test('buildah builds on an image of the proxy, runs it and pushes the result', async () => {
    const { buildah } = mirrored;
    const name = 'follow.example.com/acme/built:1';
    const context = emptyFolder('context');
    writeFileSync(
      join(context, 'Dockerfile'),
      'FROM follow.example.com/library/nginx\nRUN ["/bin/busybox", "sh", "-c", "/bin/busybox cat /etc/mark > /copy"]\n',
    );
    await world.ok([...buildah, 'bud', '--isolation', 'chroot', '-t', name, context], behind);
    await world.ok([...buildah, 'push', '--creds', alice.pair, name], behind);
    world.hub.verify('acme/built', '1');
    const manifest = world.hub.manifest(world.hub.tagged('acme/built', '1') as string);
    expect(manifest.layers).toHaveLength(nginx.layers.length + 1);
  });
});

describe('skopeo behind a blocked border', () => {
  test('copy --all: index, both platforms, every layer', async () => {
    const folder = emptyFolder('all');
    await world.ok(skopeo('copy', '--all', 'docker://follow.example.com/library/nginx', `dir:${folder}`), behind);
    expectInFolder(folder, scene.images.nginx);
  });

  // skopeo keeps its token on a redirect within one host, so the proxy gets it on the CDN's paths.
  test('copy --all where redirects to DEFAULT_BACKEND_HOST lead through the proxy, and the CDN gets no token', async () => {
    const folder = emptyFolder('cdn-host');
    await world.ok(skopeo('copy', '--all', 'docker://cdn-host.example.com/library/nginx', `dir:${folder}`), behind);
    expectInFolder(folder, scene.images.nginx);
    expect(world.seen(CDN).length).toBeGreaterThan(nginx.layers.length);
  });

  test('copy of a 60 MB layer', async () => {
    const folder = emptyFolder('big');
    await world.ok(skopeo('copy', 'docker://follow.example.com/acme/big:1', `dir:${folder}`), behind);
    expectInFolder(folder, scene.images.big);
  });

  test('inspect and list-tags', async () => {
    const found = JSON.parse(await world.ok(skopeo('inspect', 'docker://follow.example.com/nginx'), behind));
    expect(found.Digest).toBe(nginxDigest);
    expect(found.Layers).toEqual(nginx.layers.map(({ digest }) => digest));
    const listed = JSON.parse(await world.ok(skopeo('list-tags', 'docker://follow.example.com/nginx'), behind));
    expect(listed.Tags.sort()).toEqual(['1.27', 'latest']);
  });

  test('copy --all from the proxy to the proxy, then mounted into a second repository, then deleted', async () => {
    const target = (repository: string) => `docker://follow.example.com/acme/${repository}:1`;
    const copy = (from: string, to: string) =>
      world.ok(skopeo('copy', '--all', '--src-creds', alice.pair, '--dest-creds', alice.pair, from, to), behind);
    await forgetPushed();
    await copy('docker://follow.example.com/library/nginx', target('skopeo-pushed'));
    expect(world.hub.verify('acme/skopeo-pushed', '1').sort()).toEqual(digestsOf(scene.images.nginx).sort());
    world.forget();
    await copy(target('skopeo-pushed'), target('skopeo-mounted'));
    expect(world.hub.tagged('acme/skopeo-mounted', '1')).toBe(nginxDigest);
    const mounts = world.seen('registry-1.docker.io').filter(({ url }) => url.includes('mount='));
    expect(new Set(mounts.map(({ status }) => status))).toEqual(new Set([201]));
    await world.ok(skopeo('delete', '--creds', alice.pair, target('skopeo-mounted')), behind);
    await world.fails(skopeo('inspect', '--creds', alice.pair, target('skopeo-mounted')), behind);
  });

  test('ghcr.io: pull, and push although its uploads have paths of its own', async () => {
    const folder = emptyFolder('ghcr');
    await world.ok(skopeo('copy', '--all', 'docker://ghcr.example.com/owner/app:1', `dir:${folder}`), behind);
    expectInFolder(folder, scene.images.app);
    const name = 'docker://ghcr.example.com/owner/pushed:1';
    await forgetPushed();
    await world.ok(skopeo('copy', '--all', '--dest-creds', alice.pair, `dir:${folder}`, name), behind);
    expect(world.ghcr.tagged('owner/pushed', '1')).toBe(scene.images.app.index.digest);
    world.ghcr.verify('owner/pushed', '1');
    expect(world.seen('ghcr.io').filter(({ url }) => url.includes('/blobs/upload/')).length).toBeGreaterThan(2);
  });

  test('a registry with a Basic login: push, pull, refused without and with a wrong one', async () => {
    const folder = emptyFolder('basic-from');
    await world.ok(skopeo('copy', '--all', 'docker://follow.example.com/acme/multi:1', `dir:${folder}`), behind);
    const name = 'docker://basic.example.com/team/multi:1';
    const push = (...login: string[]) => skopeo('copy', '--all', ...login, `dir:${folder}`, name);
    await forgetPushed();
    await world.fails(push(), behind);
    await world.fails(push('--dest-creds', 'basic-user:wrong'), behind);
    await world.ok(push('--dest-creds', basicLogin.pair), behind);
    expect(world.basic.verify('team/multi', '1').sort()).toEqual(digestsOf(scene.images.multi).sort());
    const back = emptyFolder('basic-to');
    await world.fails(skopeo('copy', '--all', name, `dir:${back}`), behind);
    await world.ok(skopeo('copy', '--all', '--src-creds', basicLogin.pair, name, `dir:${back}`), behind);
    expectInFolder(back, scene.images.multi);
  });

  test('a registry without login or TLS, at a private address: pull and push', async () => {
    const from = 'docker://plain.example.com/team/tool:1';
    const folder = emptyFolder('plain');
    await world.ok(skopeo('copy', from, `dir:${folder}`), behind);
    expectInFolder(folder, scene.images.private);
    await world.ok(skopeo('copy', from, 'docker://plain.example.com/team/copied:1'), behind);
    world.plain.verify('team/copied', '1');
  });

  test('its catalog page by page: the link to the next page leads back to the proxy', async () => {
    const origin = 'https://plain.example.com';
    const found: string[] = [];
    for (let next: string | undefined = '/v2/_catalog?n=1'; next && found.length < 10; ) {
      const answer = await world.ok(['curl', '-s', '-i', new URL(next, origin).href], behind);
      found.push(...JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))).repositories);
      next = /^link: <([^>]+)>; rel="next"/im.exec(answer)?.[1];
      if (next) expect(new URL(next, origin).origin).toBe(origin);
    }
    expect(found.filter((name) => name.startsWith('team/'))).toEqual(['team/copied', 'team/tool']);
  });
});

describe('skopeo where the CDN can be reached', () => {
  // Shows that the border is one, and that what passes behind it passes because redirects are followed.
  test('behind the border the same proxy does not help: its redirects lead to the CDN', async () => {
    const target = `dir:${emptyFolder('control')}`;
    const said = await world.fails(skopeo('copy', 'docker://pass.example.com/library/nginx', target), behind);
    expect(said).toMatch(/production\.cloudflare\.docker\.com.*unreachable/);
  });

  test.each(['pass.example.com', 'untouched.example.com'])('redirects passed on: %s', async (proxy) => {
    const folder = emptyFolder(proxy);
    await world.ok(skopeo('copy', '--all', `docker://${proxy}/library/nginx`, `dir:${folder}`));
    expectInFolder(folder, scene.images.nginx);
    const fetched = world.seen(CDN);
    expect(fetched).toHaveLength(2 * (nginx.layers.length + 1));
    expect(fetched.filter(({ headers }) => headers.via)).toEqual([]);
  });

  test('podman push where redirects are passed on', async () => {
    const name = 'pass.example.com/acme/podman-passed:1';
    await forgetPushed();
    await world.ok([...mirrored.podman, 'tag', 'docker.io/library/nginx', name]);
    await world.ok([...mirrored.podman, 'push', '--creds', alice.pair, name]);
    world.hub.verify('acme/podman-passed', '1');
  });
});
