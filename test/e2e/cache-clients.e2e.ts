import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ProxyName } from './addresses';
import { digestsOf, expectInFolder } from './clients';
import { type RealImage, realImage } from './images';
import { emptyFolder, helm, pullers } from './pullers';
import { alice, createScene, endScene, expectNoHarm, type Scene } from './scene';
import { apart, skopeo } from './users';
import { hasClient, type RunningProxy, type World } from './world';

/**
 * What every client pulled once, every client pulls again when registry, token server and CDN are gone: through a proxy
 * where clients bring tokens, and through one that gets them itself.
 */
const TAG_TTL = 2000;
const RELAY = 'kept.example.com';
const SEVERAL = 'cached.example.com';

let scene: Scene;
let world: World;
let nginx: RealImage;
let moved: RealImage;
const proxies: RunningProxy[] = [];

const folderOf = (name: ProxyName) => join(world.folder, `cache-of-${name}`);

beforeAll(async () => {
  scene = await createScene();
  world = scene.world;
  nginx = scene.images.nginx.images[0] as RealImage;
  moved = realImage('moved', [70_000]);
  const cache = (name: ProxyName) => ({ CACHE: `disk:${folderOf(name)}`, CACHE_TAG_TTL: `${TAG_TTL}ms` });
  proxies.push(
    await world.startProxy(RELAY, { HANDLE_REDIRECT: 'true', ...cache(RELAY) }),
    await world.startProxy(SEVERAL, { REGISTRIES: 'ghcr.io', HANDLE_REDIRECT: 'true', ...cache(SEVERAL) }),
  );
}, 120_000);

beforeEach(async () => {
  world.forget();
  await world.ok(['rm', '-rf', '/var/lib/containers/cache']);
});

afterEach(() => expectNoHarm(scene));

afterAll(() => endScene(scene, [scene?.follow, ...proxies].filter(Boolean)));

const clients = [...pullers, helm];

(hasClient('helm') ? test : test.skip)('helm has a chart to pull', async () => {
  await world.ok(['helm', 'create', 'chart']);
  await world.ok(['helm', 'package', 'chart']);
  const here = { ...apart(world, 'helm-push'), cwd: join(world.folder, 'tmp') };
  await world.ok(['helm', 'registry', 'login', '-u', alice.user, '-p', alice.password, RELAY], here);
  await world.ok(['helm', 'push', 'chart-0.1.0.tgz', `oci://${RELAY}/acme`], here);
});

/** Digest of a tag at the proxy that asks for no token. */
async function seenAt(reference: string, ...options: string[]): Promise<string | undefined> {
  const accept = ['-H', `Accept: ${nginx.manifest.type}`];
  const url = `https://${SEVERAL}/v2/${reference}`;
  const head = await world.ok(['curl', '-s', '-I', ...accept, ...options, url], { border: true });
  return /^docker-content-digest: (\S+)/im.exec(head)?.[1];
}

describe('a tag that moves', () => {
  const reference = 'acme/moving/manifests/1';

  test('is seen when it is no longer fresh, and at once by whoever asks for no cache', async () => {
    world.hub.putImage('acme/moving', '1', nginx);
    world.hub.putImage('acme/moving', 'other', moved);
    expect(await seenAt(reference)).toBe(nginx.manifest.digest);
    world.hub.tag('acme/moving', '1', moved.manifest.digest);
    expect(await seenAt(reference, '-H', 'Cache-Control: no-cache')).toBe(moved.manifest.digest);
    expect(await seenAt(reference)).toBe(moved.manifest.digest);
    world.hub.tag('acme/moving', '1', nginx.manifest.digest);
    expect(await seenAt(reference)).toBe(moved.manifest.digest);
    await new Promise((wake) => setTimeout(wake, TAG_TTL + 100));
    expect(await seenAt(reference)).toBe(nginx.manifest.digest);
  });

  test('that was not there is seen soon', async () => {
    expect(await seenAt('acme/late/manifests/1')).toBeUndefined();
    world.hub.putImage('acme/late', '1', moved);
    expect(await seenAt('acme/late/manifests/1', '-H', 'Cache-Control: no-cache')).toBe(moved.manifest.digest);
  });
});

