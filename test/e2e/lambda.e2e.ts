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
import { hasClient, type World } from './world';

/** The packaged function, behind what stands in for Lambda: its URL streams, an HTTP API takes whole documents. */
const URL_HOST = 'images.lambda-url.eu-central-1.on.aws';
/** These carry less, once known to the proxy and once not. */
const SMALL_HOST = 'small.lambda-url.eu-central-1.on.aws';
const CUT_HOST = 'cut.lambda-url.eu-central-1.on.aws';
const API_HOST = 'images.execute-api.eu-central-1.amazonaws.com';

const MIB = 1 << 20;

/** As in deploy/aws/template.yaml. */
const several = { REGISTRIES: 'docker.io,ghcr.io', HANDLE_REDIRECT: 'true' };

let scene: Scene;
let world: World;
let url: RunningLambda;
let small: RunningLambda;
let cut: RunningLambda;
let api: RunningLambda;
/** 200 MB: layers within what comes at full speed, and beyond it. */
let large: RealImage;

beforeAll(async () => {
  scene = await createScene();
  world = scene.world;
  large = realImage('lambda', [2 * MIB, 20 * MIB, 60 * MIB, 118 * MIB], 'oci');
  world.hub.putImage('acme/large', '1', large);
  const limits = { response: 32 * MIB };
  [url, small, cut, api] = await Promise.all([
    startLambda(world, URL_HOST, { ...several, DELIVERY: 'stream' }),
    startLambda(world, SMALL_HOST, { ...several, MAX_RESPONSE: '32m' }, { limits }),
    startLambda(world, CUT_HOST, { ...several, DELIVERY: 'stream' }, { limits }),
    // Clients bring their logins.
    startLambda(world, API_HOST, { HANDLE_REDIRECT: 'true', MAX_RESPONSE: '4400k' }, { front: 'http-api' }),
  ]);
}, 120_000);

beforeEach(() => world.forget());

afterEach(() => expectNoHarm(scene));

afterAll(() => endScene(scene, [scene?.follow, url, small, cut, api].filter(Boolean)));

const name = `${URL_HOST}/acme/large:1`;

/** What the platform saw of the blobs: `200 whole`, with the bytes of each. */
const blobsOf = (lambda: RunningLambda) =>
  lambda
    .invocations()
    .filter(({ path }) => /\/blobs\//.test(path ?? ''))
    .map(({ status, end, bytes }) => ({ outcome: `${status} ${end}`, bytes: bytes ?? 0 }));

test('skopeo behind the border: 200 MB through the URL, byte for byte', async () => {
  const folder = emptyFolder(world, 'lambda-skopeo');
  await world.ok(skopeo('copy', `docker://${name}`, `dir:${folder}`), apart(world, 'skopeo'));
  expectInFolder(folder, large);
  const blobs = blobsOf(url);
  expect(new Set(blobs.map(({ outcome }) => outcome))).toEqual(new Set(['200 whole']));
  expect(Math.max(...blobs.map(({ bytes }) => bytes))).toBeGreaterThan(118 * MIB);
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

test('docker behind the border: an image by its mirror, and the large one by name', async () => {
  const docker = await startDocker(world, 'lambda', [`https://${URL_HOST}`], { border: true }, SECURE);
  await docker.ok('pull', 'nginx:1.27');
  const { index, images } = scene.images.nginx;
  await expectInDocker(docker, 'nginx:1.27', images[0] as RealImage, index.digest);
  await docker.ok('pull', name);
  await expectInDocker(docker, name, large);
});

const cranes = hasClient('crane') ? test : test.skip;
cranes('crane behind the border: an index, without a length of any manifest', async () => {
  const folder = `${world.folder}/tmp/lambda-crane`;
  await world.ok(['crane', 'pull', '--format', 'oci', `${URL_HOST}/acme/multi:1`, folder], apart(world, 'crane'));
});

const orases = hasClient('oras') ? test : test.skip;
orases('oras wants a length, which a function URL does not tell', async () => {
  const said = await world.fails(['oras', 'pull', `${URL_HOST}/acme/multi:1`], apart(world, 'oras'));
  expect(said).toMatch(/content-length/i);
});

test('what the URL does not carry comes from the CDN, the rest through the function', async () => {
  const folder = emptyFolder(world, 'lambda-small');
  const here = { ...apart(world, 'skopeo'), border: false };
  await world.ok(skopeo('copy', `docker://${SMALL_HOST}/acme/large:1`, `dir:${folder}`), here);
  expectInFolder(folder, large);
  const outcomes = blobsOf(small);
  expect(outcomes.filter(({ outcome }) => outcome === '307 whole').length).toBeGreaterThanOrEqual(2);
  expect(outcomes.filter(({ outcome }) => outcome === '200 whole').length).toBeGreaterThanOrEqual(2);
  expect(outcomes.length).toBe(large.layers.length + 1);
});

test('what is cut at the limit is a failed pull, never a short layer', async () => {
  const folder = emptyFolder(world, 'lambda-cut');
  const said = await world.fails(
    skopeo('copy', `docker://${CUT_HOST}/acme/large:1`, `dir:${folder}`),
    apart(world, 'skopeo'),
  );
  expect(said).toMatch(/EOF|reset|broken|unexpected/i);
  expect(cut.invocations().map(({ end }) => end)).toContain('Response payload size exceeded');
});

test('skopeo by an HTTP API: signs in, is sent to the CDN for large blobs, and pushes', async () => {
  const folder = emptyFolder(world, 'lambda-api');
  const here = { ...apart(world, 'skopeo'), border: false };
  await world.ok(
    skopeo('copy', '--src-creds', alice.pair, `docker://${API_HOST}/acme/private:1`, `dir:${folder}`),
    here,
  );
  expectInFolder(folder, scene.images.private);
  const largeFolder = emptyFolder(world, 'lambda-api-large');
  await world.ok(skopeo('copy', `docker://${API_HOST}/acme/large:1`, `dir:${largeFolder}`), here);
  expectInFolder(largeFolder, large);
  expect(blobsOf(api).filter(({ outcome }) => outcome === '307 whole').length).toBeGreaterThanOrEqual(3);
  const pushed = `docker://${API_HOST}/acme/pushed:1`;
  await world.ok(skopeo('copy', '--dest-creds', alice.pair, `dir:${folder}`, pushed), here);
  expect(world.hub.verify('acme/pushed', '1')).toContain(scene.images.private.manifest.digest);
});
