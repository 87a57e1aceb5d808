import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ProxyName } from './addresses';
import {
  type Containerd,
  type Docker,
  expectInContainerd,
  expectInDocker,
  expectInFolder,
  expectInLayout,
  expectInPodman,
  fileDigest,
  podmanAt,
  startContainerd,
  startDocker,
} from './clients';
import type { RealImage } from './images';
import { alice, createScene, endScene, expectNoHarm, type Scene } from './scene';
import { hasClient, type LogLine, type RunningProxy, type World } from './world';

const behind = { border: true };

interface Trial {
  title: string;
  host: ProxyName;
  cdn: 'cut' | 'stall';
}

/** Every blob fails once in its middle, and the URL it came from is good for one request only. */
const trials: Trial[] = [
  { title: 'a CDN that cuts every blob once', host: 'length.example.com', cdn: 'cut' },
  { title: 'a CDN that stalls in every blob once', host: 'length.example.com', cdn: 'stall' },
  // As on a platform that streams only what states no length.
  { title: 'a CDN that cuts every blob once, large blobs sent chunked', host: 'chunked.example.com', cdn: 'cut' },
];

let scene: Scene;
let world: World;
let nginx: RealImage;
let nginxDigest: string;
let docker: Docker;
let containerd: Containerd;
const proxies = new Map<ProxyName, RunningProxy>();

beforeAll(async () => {
  scene = await createScene();
  world = scene.world;
  nginx = scene.images.nginx.images[0] as RealImage;
  nginxDigest = scene.images.nginx.index.digest;
  // Over one connection, so that each cut is met and counted: those over several have suites of their own.
  const settings = { HANDLE_REDIRECT: 'true', STALL_TIMEOUT: '1s', DOWNLOAD_CONNECTIONS: '1' };
  proxies.set('length.example.com', await world.startProxy('length.example.com', settings));
  proxies.set(
    'chunked.example.com',
    await world.startProxy('chunked.example.com', { ...settings, BODY_FRAMING: 'chunked' }),
  );
  [docker, containerd] = await Promise.all([
    startDocker(world, 'docker', [], behind),
    startContainerd(world, 'containerd', behind),
  ]);
}, 120_000);

afterEach(() => expectNoHarm(scene));

afterAll(() => endScene(scene, [scene.follow, ...proxies.values()]));

function folder(name: string): string {
  const path = join(world.folder, 'tmp', name);
  mkdirSync(path, { recursive: true });
  return path;
}

/** The log once nothing is added to it any more: a line is written when the client may have left already. */
async function quietLog(proxy: RunningProxy): Promise<LogLine[]> {
  for (let length = -1; length !== proxy.log().length; ) {
    length = proxy.log().length;
    await new Promise((wake) => setTimeout(wake, 100));
  }
  return proxy.log();
}

interface Case {
  name: string;
  client?: 'crane' | 'oras' | 'helm';
  /** Blobs that have to be fetched at least. */
  blobs: number;
  pull(host: string, run: string): Promise<void>;
}

