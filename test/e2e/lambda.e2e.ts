import {
  expectInContainerd,
  expectInDocker,
  expectInFolder,
  expectInPodman,
  podmanAt,
  startContainerd,
  startDocker,
} from './clients';
import { type RealImage, realImage } from './images';
import { type RunningLambda, startLambda } from './lambdas';
import { emptyFolder } from './pullers';
import { alice, createScene, endScene, expectNoHarm, type Scene } from './scene';
import { apart, SECURE, skopeo } from './users';
import type { World } from './world';

/** The packaged function, behind what stands in for Lambda: its URL streams, an HTTP API takes whole documents. */
const URL_HOST = 'images.lambda-url.eu-central-1.on.aws';
const SMALL_HOST = 'small.lambda-url.eu-central-1.on.aws';
const API_HOST = 'images.execute-api.eu-central-1.amazonaws.com';

const MIB = 1 << 20;

/** As in deploy/aws/template.yaml. */
const several = { REGISTRIES: 'docker.io,ghcr.io', HANDLE_REDIRECT: 'true' };

let scene: Scene;
let world: World;
let url: RunningLambda;
let small: RunningLambda;
let api: RunningLambda;
/** 200 MB: layers within what comes at full speed, and beyond it. */
let large: RealImage;

beforeAll(async () => {
  scene = await createScene();
  world = scene.world;
  large = realImage('lambda', [2 * MIB, 20 * MIB, 60 * MIB, 118 * MIB], 'oci');
  world.hub.putImage('acme/large', '1', large);
  url = await startLambda(world, URL_HOST, several);
  small = await startLambda(world, SMALL_HOST, several, { limits: { response: 32 * MIB } });
  // Clients bring their logins, and are sent to where the blobs are.
  api = await startLambda(world, API_HOST, { HANDLE_REDIRECT: 'false' }, { front: 'http-api' });
}, 120_000);

beforeEach(() => world.forget());

afterEach(() => expectNoHarm(scene));

afterAll(() => endScene(scene, [scene?.follow, url, small, api].filter(Boolean)));

const name = `${URL_HOST}/acme/large:1`;

test('skopeo behind the border: 200 MB through the URL, byte for byte', async () => {
  const folder = emptyFolder(world, 'lambda-skopeo');
  await world.ok(skopeo('copy', `docker://${name}`, `dir:${folder}`), apart(world, 'skopeo'));
  expectInFolder(folder, large);
  const blobs = url.invocations().filter(({ path }) => /\/blobs\//.test(path ?? ''));
  expect(new Set(blobs.map(({ status, end }) => `${status} ${end}`))).toEqual(new Set(['200 whole']));
  expect(Math.max(...blobs.map(({ bytes }) => bytes ?? 0))).toBeGreaterThan(118 * MIB);
});

test('containerd behind the border: the same', async () => {
  const containerd = await startContainerd(world, 'ctr-lambda', { border: true });
  await containerd.ok('images', 'pull', '--snapshotter', 'native', name);
  await expectInContainerd(containerd, name, large);
  await containerd.daemon.stop();
});

test('podman behind the border: the same', async () => {
  const { podman } = podmanAt(world, 'podman-lambda');
  await world.ok([...podman, 'pull', name], apart(world, 'podman'));
  await expectInPodman(world, podman, name, large);
});

test('docker behind the border: an image by its mirror', async () => {
  const docker = await startDocker(world, 'lambda', [`https://${URL_HOST}`], { border: true }, SECURE);
  await docker.ok('pull', 'nginx:1.27');
  await expectInDocker(
    docker,
    'nginx:1.27',
    scene.images.nginx.images[0] as RealImage,
    scene.images.nginx.index.digest,
  );
});

test('what is over the limit of an answer is a failed pull, never a short layer', async () => {
  const folder = emptyFolder(world, 'lambda-small');
  const said = await world.fails(
    skopeo('copy', `docker://${SMALL_HOST}/acme/large:1`, `dir:${folder}`),
    apart(world, 'skopeo'),
  );
  expect(said).toMatch(/EOF|reset|broken|unexpected/i);
  expect(small.invocations().map(({ end }) => end)).toContain('Response payload size exceeded');
});

test('skopeo by an HTTP API: signs in, is sent elsewhere for large blobs, and pushes', async () => {
  const folder = emptyFolder(world, 'lambda-api');
  const creds = ['--src-creds', alice.pair];
  // Not behind the border: what Lambda cannot carry comes from the CDN itself.
  const here = { ...apart(world, 'skopeo'), border: false };
  await world.ok(skopeo('copy', ...creds, `docker://${API_HOST}/acme/private:1`, `dir:${folder}`), here);
  expectInFolder(folder, scene.images.private);
  await world.ok(
    skopeo('copy', `docker://${API_HOST}/acme/large:1`, `dir:${emptyFolder(world, 'lambda-api-large')}`),
    here,
  );
  const redirects = api.invocations().filter(({ status }) => status === 307);
  expect(redirects.length).toBeGreaterThan(large.layers.length);
  await world.ok(
    skopeo('copy', '--dest-creds', alice.pair, `dir:${folder}`, `docker://${API_HOST}/acme/pushed:1`),
    here,
  );
  expect(world.hub.verify('acme/pushed', '1')).toContain(scene.images.private.manifest.digest);
});
