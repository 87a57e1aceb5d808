import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Content } from '../upstream/image';
import {
  type Containerd,
  expectInContainerd,
  expectInDocker,
  expectInFolder,
  expectInPodman,
  fileDigest,
  podmanAt,
  startContainerd,
  startDocker,
} from './clients';
import { type RealImage, type RealIndex, realIndex } from './images';
import { alice, basicLogin, createScene, endScene, expectNoHarm, type Scene } from './scene';
import { hasClient, type RunningProxy, type World } from './world';

/**
 * Three kinds of registry behind one instance, each with a right of its own: docker.io has its token server on another host,
 * ghcr.io on its own, and basic.example.org, the default one, knows logins and no tokens. The imitated hosts accuse whoever
 * brings them the login or the token of another.
 */
const HOST = 'kinds.example.com';
const BASIC = 'basic.example.org';
const behind = { border: true };

/** A registry's image: what it is behind the registry's own name, and what behind the proxy's. */
interface Case {
  readonly registry: string;
  /** Where it is, for clients that find no mirror. */
  readonly server: string;
  readonly name: string;
  readonly path: string;
  readonly content: RealIndex;
}

let scene: Scene;
let world: World;
let proxy: RunningProxy;
let hub: Case;
let ghcr: Case;
let basic: Case;
let all: Case[];

beforeAll(async () => {
  scene = await createScene();
  world = scene.world;
  const tool = realIndex('tool', [200_000], 'oci');
  world.basic.putIndex('team/tool', '1', tool);
  hub = caseOf('docker.io', 'registry-1.docker.io', 'library/nginx:latest', scene.images.nginx);
  ghcr = caseOf('ghcr.io', 'ghcr.io', 'owner/app:1', scene.images.app);
  basic = { ...caseOf(BASIC, BASIC, 'team/tool:1', tool), path: 'team/tool:1' };
  all = [hub, ghcr, basic];
  proxy = await world.startProxy(HOST, {
    REGISTRY_BACKEND: `https://${BASIC}`,
    REGISTRY_USERNAME: basicLogin.user,
    REGISTRY_PASSWORD: basicLogin.password,
    ANONYMOUS_PULL: 'true',
    REGISTRIES: 'docker.io, ghcr.io',
    HANDLE_REDIRECT: 'true',
  });
}, 120_000);

function caseOf(registry: string, server: string, image: string, content: RealIndex): Case {
  return { registry, server, name: `${registry}/${image}`, path: `${registry}/${image}`, content };
}

beforeEach(() => world.forget());

afterEach(() => expectNoHarm(scene));

afterAll(() => endScene(scene, [scene?.follow, proxy].filter(Boolean)));

const firstOf = ({ content }: Case): RealImage => content.images[0] as RealImage;

function emptyFolder(name: string): string {
  const path = join(world.folder, 'tmp', name);
  mkdirSync(path, { recursive: true });
  return path;
}

const skopeo = (...command: string[]) => ['skopeo', '--insecure-policy', ...command];

/** Each registry was asked, and by its own right alone. */
function expectOwnRights(): void {
  const rights = (host: 'registry-1.docker.io' | 'ghcr.io' | 'basic.example.org') =>
    world.seen(host).flatMap(({ url, status, headers }) => {
      const isContent = /\/(manifests|blobs)\//.test(url) && status < 400;
      return isContent ? [headers.authorization] : [];
    });
  expect(new Set(rights('registry-1.docker.io'))).toEqual(new Set(['Bearer']));
  expect(new Set(rights('ghcr.io'))).toEqual(new Set(['Bearer']));
  expect(new Set(rights(BASIC))).toEqual(new Set(['Basic']));
}

/** Paths and namespaces of the manifests that were asked for since there were `since` lines in the log. */
function askedFor(since: number): Set<string> {
  const asked = proxy
    .log()
    .slice(since)
    .filter(({ route }) => route === 'manifest');
  return new Set(asked.map(({ path }) => (path ?? '').replace(/\/manifests\/[^?]*/, '')));
}

