import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expectInFolder } from './clients';
import { createScene, endScene, expectNoHarm, type Scene } from './scene';
import { type Daemon, until } from './world';

/** A registry as pull-through cache near the clients, with the proxy as its remote (docs/clients.md). */

const CACHE = '10.99.1.1:5999';

let scene: Scene;
let cache: Daemon;

beforeAll(async () => {
  scene = await createScene();
  const { world } = scene;
  const path = join(world.folder, 'cache.yml');
  const configuration = {
    version: 0.1,
    storage: { filesystem: { rootdirectory: join(world.folder, 'cache') } },
    http: { addr: CACHE, secret: 'of the tests' },
    proxy: { remoteurl: 'https://follow.example.com' },
  };
  writeFileSync(path, JSON.stringify(configuration));
  cache = world.daemon('cache', ['docker-registry', 'serve', path]);
  const answers = async () => (await world.run(['curl', '-s', `http://${CACHE}/v2/`])).code === 0;
  await until('the cache answers', cache, answers);
}, 120_000);

afterEach(() => expectNoHarm(scene));

afterAll(async () => {
  await cache?.stop();
  await endScene(scene, [scene.follow]);
});

test('what was pulled through it once costs the registry one HEAD of the tag', async () => {
  const { world, images } = scene;
  const pullTo = async (name: string) => {
    const folder = join(world.folder, name);
    const source = `docker://${CACHE}/library/nginx`;
    await world.ok(['skopeo', '--insecure-policy', 'copy', '--all', '--src-tls-verify=false', source, `dir:${folder}`]);
    expectInFolder(folder, images.nginx);
  };
  await pullTo('first');
  world.forget();
  await pullTo('second');
  const asked = world.seen('registry-1.docker.io').map(({ method, url }) => `${method} ${url}`);
  expect(asked).toEqual(['HEAD /v2/library/nginx/manifests/latest']);
  expect(world.seen('production.cloudflare.docker.com')).toEqual([]);
});
