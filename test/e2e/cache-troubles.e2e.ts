import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { ProxyName } from './addresses';
import { createScene, endScene, expectNoHarm, type Scene } from './scene';
import { type RunningProxy, until, type World } from './world';

/** What may happen to a cache on disk while images are pulled: no pull fails, and no byte is ever wrong. */
const KILLS = 50;
const HOST = 'cached.example.com';
const OTHER = 'kept.example.com';

let scene: Scene;
let world: World;
let layer: string;
let running: RunningProxy[] = [];

beforeAll(async () => {
  scene = await createScene();
  world = scene.world;
  layer = scene.images.big.layers.at(-1)?.digest as string;
}, 120_000);

afterEach(async () => {
  for (const { daemon } of running) await daemon.stop('SIGKILL');
  running = [];
  expectNoHarm(scene);
});

afterAll(() => endScene(scene, [scene?.follow].filter(Boolean)));

const settings = (folder: string) => ({
  REGISTRIES: 'ghcr.io',
  HANDLE_REDIRECT: 'true',
  CACHE: `disk:${folder}`,
});

async function startProxy(folder: string, name: ProxyName = HOST): Promise<RunningProxy> {
  const proxy = await world.startProxy(name, settings(folder));
  running.push(proxy);
  return proxy;
}

const blobUrl = (proxy: RunningProxy, digest = layer) => `http://${proxy.plain}/v2/acme/big/blobs/${digest}`;

/** Digest of what came, or that not all of it came. */
async function pulled(proxy: RunningProxy, digest = layer): Promise<string> {
  const script = 'set -o pipefail; curl -sf --max-time 60 "$1" | sha256sum';
  const { code, stdout } = await world.run(['bash', '-c', script, 'pull', blobUrl(proxy, digest)]);
  return code === 0 ? `sha256:${stdout.slice(0, 64)}` : 'cut';
}

function expectRightFiles(folder: string): void {
  const blobs = join(folder, 'blobs/sha256');
  const names = existsSync(blobs) ? readdirSync(blobs) : [];
  const found = names.map((name) =>
    createHash('sha256')
      .update(readFileSync(join(blobs, name)))
      .digest('hex'),
  );
  expect(found).toEqual(names);
}

/** Files that have been left by a process that is no more. */
function unfinished(folder: string): string[] {
  const incoming = join(folder, 'incoming');
  if (!existsSync(incoming)) return [];
  return readdirSync(incoming).flatMap((owner) => readdirSync(join(incoming, owner)).map((name) => `${owner}/${name}`));
}

test(`killed in the middle of a fill ${KILLS} times: what is there is right, and nothing is left over`, async () => {
  const folder = join(world.folder, 'killed');
  const outcomes: Record<string, number> = {};
  for (let round = 0; round < KILLS; round += 1) {
    const proxy = await startProxy(folder);
    await until('what was left over is gone', proxy.daemon, () => unfinished(folder).length === 0);
    const pull = pulled(proxy);
    await setTimeout(Math.random() * 250);
    await proxy.daemon.stop('SIGKILL');
    const outcome = await pull;
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    expectRightFiles(folder);
    if (outcome === layer) await world.ok(['rm', '-rf', join(folder, 'blobs'), join(folder, 'documents')]);
  }
  expect(Object.keys(outcomes).filter((outcome) => ![layer, 'cut'].includes(outcome))).toEqual([]);
  expect(outcomes.cut).toBeGreaterThan(KILLS / 4);
  const proxy = await startProxy(folder);
  expect(await pulled(proxy)).toBe(layer);
  await until('nothing is left over', proxy.daemon, () => unfinished(folder).length === 0);
  await proxy.stop();
});

/** A disk of its own, of so many MB. */
async function mounted(name: string, megabytes: number): Promise<string> {
  const folder = join(world.folder, name);
  mkdirSync(folder);
  await world.ok(['mount', '-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder]);
  return folder;
}

const all = () => scene.images.nginx.images.flatMap(({ layers }) => layers).map(({ digest }) => digest);

async function expectAll(proxy: RunningProxy): Promise<void> {
  for (let round = 0; round < 2; round += 1) {
    expect(await pulled(proxy)).toBe(layer);
    for (const digest of all()) {
      const url = `http://${proxy.plain}/v2/library/nginx/blobs/${digest}`;
      expect(`sha256:${(await world.ok(['bash', '-c', 'curl -sf "$1" | sha256sum', 'pull', url])).slice(0, 64)}`).toBe(
        digest,
      );
    }
  }
}

test('a disk that is full', async () => {
  const proxy = await startProxy(await mounted('full', 10));
  await expectAll(proxy);
  expect(await proxy.stop()).toBe(0);
});

test('a folder that becomes read-only', async () => {
  const folder = await mounted('readonly', 200);
  const proxy = await startProxy(folder);
  const url = `http://${proxy.plain}/v2/library/nginx/blobs/${all()[0]}`;
  await world.ok(['curl', '-sf', '-o', '/dev/null', url]);
  const remount = async () => (await world.run(['mount', '-o', 'remount,ro', folder])).code === 0;
  await until('nothing is being written', proxy.daemon, remount);
  await expectAll(proxy);
  expect(await proxy.stop()).toBe(0);
});

test('a folder that is removed', async () => {
  const folder = join(world.folder, 'removed');
  const proxy = await startProxy(folder);
  await expectAll(proxy);
  await world.ok(['rm', '-rf', folder]);
  await expectAll(proxy);
  expect(await proxy.stop()).toBe(0);
  expectRightFiles(folder);
});

test('a blob that was changed on disk while nobody looked is never given out whole', async () => {
  const folder = join(world.folder, 'changed');
  const before = await startProxy(folder);
  expect(await pulled(before)).toBe(layer);
  const file = join(folder, 'blobs/sha256', layer.slice(7));
  await until('it is stored', before.daemon, () => existsSync(file));
  expect(await before.stop()).toBe(0);
  await world.ok(['bash', '-c', 'printf X | dd of="$1" bs=1 seek=1000000 conv=notrunc status=none', 'change', file]);
  const proxy = await startProxy(folder);
  expect(['cut', layer]).toContain(await pulled(proxy));
  expect(await pulled(proxy)).toBe(layer);
  await until('it is stored again', proxy.daemon, () => existsSync(file));
  expectRightFiles(folder);
  expect(await proxy.stop()).toBe(0);
});

test('two processes with one folder', async () => {
  const folder = join(world.folder, 'shared');
  const both = [await startProxy(folder), await startProxy(folder, OTHER)];
  const pulls = Array.from({ length: 12 }, (_, index) => pulled(both[index % 2] as RunningProxy));
  expect(new Set(await Promise.all(pulls))).toEqual(new Set([layer]));
  expectRightFiles(folder);
  await both[0]?.daemon.stop('SIGKILL');
  await expectAll(both[1] as RunningProxy);
  expectRightFiles(folder);
  expect(await both[1]?.stop()).toBe(0);
});