test('the imitated hosts accuse of a login and of a token that is for another', async () => {
  const ask = (url: string, ...more: string[]) => world.ok(['curl', '-s', ...more, url]);
  const answer = await ask('https://ghcr.io/token?service=ghcr.io&scope=repository:owner/app:pull');
  const token = `Authorization: Bearer ${JSON.parse(answer).token}`;
  for (const host of ['registry-1.docker.io', 'ghcr.io']) {
    await ask(`https://${host}/v2/`, '-u', basicLogin.pair);
  }
  await ask('https://auth.docker.io/token?service=registry.docker.io', '-u', basicLogin.pair);
  await ask(`https://${BASIC}/v2/`, '-u', alice.pair);
  await ask(`https://${BASIC}/v2/`, '-H', token);
  await ask('https://registry-1.docker.io/v2/', '-H', token);
  await ask(`https://${BASIC}/v2/`, '-u', basicLogin.pair);
  expect(world.seen().map(({ host, accusation }) => [host, accusation])).toEqual([
    ['ghcr.io', undefined],
    ['registry-1.docker.io', 'got the login of basic-user'],
    ['ghcr.io', 'got the login of basic-user'],
    ['auth.docker.io', 'got the login of basic-user'],
    [BASIC, 'got the login of alice'],
    [BASIC, 'got a token of ghcr.io'],
    ['registry-1.docker.io', 'got a token of ghcr.io'],
    [BASIC, undefined],
  ]);
  world.forget();
});

describe('containerd', () => {
  let containerd: Containerd;

  beforeAll(async () => {
    containerd = await startContainerd(world, 'containerd-kinds', behind);
  });

  beforeEach(async () => {
    // An empty store, or containerd would take what it has from an earlier case.
    const names = (await containerd.ok('images', 'ls', '-q')).split('\n').filter(Boolean);
    if (names.length > 0) await containerd.ok('images', 'rm', '--sync', ...names);
  });

  test.each([
    ['hosts.toml, with ns', false],
    ['as BuildKit asks: the registry in the path of the mirror, and ns', true],
  ])('%s', async (_title, isOverridden) => {
    const since = proxy.log().length;
    for (const image of all) {
      const mirror = `https://${HOST}${isOverridden ? `/v2/${image.registry}` : ''}`;
      const hosts = containerd.hosts(
        image.registry,
        `server = "https://${image.server}"

[host."${mirror}"]
  capabilities = ["pull", "resolve"]
  override_path = ${isOverridden}
`,
      );
      await containerd.ok('images', 'pull', '--snapshotter', 'native', ...hosts, image.name);
      await expectInContainerd(containerd, image.name, firstOf(image), image.content.index.digest);
    }
    const path = (registry: string) => (isOverridden ? `/v2/${registry}` : '/v2');
    expect(askedFor(since)).toEqual(
      new Set([
        `${path('docker.io')}/library/nginx?ns=docker.io`,
        `${path('ghcr.io')}/owner/app?ns=ghcr.io`,
        `${path(BASIC)}/team/tool?ns=${BASIC}`,
      ]),
    );
    expectOwnRights();
  });
});

/** With `rewrite: { "^(.*)$": "<registry>/$1" }` in k3s' registries.yaml its containerd asks like this. */
test('as k3s asks: a rewritten repository, and ns', async () => {
  const file = join(world.folder, 'tmp/k3s');
  const curl = ['curl', '-sf', '-A', 'containerd/2.1.5-k3s1', '-D', '-', '-o', file];
  for (const { registry, name, content } of all) {
    const [repository, tag] = name.split(':');
    const get = async (path: string, type: string, ...more: string[]) => {
      const url = `https://${HOST}/v2/${repository}/${path}?ns=${registry}`;
      return world.ok([...curl, '-H', `Accept: ${type}, */*`, ...more, url], behind);
    };
    const head = await get(`manifests/${tag}`, content.index.type, '-I');
    expect(head).toMatch(new RegExp(`^docker-content-digest: ${content.index.digest}\r$`, 'im'));
    expect(head).toMatch(new RegExp(`^oci-namespace: ${registry}\r$`, 'im'));
    for (const [path, { type, digest }] of partsOf(content)) {
      rmSync(file, { force: true });
      await get(path, type);
      expect(fileDigest(file)).toBe(digest);
    }
  }
  expectOwnRights();
});

