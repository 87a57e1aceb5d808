import { join } from 'node:path';
import { expectInLayout } from './clients';
import { pullers } from './pullers';
import { alice, createScene, endScene, expectNoHarm, hub, type Scene } from './scene';
import { apart, skopeo } from './users';
import { paid, startWorker } from './workers';
import { hasClient, type RunningProxy, type World } from './world';

/** What every client pulled once through a Worker with a bucket, it pulls again when registry, token server and CDN are gone. */
const BUCKET = 'bucket.example.com';
const TAG_TTL = 2000;

let scene: Scene;
let world: World;
let worker: RunningProxy;

beforeAll(async () => {
  scene = await createScene();
  world = scene.world;
  worker = await startWorker(world, BUCKET, {
    env: { ...hub, ...paid, CACHE_TAG_TTL: `${TAG_TTL}ms` },
    bucket: join(world.folder, 'bucket'),
  });
}, 120_000);

beforeEach(async () => {
  world.forget();
  await world.ok(['rm', '-rf', '/var/lib/containers/cache']);
});

afterEach(() => expectNoHarm(scene));

afterAll(() => endScene(scene, [scene?.follow, worker].filter(Boolean)));

test('a private image is given to whoever may have it, and to nobody else, also once it is kept', async () => {
  for (const [login, code] of [
    [['--src-creds', alice.pair], 0],
    [[], 1],
    [['--src-creds', alice.pair], 0],
  ] as const) {
    const here = apart(world, `bucket-private-${login.length}`);
    const copy = skopeo('copy', ...login, `docker://${BUCKET}/acme/private:1`, `dir:${here.cwd}/private`);
    expect((await world.run(copy, here)).code).toBe(code);
  }
});

for (const { name, isThere, pull } of pullers) {
  (isThere ? test : test.skip)(name, () => pull(scene, BUCKET, 'first'));
}

(hasClient('crane') ? test : test.skip)('a second pull asks the CDN for nothing', async () => {
  const here = apart(world, 'bucket-again');
  const folder = join(here.cwd, 'multi');
  await world.ok(['crane', 'pull', '--format', 'oci', `${BUCKET}/acme/multi:1`, folder], here);
  expectInLayout(folder, scene.images.multi);
  expect(world.seen('production.cloudflare.docker.com')).toEqual([]);
});

describe('once registry, token server and CDN are gone', () => {
  beforeAll(async () => {
    await world.stopRegistries();
    await new Promise((wake) => setTimeout(wake, TAG_TTL + 100));
  });

  for (const { name, isThere, pull } of pullers) {
    (isThere ? test : test.skip)(name, () => pull(scene, BUCKET, 'second'));
  }

  test('a private image is given to nobody', async () => {
    const here = apart(world, 'bucket-private-gone');
    const copy = skopeo('copy', `docker://${BUCKET}/acme/private:1`, `dir:${here.cwd}/private`);
    expect(await world.fails(copy, here)).toMatch(/unauthorized|denied|502|bad gateway/i);
  });
});
