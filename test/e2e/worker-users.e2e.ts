import { type Docker, digestsOf, expectInDocker, startDocker } from './clients';
import { bundle, layerNode } from './prepare';
import { createScene, endScene, expectNoHarm, loginOf, type Scene } from './scene';
import { apart, expectOnlyRobot, robot, SECURE, skopeo } from './users';
import { startWorker } from './workers';
import type { RunningProxy, World } from './world';

/** Users of a Worker's own, by a secret that the proxy's program has made; upstream it asks by its account. */
const HOST = 'worker-users.example.com';

let scene: Scene;
let world: World;
let worker: RunningProxy;
let ann: ReturnType<typeof loginOf>;

beforeAll(async () => {
  scene = await createScene();
  world = scene.world;
  const printed = await world.ok([layerNode(), bundle, 'htpasswd', '--generate', 'ann']);
  const [password = '', line = ''] = printed.trim().split('\n');
  ann = loginOf('ann', password);
  worker = await startWorker(world, HOST, {
    env: { ...robot, HTPASSWD: line, ACCESS: '*: pull **; ann: push team/**' },
  });
}, 120_000);

beforeEach(() => world.forget());

afterEach(() => {
  expectNoHarm(scene);
  expectOnlyRobot(world);
});

afterAll(() => {
  const secrets = ann ? [ann.password, Buffer.from(ann.pair).toString('base64')] : [];
  return endScene(scene, [scene?.follow, worker].filter(Boolean), secrets);
});

test('docker: nothing without a login or with a wrong one, a private image with the right one', async () => {
  const docker: Docker = await startDocker(world, 'worker-users', [], { border: true }, SECURE);
  const name = `${HOST}/acme/private:1`;
  expect(await docker.fails('pull', name)).toMatch(/no basic auth credentials/);
  expect(await docker.fails('login', '-u', 'ann', '-p', 'wrong', HOST)).toMatch(/401 Unauthorized/);
  docker.setLogin(HOST, 'ann', 'wrong too');
  expect(await docker.fails('pull', name)).toMatch(/wrong user name or password|Please login prior to pull/);
  await docker.ok('login', '-u', ann.user, '-p', ann.password, HOST);
  await docker.ok('pull', name);
  await expectInDocker(docker, name, scene.images.private);
});

test('skopeo: a push where the rights say so, and nowhere else', async () => {
  const here = apart(world, 'worker-users');
  const copy = (to: string) =>
    skopeo(
      ...['copy', '--all', '--src-creds', ann.pair, '--dest-creds', ann.pair],
      ...[`docker://${HOST}/library/nginx`, `docker://${HOST}/${to}:1`],
    );
  expect(await world.fails(copy('acme/refused'), here)).toMatch(/ann may not push here/i);
  await world.ok(copy('team/worker'), here);
  expect(world.hub.verify('team/worker', '1').sort()).toEqual(digestsOf(scene.images.nginx).sort());
});
