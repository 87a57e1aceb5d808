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
}, 120_000);

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