describe('a push through a proxy with a cache', () => {
  const push = async (image: RealImage, folder: string) => {
    world.hub.putImage('acme/source', folder, image);
    const from = emptyFolder(world, folder);
    const here = apart(world, 'push');
    await world.ok(
      skopeo('copy', '--src-creds', alice.pair, `docker://${RELAY}/acme/source:${folder}`, `dir:${from}`),
      here,
    );
    await world.ok(skopeo('copy', '--dest-creds', alice.pair, `dir:${from}`, `docker://${RELAY}/acme/pushed:1`), here);
  };
  const pulled = async (name: string, login: string[] = []) => {
    const folder = emptyFolder(world, name);
    await world.ok(skopeo('copy', ...login, `docker://${RELAY}/acme/pushed:1`, `dir:${folder}`), apart(world, name));
    return folder;
  };

  test('arrives, and is what the next pull gets', async () => {
    await push(nginx, 'one');
    world.hub.verify('acme/pushed', '1');
    expect(world.hub.tagged('acme/pushed', '1')).toBe(nginx.manifest.digest);
    expectInFolder(await pulled('pushed-one', ['--src-creds', alice.pair]), nginx);
    await push(moved, 'two');
    expect(world.hub.tagged('acme/pushed', '1')).toBe(moved.manifest.digest);
    expectInFolder(await pulled('pushed-two', ['--src-creds', alice.pair]), moved);
  });

  test('is not answered from the cache: a HEAD for a layer of another repository says that it is not there', async () => {
    await clients[0]?.pull(scene, RELAY, 'before-mount');
    const layer = nginx.layers[1]?.digest as string;
    const script = `token=$(curl -s -u "$1" "https://${RELAY}/token?scope=repository:acme/empty:pull,push" | sed 's/.*"token":"\\([^"]*\\).*/\\1/')
      curl -s -o /dev/null -w '%{http_code}' -I -H "Authorization: Bearer $token" "https://${RELAY}/v2/acme/empty/blobs/$2"`;
    expect(await world.ok(['bash', '-c', script, 'head', alice.pair, layer], { border: true })).toBe('404');
  });
});

describe('a private image', () => {
  const private_ = (...login: string[]) =>
    world.run(
      skopeo(
        'copy',
        ...login,
        `docker://${RELAY}/acme/private:1`,
        `dir:${emptyFolder(world, `private-${login.length}`)}`,
      ),
      apart(world, `private-${login.length}`),
    );

  test('is given to whoever may have it, and to nobody else, also once it is kept', async () => {
    for (const [login, code] of [
      [['--src-creds', alice.pair], 0],
      [[], 1],
      [['--src-creds', alice.pair], 0],
    ] as const) {
      expect((await private_(...login)).code).toBe(code);
    }
  });
});

describe.each([RELAY, SEVERAL] as const)('through %s', (host) => {
  for (const { name, isThere, pull } of clients) {
    (isThere ? test : test.skip)(name, () => pull(scene, host, 'first'));
  }
});

describe('once registry, token server and CDN are gone', () => {
  beforeAll(async () => {
    await world.stopRegistries();
    await new Promise((wake) => setTimeout(wake, TAG_TTL + 100));
  });

  describe.each([RELAY, SEVERAL] as const)('through %s', (host) => {
    for (const { name, isThere, pull } of clients) {
      (isThere ? test : test.skip)(name, () => pull(scene, host, 'second'));
    }
  });

  test('a private image is given to nobody', async () => {
    const folder = emptyFolder(world, 'private-gone');
    const said = await world.fails(
      skopeo('copy', `docker://${RELAY}/acme/private:1`, `dir:${folder}`),
      apart(world, 'private-gone'),
    );
    expect(said).toMatch(/unauthorized|denied|502|bad gateway/i);
  });

  test('what was never pulled is a fault of the registry, not a missing image', async () => {
    const url = `https://${SEVERAL}/v2/acme/never/manifests/1`;
    const status = await world.ok(['curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', url], { border: true });
    expect(status).toMatch(/^50[24]$/);
  });
});

test.each([RELAY, SEVERAL] as const)('the folder of %s holds the blobs of an OCI image layout', (host) => {
  const folder = join(folderOf(host), 'blobs/sha256');
  const names = readdirSync(folder);
  const digests = names.map((name) =>
    createHash('sha256')
      .update(readFileSync(join(folder, name)))
      .digest('hex'),
  );
  expect(digests).toEqual(names);
  const expected = [...digestsOf(scene.images.nginx), ...digestsOf(scene.images.big)].map((digest) => digest.slice(7));
  expect(names).toEqual(expect.arrayContaining(expected));
});
