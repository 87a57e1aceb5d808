import type { ProxyName } from './addresses';
import { expectInContainerd, expectInFolder, startContainerd } from './clients';
import { type RunningEdge, startEdgeIn } from './edges';
import { type RealImage, realImage } from './images';
import { emptyFolder } from './pullers';
import { createScene, endScene, expectNoHarm, type Scene } from './scene';
import { type Store, startStore } from './store';
import { apart, skopeo } from './users';
import type { World } from './world';

/**
 * An image of 200 MB, with a layer of 110 MB, through what stands in for each platform and enforces its limits: Function
 * Compute and Cloud Run stream what is chunked; SCF carries 6 MB, so its clients get the rest elsewhere.
 */
const MIB = 1 << 20;

let scene: Scene;
let world: World;
let large: RealImage;
let store: Store;
const edges: RunningEdge[] = [];

beforeAll(async () => {
  scene = await createScene();
  world = scene.world;
  large = realImage('large', [30 * MIB, 60 * MIB, 110 * MIB], 'oci');
  world.hub.putImage('acme/large', '1', large);
  store = await startStore(world);
}, 240_000);

beforeEach(() => world.forget());

afterEach(() => expectNoHarm(scene));

afterAll(() => endScene(scene, [scene?.follow, ...edges].filter(Boolean), store ? [store.secret] : []));

async function edge(...words: [ProxyName, Parameters<typeof startEdgeIn>[2], Record<string, string>?]) {
  const running = await startEdgeIn(world, ...words);
  edges.push(running);
  return running;
}

/** skopeo, then containerd: every byte of both is compared. */
async function pullTwice(host: ProxyName, where: { border: boolean }): Promise<void> {
  const folder = emptyFolder(world, `skopeo-${host}`);
  const here = { ...apart(world, 'skopeo'), ...where };
  await world.ok(skopeo('copy', `docker://${host}/acme/large:1`, `dir:${folder}`), here);
  expectInFolder(folder, large);
  const containerd = await startContainerd(world, `ctr-${host}`, where);
  await containerd.ok('images', 'pull', '--snapshotter', 'native', `${host}/acme/large:1`);
  await expectInContainerd(containerd, `${host}/acme/large:1`, large);
  await containerd.daemon.stop();
}

const isBlob = ({ method, path }: { method: string; path: string }) => method === 'GET' && path.includes('/blobs/');
const behind = { border: true };

describe('a 200 MB image, behind a blocked border', () => {
  test.each([
    ['Function Compute', 'fc.example.com', 'aliyun-fc'],
    ['Cloud Run', 'run.example.com', 'cloud-run'],
  ] as const)('%s streams it', async (_, host, platform) => {
    const running = await edge(host, platform);
    await pullTwice(host, behind);
    const blobs = running.answers().filter(isBlob);
    expect(blobs.filter(({ status }) => status !== 200)).toEqual([]);
    expect(blobs.filter(({ streamed }) => streamed)).toHaveLength(6);
    expect(running.instances()).toHaveLength(1);
  });
});

/** One blob of an image that everybody may pull. */
async function askFor(host: ProxyName, digest: string): Promise<void> {
  const scope = new URLSearchParams({ service: host, scope: 'repository:acme/big:pull' });
  const { token } = JSON.parse(await world.ok(['curl', '-sf', `https://${host}/token?${scope}`]));
  const login = `Authorization: Bearer ${token}`;
  await world.ok(['curl', '-sf', '-o', '/dev/null', '-H', login, `https://${host}/v2/acme/big/blobs/${digest}`]);
}

describe('a 200 MB image through SCF, whose answers have 6 MB', () => {
  /** Nothing that came out of an instance was too large for SCF, and nothing was lost. */
  function expectSmall(running: RunningEdge, redirects = 6): void {
    const answers = running.answers();
    expect(answers.filter(({ status }) => status >= 500 || status === 407)).toEqual([]);
    expect(
      answers.filter(({ status, path }) => isBlob({ method: 'GET', path }) && status === 307).length,
    ).toBeGreaterThanOrEqual(redirects);
  }

  test('by the registry’s own signed URLs, where clients reach its CDN', async () => {
    const running = await edge('scf.example.com', 'tencent-scf');
    await pullTwice('scf.example.com', { border: false });
    expectSmall(running);
    const fetched = world
      .seen('production.cloudflare.docker.com')
      .filter(({ headers }) => /skopeo|containerd/.test(String(headers['user-agent'])));
    expect(fetched.length).toBeGreaterThanOrEqual(6);
    expect(running.instances().length).toBeGreaterThan(1);
  });

  test('by a bucket that it copies them into, where they do not', async () => {
    const running = await edge('scf-offload.example.com', 'tencent-scf', store.env('offload'));
    await pullTwice('scf-offload.example.com', behind);
    expectSmall(running);
    const kept = await store.keys();
    for (const { digest } of large.layers) expect(kept).toContainEqual(expect.stringContaining(digest.slice(7)));
  });

  test('by a bucket, where a copy takes longer than a client is let wait and its instance stands still in between', async () => {
    const host = 'scf-slow.example.com';
    const slow = { ...store.env('slow'), OFFLOAD_WAIT: '3s', STALL_TIMEOUT: '4s' };
    const running = await edge(host, 'tencent-scf', slow);
    const { config, layers } = scene.images.big;
    for (const { bytes, digest } of [config, ...layers]) if (bytes.length < MIB) await askFor(host, digest);
    // Every larger blob comes to a standstill once, for longer than a client waits.
    world.modes({ cdn: 'stall' });
    const folder = emptyFolder(world, 'skopeo-slow');
    await world.ok(skopeo('copy', `docker://${host}/acme/big:1`, `dir:${folder}`), apart(world, 'skopeo'));
    world.modes({});
    expectInFolder(folder, scene.images.big);
    expectSmall(running, 1);
    expect(running.answers().filter(({ path }) => path.includes('_offload=')).length).toBeGreaterThan(0);
    expect(world.seen().filter(({ url }) => url.includes('_offload'))).toEqual([]);
  });
});
