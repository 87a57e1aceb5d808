import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Containerd,
  type Docker,
  expectInContainerd,
  expectInDocker,
  expectInFolder,
  expectInPodman,
  podmanAt,
  startContainerd,
  startDocker,
} from './clients';
import { type RealImage, type RealIndex, realIndex } from './images';
import { alice, basicLogin, createScene, endScene, expectNoHarm, type Scene } from './scene';
import { hasClient, type RunningProxy, type World } from './world';

/**
 * One instance, three registries of different kinds behind it: docker.io has its token server on another host, ghcr.io on
 * its own, tools.example.org asks for no login at all and is at a private address under another name.
 */
const REGISTRIES = 'ghcr.io, tools.example.org=http://10.99.0.8:5000, basic.example.org';
const HOST = 'many.example.com';
const behind = { border: true };

let scene: Scene;
let world: World;
let many: RunningProxy;
let tool: RealIndex;
const proxies: RunningProxy[] = [];

/** Each registry's image: what its own name is, and what it is behind the proxy's. */
interface Case {
  name: string;
  path: string;
  content: RealIndex;
}

let hub: Case;
let ghcr: Case;
let tools: Case;

beforeAll(async () => {
  scene = await createScene();
  world = scene.world;
  tool = realIndex('tool', [200_000], 'oci');
  world.plain.putIndex('team/tool', '2', tool);
  world.basic.putIndex('team/tool', '1', tool);
  hub = { name: 'docker.io/library/nginx:latest', path: 'library/nginx:latest', content: scene.images.nginx };
  ghcr = { name: 'ghcr.io/owner/app:1', path: 'ghcr.io/owner/app:1', content: scene.images.app };
  tools = { name: 'tools.example.org/team/tool:2', path: 'tools.example.org/team/tool:2', content: tool };
  many = await world.startProxy(HOST, { REGISTRIES, HANDLE_REDIRECT: 'true' });
  proxies.push(scene.follow, many, await world.startProxy('many-pass.example.com', { REGISTRIES }));
}, 120_000);

beforeEach(() => world.forget());

afterEach(() => {
  expectNoHarm(scene);
  expectNoLogin();
});

afterAll(() => endScene(scene, proxies));

/** All that a registry or a token server got is tokens, and no token server was given anything. */
function expectNoLogin(): void {
  const seen = world?.seen() ?? [];
  expect(seen.filter(({ headers: { authorization = 'Bearer' } }) => authorization !== 'Bearer')).toEqual([]);
  const asked = seen.filter(({ url }) => url.startsWith('/token'));
  expect(asked.filter(({ method, headers }) => method !== 'GET' || headers.authorization)).toEqual([]);
}

const firstOf = ({ content }: Case): RealImage => content.images[0] as RealImage;

function emptyFolder(name: string): string {
  const path = join(world.folder, 'tmp', name);
  mkdirSync(path, { recursive: true });
  return path;
}

const skopeo = (...command: string[]) => ['skopeo', '--insecure-policy', ...command];

const REFUSED = /only reads/;

describe('containerd behind a blocked border', () => {
  const pull = ['images', 'pull', '--snapshotter', 'native'];
  let border: Containerd;

  beforeAll(async () => {
    border = await startContainerd(world, 'containerd-border', behind);
    const servers = { 'docker.io': 'registry-1.docker.io', 'ghcr.io': 'ghcr.io', 'tools.example.org': '10.99.0.8' };
    for (const [registry, server] of Object.entries(servers)) {
      border.hosts(
        registry,
        `server = "https://${server}"\n\n[host."https://${HOST}"]\n  capabilities = ["pull", "resolve"]\n`,
      );
    }
  });

  /** The folder of hosts.toml, with the proxy for every registry. */
  const everywhere = () => border.hosts('quay.io', `server = "https://quay.io"\n\n[host."https://${HOST}"]\n`);

  test('hosts.toml: the same proxy for each registry, told apart by ns', async () => {
    for (const image of [hub, ghcr, tools]) {
      await border.ok(...pull, ...everywhere(), image.name);
      await expectInContainerd(border, image.name, firstOf(image), image.content.index.digest);
    }
    const asked = many.log().filter(({ msg, route }) => msg === 'request' && route === 'manifest');
    const namespaces = asked.map(({ path }) => /[?&]ns=([^&]*)/.exec(path ?? '')?.[1]);
    expect(new Set(namespaces)).toEqual(new Set(['docker.io', 'ghcr.io', 'tools.example.org']));
  });

  test('a login that is given to ctr stays here', async () => {
    await border.ok('images', 'rm', '--sync', ghcr.name);
    await border.ok(...pull, ...everywhere(), '--user', alice.pair, ghcr.name);
    await expectInContainerd(border, ghcr.name, firstOf(ghcr), ghcr.content.index.digest);
  });

  test('a registry that is not listed is refused, and asked of nobody', async () => {
    await border.fails(...pull, ...everywhere(), 'quay.io/owner/app:1');
    expect(many.log().at(-1)).toMatchObject({ status: 404 });
    expect(world.seen()).toEqual([]);
  });

  test('by path and by the host of a registry', async () => {
    for (const [name, image] of [
      [`${HOST}/${tools.path}`, tools],
      [`${HOST}/${ghcr.path}`, ghcr],
      [`${HOST}/docker.io/${hub.path}`, hub],
      ['ghcr.many.example.com/owner/app:1', ghcr],
    ] as const) {
      await border.ok(...pull, name);
      await expectInContainerd(border, name, firstOf(image), image.content.index.digest);
    }
  });

  test('a private image is 401, with the login of somebody who may have it too', async () => {
    expect(await border.fails(...pull, `${HOST}/ghcr.io/owner/private:1`)).toMatch(/401|unauthorized/i);
    expect(await border.fails(...pull, '--user', alice.pair, `${HOST}/ghcr.io/owner/private:1`)).toMatch(
      /401|unauthorized/i,
    );
  });
});