test('podman and buildah by registries.conf', async () => {
  const path = join(world.folder, 'registries-kinds.conf');
  const sections = all.map(
    ({ registry }) =>
      `[[registry]]\nprefix = "${registry}"\nlocation = "${registry}"\n[[registry.mirror]]\nlocation = "${HOST}/${registry}"\n`,
  );
  writeFileSync(path, sections.join('\n'));
  const options = { ...behind, env: { CONTAINERS_REGISTRIES_CONF: path } };
  const { podman } = podmanAt(world, 'podman-kinds');
  const { buildah } = podmanAt(world, 'buildah-kinds');
  for (const image of all) {
    await world.ok([...podman, 'pull', image.name], options);
    await expectInPodman(world, podman, image.name, firstOf(image), image.content.index.digest);
    await world.ok([...buildah, 'from', image.name], options);
  }
  expectOwnRights();
});

test('skopeo by path, every platform, while the CDNs cut', async () => {
  world.modes({ cdn: 'cut', singleUse: true });
  for (const image of all) {
    const folder = emptyFolder(`kinds-${image.registry}`);
    await world.ok(skopeo('copy', '--all', `docker://${HOST}/${image.path}`, `dir:${folder}`), behind);
    expectInFolder(folder, image.content);
  }
  world.modes({});
  expectOwnRights();
});

test('docker: registry-mirrors for docker.io, by path for the others', async () => {
  const docker = await startDocker(world, 'docker-kinds', [`https://docker.${HOST}`], behind);
  await docker.ok('pull', 'nginx');
  await expectInDocker(docker, 'nginx', firstOf(hub), hub.content.index.digest);
  for (const image of [ghcr, basic]) {
    await docker.ok('pull', `${HOST}/${image.path}`);
    await expectInDocker(docker, `${HOST}/${image.path}`, firstOf(image), image.content.index.digest);
  }
  expectOwnRights();
  await docker.daemon.stop();
});

(hasClient('crane') ? test : test.skip)('crane: every layer of every platform', async () => {
  const options = { ...behind, env: { DOCKER_CONFIG: emptyFolder('crane-kinds') } };
  for (const image of all) await world.ok(['crane', 'validate', '--remote', `${HOST}/${image.path}`], options);
  expectOwnRights();
});

test('a login that a client brings is shown to none of them', async () => {
  for (const image of all) {
    const folder = emptyFolder(`kinds-login-${image.registry}`);
    const from = `docker://${HOST}/${image.path}`;
    await world.ok(skopeo('copy', '--src-creds', alice.pair, from, `dir:${folder}`), behind);
  }
  expectOwnRights();
  // She may have it, the proxy may not.
  const status = ['curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', '-u', alice.pair];
  const secret = `https://${HOST}/v2/docker.io/acme/private/manifests/1`;
  expect(await world.ok([...status, secret], behind)).toBe('401');
});

/** Path and content of every manifest and blob of an index. */
function partsOf({ index, images }: RealIndex): (readonly [string, Content])[] {
  const manifests = [index, ...images.map(({ manifest }) => manifest)];
  const blobs = images.flatMap(({ config, layers }) => [config, ...layers]);
  return [
    ...manifests.map((each) => [`manifests/${each.digest}`, each] as const),
    ...blobs.map((each) => [`blobs/${each.digest}`, each] as const),
  ];
}