/** Each pulls what it does not have yet, and compares every byte. */
const cases: Case[] = [
  {
    name: 'docker: nginx',
    blobs: 4,
    async pull(host) {
      const name = `${host}/nginx:latest`;
      await docker.ok('pull', name);
      await expectInDocker(docker, name, nginx, nginxDigest);
      await docker.ok('rmi', '-f', name);
    },
  },
  {
    name: 'docker: a 60 MB layer',
    blobs: 4,
    async pull(host) {
      const name = `${host}/acme/big:1`;
      await docker.ok('pull', name);
      await expectInDocker(docker, name, scene.images.big);
      await docker.ok('rmi', '-f', name);
    },
  },
  {
    name: 'containerd: a 60 MB layer',
    blobs: 4,
    async pull(host) {
      const name = `${host}/acme/big:1`;
      await containerd.ok('images', 'pull', '--snapshotter', 'native', name);
      await expectInContainerd(containerd, name, scene.images.big);
      await containerd.ok('images', 'rm', '--sync', name);
    },
  },
  {
    name: 'podman: nginx',
    blobs: 4,
    async pull(host, run) {
      const { podman } = podmanAt(world, `podman-${run}`);
      await world.ok([...podman, 'pull', `${host}/library/nginx`], behind);
      await expectInPodman(world, podman, `${host}/library/nginx`, nginx, nginxDigest);
    },
  },
  {
    name: 'skopeo: every platform',
    blobs: 8,
    async pull(host, run) {
      const target = folder(`skopeo-${run}`);
      await world.ok(['skopeo', 'copy', '--all', `docker://${host}/library/nginx`, `dir:${target}`], behind);
      expectInFolder(target, scene.images.nginx);
    },
  },
  {
    name: 'crane: every platform',
    client: 'crane',
    blobs: 8,
    async pull(host, run) {
      const target = join(world.folder, 'tmp', `crane-${run}`);
      await world.ok(['crane', 'pull', '--format', 'oci', `${host}/library/nginx`, target], behind);
      expectInLayout(target, scene.images.nginx);
    },
  },
  {
    name: 'oras: a 60 MB layer',
    client: 'oras',
    blobs: 4,
    async pull(host, run) {
      const target = join(world.folder, 'tmp', `oras-${run}`);
      await world.ok(['oras', 'copy', '--to-oci-layout', `${host}/acme/big:1`, `${target}:1`], behind);
      expectInLayout(target, scene.images.big);
    },
  },
  {
    name: 'helm: a chart',
    client: 'helm',
    blobs: 2,
    async pull(host, run) {
      const target = folder(`helm-${run}`);
      await world.ok(['helm', 'pull', `oci://${host}/acme/chart`, '--version', '0.1.0', '-d', target], behind);
      expect(fileDigest(join(target, 'chart-0.1.0.tgz'))).toBe(fileDigest(join(world.folder, 'tmp/chart-0.1.0.tgz')));
    },
  },
];

(hasClient('helm') ? test : test.skip)('helm has a chart to pull', async () => {
  await world.ok(['helm', 'create', 'chart']);
  await world.ok(['helm', 'package', 'chart']);
  const login = ['-u', alice.user, '-p', alice.password];
  await world.ok(['helm', 'registry', 'login', ...login, 'length.example.com'], behind);
  await world.ok(['helm', 'push', 'chart-0.1.0.tgz', 'oci://length.example.com/acme'], behind);
});

describe.each(trials.map((trial, run) => ({ ...trial, run })))('$title', ({ host, cdn, run }) => {
  for (const { name, client, blobs, pull } of cases) {
    (client && !hasClient(client) ? test.skip : test)(name, async () => {
      const proxy = proxies.get(host) as RunningProxy;
      world.modes({ cdn, singleUse: true });
      world.forget();
      const before = proxy.log().length;
      await pull(host, String(run));
      const lines = (await quietLog(proxy)).slice(before);
      const fetched = lines.filter(
        ({ msg, route, method }) => msg === 'request' && route === 'blob' && method === 'GET',
      );
      expect(fetched.length).toBeGreaterThanOrEqual(blobs);
      // One request of the client a blob: it noticed nothing, so it did not ask again.
      expect(new Set(fetched.map(({ path }) => path)).size).toBe(fetched.length);
      expect(fetched.map(({ resumed }) => resumed)).toEqual(fetched.map(() => 1));
    });
  }
});

test('large blobs sent chunked state no length, small ones do', async () => {
  world.modes({});
  const [, small, large] = scene.images.big.layers;
  const token = JSON.parse(
    await world.ok(['curl', '-s', 'https://chunked.example.com/token?scope=repository:acme/big:pull'], behind),
  ).token;
  const headers = (digest = '') =>
    world.ok(
      [
        ...['curl', '-s', '-D', '-', '-o', '/dev/null', '-H', `Authorization: Bearer ${token}`],
        `https://chunked.example.com/v2/acme/big/blobs/${digest}`,
      ],
      behind,
    );
  expect(await headers(large?.digest)).not.toMatch(/content-length/i);
  expect(await headers(small?.digest)).toMatch(/content-length: \d+/i);
});

describe('a registry that redirects HEAD to a URL signed for GET', () => {
  test('a push that asks which layers are there already', async () => {
    world.modes({ headRedirect: true });
    const host = 'length.example.com';
    await docker.ok('pull', `${host}/nginx`);
    await docker.ok('login', '-u', alice.user, '-p', alice.password, host);
    await docker.ok('tag', `${host}/nginx`, `${host}/acme/head:1`);
    await docker.ok('push', `${host}/acme/head:1`);
    expect(await docker.ok('push', `${host}/acme/head:1`)).toMatch(/Layer already exists/);
    world.hub.verify('acme/head', '1');
  });
});