describe('podman, buildah and skopeo behind a blocked border', () => {
  /** Options with a registries.conf in which every registry is mirrored by the proxy. */
  function mirrored() {
    const path = join(world.folder, 'registries.conf');
    const mirrors = {
      'docker.io': HOST,
      'ghcr.io': `${HOST}/ghcr.io`,
      'tools.example.org': `${HOST}/tools.example.org`,
    };
    const sections = Object.entries(mirrors).map(
      ([registry, location]) => `[[registry]]
prefix = "${registry}"
location = "${registry}"
[[registry.mirror]]
location = "${location}"
`,
    );
    writeFileSync(path, ['unqualified-search-registries = ["docker.io"]\n', ...sections].join('\n'));
    return { ...behind, env: { CONTAINERS_REGISTRIES_CONF: path } };
  }

  test('registries.conf: podman pulls from each by its own name', async () => {
    const { podman } = podmanAt(world, 'podman');
    for (const image of [hub, ghcr, tools]) {
      await world.ok([...podman, 'pull', image.name], mirrored());
      await expectInPodman(world, podman, image.name, firstOf(image), image.content.index.digest);
    }
  });

  test('buildah from an image of each', async () => {
    const { buildah } = podmanAt(world, 'buildah');
    for (const image of [hub, ghcr, tools]) await world.ok([...buildah, 'from', image.name], mirrored());
  });

  test('skopeo by path: every platform of each', async () => {
    for (const image of [hub, ghcr, tools]) {
      const folder = emptyFolder(`skopeo-${image.content.index.digest.slice(7, 15)}`);
      await world.ok(skopeo('copy', '--all', `docker://${HOST}/${image.path}`, `dir:${folder}`), behind);
      expectInFolder(folder, image.content);
    }
  });

  test('a login, also one that is sent unasked, goes to no registry', async () => {
    const folder = emptyFolder('skopeo-login');
    const from = `docker://${HOST}/${ghcr.path}`;
    await world.ok(skopeo('copy', '--all', '--src-creds', alice.pair, from, `dir:${folder}`), behind);
    expectInFolder(folder, ghcr.content);
    const status = (login: string, path: string) =>
      world.ok(
        ['curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', '-u', login, `https://${HOST}/v2/${path}`],
        behind,
      );
    expect(await status(alice.pair, 'library/nginx/manifests/latest')).toBe('200');
    expect(await status(alice.pair, 'acme/private/manifests/1')).toBe('401');
    // As a client does that remembers a token realm at this host.
    const token = `https://${HOST}/token?scope=repository:acme/private:pull`;
    for (const form of [[], ['-d', `grant_type=password&username=alice&password=${alice.password}`]]) {
      const answer = ['curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', '-u', alice.pair, ...form, token];
      expect(await world.ok(answer, behind)).toBe('404');
    }
    // That registry would let it in.
    expect(await status(basicLogin.pair, 'basic.example.org/team/tool/manifests/1')).toBe('401');
  });

  test('what is private is 401 and asks nobody to log in', async () => {
    for (const path of ['acme/private', 'ghcr.io/owner/private', 'basic.example.org/team/tool']) {
      const head = await world.ok(['curl', '-s', '-i', `https://${HOST}/v2/${path}/manifests/1`], behind);
      expect(head).toMatch(/^HTTP\/1.1 401/);
      expect(head).not.toMatch(/^www-authenticate:/im);
    }
  });

  test('blobs that the CDN cuts off, by URLs that are good for one request', async () => {
    world.modes({ cdn: 'cut', singleUse: true });
    for (const path of ['acme/big:1', ghcr.path]) {
      const folder = emptyFolder(`skopeo-cut-${path.replaceAll(/\W/g, '-')}`);
      await world.ok(skopeo('copy', '--all', `docker://${HOST}/${path}`, `dir:${folder}`), behind);
      expectInFolder(folder, path === ghcr.path ? ghcr.content : scene.images.big);
    }
    world.modes({});
    expect(many.log().filter(({ resumed }) => Number(resumed) > 0).length).toBeGreaterThan(0);
  });

  test('a push is refused in words', async () => {
    const folder = emptyFolder('skopeo-pushed');
    await world.ok(skopeo('copy', '--all', `docker://${HOST}/${ghcr.path}`, `dir:${folder}`), behind);
    for (const path of ['acme/pushed:1', 'ghcr.io/owner/pushed:1', 'tools.example.org/team/pushed:1']) {
      const said = await world.fails(
        skopeo('copy', '--all', '--dest-creds', alice.pair, `dir:${folder}`, `docker://${HOST}/${path}`),
        behind,
      );
      expect(said).toMatch(REFUSED);
    }
    for (const storage of [world.hub, world.ghcr, world.plain]) {
      expect([...storage.tags('acme/pushed'), ...storage.tags('owner/pushed'), ...storage.tags('team/pushed')]).toEqual(
        [],
      );
    }
  });
});

describe('skopeo where the CDNs can be reached', () => {
  test('redirects of each registry are passed on', async () => {
    for (const image of [hub, ghcr, tools]) {
      const folder = emptyFolder(`passed-${image.content.index.digest.slice(7, 15)}`);
      await world.ok(skopeo('copy', '--all', `docker://many-pass.example.com/${image.path}`, `dir:${folder}`));
      expectInFolder(folder, image.content);
    }
    for (const host of ['production.cloudflare.docker.com', 'pkg-containers.githubusercontent.com'] as const) {
      expect(world.seen(host).length).toBeGreaterThan(2);
      expect(world.seen(host).filter(({ headers }) => headers.via)).toEqual([]);
    }
  });
});

(hasClient('crane') ? describe : describe.skip)('crane behind a blocked border', () => {
  const crane = (...command: string[]) =>
    world.ok(['crane', ...command], { ...behind, env: { DOCKER_CONFIG: emptyFolder('crane-logins') } });

  test('digest, ls and every layer of every platform of each', async () => {
    for (const image of [hub, ghcr, tools]) {
      expect((await crane('digest', `${HOST}/${image.path}`)).trim()).toBe(image.content.index.digest);
      await crane('validate', '--remote', `${HOST}/${image.path}`);
    }
    expect((await crane('ls', `${HOST}/ghcr.io/owner/app`)).trim()).toBe('1');
  });

  test('with a login', async () => {
    await crane('auth', 'login', '-u', alice.user, '-p', alice.password, HOST);
    expect((await crane('digest', `${HOST}/${ghcr.path}`)).trim()).toBe(ghcr.content.index.digest);
  });

  test('a copy to the proxy is refused in words', async () => {
    const options = { ...behind, env: { DOCKER_CONFIG: emptyFolder('crane-logins') } };
    expect(
      await world.fails(['crane', 'copy', `${HOST}/${ghcr.path}`, `${HOST}/ghcr.io/owner/copied:1`], options),
    ).toMatch(REFUSED);
  });
});

describe('docker behind a blocked border', () => {
  let docker: Docker;

  beforeAll(async () => {
    docker = await startDocker(world, 'docker-border', [`https://${HOST}`], behind);
  });

  test('registry-mirrors: docker pull nginx', async () => {
    await docker.ok('pull', 'nginx');
    await expectInDocker(docker, 'nginx', firstOf(hub), hub.content.index.digest);
  });

  test('registry-mirrors: with the login of Docker Hub, which the proxy does not get to carry', async () => {
    docker.setLogin('https://index.docker.io/v1/', alice.user, alice.password);
    await docker.ok('pull', 'acme/multi:1');
    // Two layers, a configuration and two manifests, and one token for all of them.
    expect(
      world.seen('auth.docker.io').map(({ url }) => new URLSearchParams(url.split('?')[1]).getAll('scope')),
    ).toEqual([['repository:acme/multi:pull']]);
    await docker.fails('pull', 'acme/private:1');
  });

  test('docker pull by path, also after a docker login', async () => {
    for (const image of [ghcr, tools]) {
      await docker.ok('pull', `${HOST}/${image.path}`);
      await expectInDocker(docker, `${HOST}/${image.path}`, firstOf(image), image.content.index.digest);
    }
    await docker.ok('login', '-u', alice.user, '-p', alice.password, HOST);
    await docker.ok('pull', `${HOST}/docker.io/library/nginx:1.27`);
    await docker.ok('pull', 'ghcr.many.example.com/owner/app:1');
    expect(await docker.fails('pull', `${HOST}/ghcr.io/owner/private:1`)).toMatch(/unauthorized|denied/);
  });

  test('docker pull of what is not served says what is', async () => {
    expect(await docker.fails('pull', `${HOST}/quay.io/owner/app:1`)).toMatch(
      /does not serve quay\.io, only docker\.io, ghcr\.io, tools\.example\.org, basic\.example\.org/,
    );
  });

  test('docker push is refused in words', async () => {
    await docker.ok('tag', 'nginx', `${HOST}/ghcr.io/owner/pushed:1`);
    expect(await docker.fails('push', `${HOST}/ghcr.io/owner/pushed:1`)).toMatch(REFUSED);
    expect(world.ghcr.tags('owner/pushed')).toEqual([]);
  });
});
