import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { payload } from '../upstream/image';
import { expectInLayout, fileDigest } from './clients';
import type { RealImage } from './images';
import { alice, createScene, endScene, expectNoHarm, type Scene } from './scene';
import { hasClient, type RunningProxy, type World } from './world';

let scene: Scene;
let world: World;
let nginx: RealImage;
let nginxDigest: string;
const proxies: RunningProxy[] = [];
const HOST = 'follow.example.com';

beforeAll(async () => {
  scene = await createScene();
  world = scene.world;
  nginx = scene.images.nginx.images[0] as RealImage;
  nginxDigest = scene.images.nginx.index.digest;
  proxies.push(
    scene.follow,
    await world.startProxy('pass.example.com', {}),
    await world.startProxy('ghcr.example.com', { REGISTRY_BACKEND: 'ghcr.io', HANDLE_REDIRECT: 'true' }),
    await world.startProxy('plain.example.com', { REGISTRY_BACKEND: 'http://10.99.0.8:5000' }),
  );
}, 120_000);

beforeEach(() => world.forget());

afterEach(() => expectNoHarm(scene));

afterAll(() => endScene(scene, proxies));

/** Behind the border, with the logins of this client alone. */
const as = (client: string) => ({
  border: true,
  cwd: emptyFolder(client),
  env: { DOCKER_CONFIG: emptyFolder(`${client}-logins`) },
});

function emptyFolder(name: string): string {
  const path = join(world.folder, 'tmp', name);
  mkdirSync(path, { recursive: true });
  return path;
}

(hasClient('crane') ? describe : describe.skip)('crane behind a blocked border', () => {
  const crane = (...command: string[]) => world.ok(['crane', ...command], as('crane'));

  test('digest, ls, manifest, config', async () => {
    expect((await crane('digest', `${HOST}/nginx`)).trim()).toBe(nginxDigest);
    expect((await crane('ls', `${HOST}/library/nginx`)).trim().split('\n').sort()).toEqual(['1.27', 'latest']);
    expect(await crane('manifest', `${HOST}/library/nginx`)).toBe(scene.images.nginx.index.bytes.toString());
    expect(await crane('config', `${HOST}/library/nginx`)).toBe(nginx.config.bytes.toString());
  });

  test('validate: every layer of every platform', async () => {
    await crane('validate', '--remote', `${HOST}/library/nginx`);
    await crane('validate', '--remote', `${HOST}/acme/multi:1`);
  });

  test('pull', async () => {
    const folder = join(world.folder, 'tmp/crane-pull');
    await crane('pull', '--format', 'oci', `${HOST}/library/nginx`, folder);
    expectInLayout(folder, scene.images.nginx);
    const big = join(world.folder, 'tmp/crane-big');
    await crane('pull', '--format', 'oci', `${HOST}/acme/big:1`, big);
    expectInLayout(big, scene.images.big);
  });

  test('a private image is refused without a login', async () => {
    expect(await world.fails(['crane', 'digest', `${HOST}/acme/private:1`], as('crane'))).toMatch(
      /UNAUTHORIZED|DENIED/,
    );
  });

  test('login, push, copy with mounts, tag, catalog, delete', async () => {
    await crane('auth', 'login', '-u', alice.user, '-p', alice.password, HOST);
    expect((await crane('digest', `${HOST}/acme/private:1`)).trim()).toBe(scene.images.private.manifest.digest);
    await crane('push', join(world.folder, 'tmp/crane-pull'), `${HOST}/acme/crane-pushed:1`);
    expect(world.hub.tagged('acme/crane-pushed', '1')).toBe(nginxDigest);
    world.hub.verify('acme/crane-pushed', '1');
    world.forget();
    await crane('copy', `${HOST}/acme/crane-pushed:1`, `${HOST}/acme/crane-copied:1`);
    world.hub.verify('acme/crane-copied', '1');
    const mounts = world.seen('registry-1.docker.io').filter(({ url }) => url.includes('mount='));
    expect(new Set(mounts.map(({ status }) => status))).toEqual(new Set([201]));
    await crane('tag', `${HOST}/acme/crane-copied:1`, 'second');
    expect(world.hub.tagged('acme/crane-copied', 'second')).toBe(nginxDigest);
    expect((await crane('catalog', HOST)).split('\n')).toEqual(expect.arrayContaining(['acme/big', 'library/nginx']));
    await crane('delete', `${HOST}/acme/crane-copied@${nginxDigest}`);
    expect(world.hub.tagged('acme/crane-copied', 'second')).toBeUndefined();
  });

  test('ghcr.io: pull and push', async () => {
    await crane('validate', '--remote', 'ghcr.example.com/owner/app:1');
    await crane('auth', 'login', '-u', alice.user, '-p', alice.password, 'ghcr.example.com');
    await crane('copy', `${HOST}/library/nginx`, 'ghcr.example.com/owner/crane:1');
    expect(world.ghcr.tagged('owner/crane', '1')).toBe(nginxDigest);
    world.ghcr.verify('owner/crane', '1');
  });

  test('without TLS, redirects passed on', async () => {
    await world.ok(['crane', 'validate', '--insecure', '--remote', '10.99.1.1:3002/library/nginx']);
    expect(world.seen('production.cloudflare.docker.com').length).toBeGreaterThan(nginx.layers.length);
  });

  test('a registry without login: everything without TLS', async () => {
    const registry = '10.99.1.1:3007';
    await crane('copy', '--insecure', `${registry}/team/tool:1`, `${registry}/team/copy:1`);
    await crane('validate', '--insecure', '--remote', `${registry}/team/copy:1`);
    expect(world.plain.tagged('team/copy', '1')).toBe(scene.images.private.manifest.digest);
  });
});

(hasClient('oras') ? describe : describe.skip)('oras behind a blocked border', () => {
  const oras = (...command: string[]) => world.ok(['oras', ...command], as('oras'));
  const artifact = `${HOST}/acme/artifact:1`;

  test('login, push, pull', async () => {
    const folder = emptyFolder('oras');
    writeFileSync(join(folder, 'notes.txt'), 'some notes\n');
    writeFileSync(join(folder, 'model.bin'), payload(5_000_000, 7));
    await world.fails(['oras', 'push', artifact, 'notes.txt'], as('oras'));
    await oras('login', '-u', alice.user, '-p', alice.password, HOST);
    await oras(
      'push',
      artifact,
      '--artifact-type',
      'application/vnd.example.model',
      'notes.txt:text/plain',
      'model.bin',
    );
    world.hub.verify('acme/artifact', '1');
    await oras('pull', '-o', 'pulled', artifact);
    for (const name of ['notes.txt', 'model.bin']) {
      expect(fileDigest(join(folder, 'pulled', name))).toBe(fileDigest(join(folder, name)));
    }
  });

  test('attach, discover, and pull what was attached', async () => {
    const folder = emptyFolder('oras');
    writeFileSync(join(folder, 'signature.txt'), 'signed\n');
    await oras('attach', '--artifact-type', 'application/vnd.example.signature', artifact, 'signature.txt');
    const found = JSON.parse(await oras('discover', '--format', 'json', artifact));
    expect(found.referrers).toHaveLength(1);
    expect(found.referrers[0].artifactType).toBe('application/vnd.example.signature');
    await oras('pull', '-o', 'signatures', found.referrers[0].reference);
    expect(fileDigest(join(folder, 'signatures/signature.txt'))).toBe(fileDigest(join(folder, 'signature.txt')));
  });

  test('manifest, blob, tags, repositories, copy', async () => {
    const digest = world.hub.tagged('acme/artifact', '1') as string;
    expect(JSON.parse(await oras('manifest', 'fetch', '--descriptor', artifact)).digest).toBe(digest);
    const layer = world.hub.manifest(digest).layers?.[1]?.digest as string;
    await oras('blob', 'fetch', '--output', 'blob.bin', `${HOST}/acme/artifact@${layer}`);
    expect(fileDigest(join(emptyFolder('oras'), 'blob.bin'))).toBe(layer);
    expect(await oras('repo', 'tags', `${HOST}/acme/artifact`)).toMatch(/^1$/m);
    expect(await oras('repo', 'ls', HOST)).toMatch(/^acme\/artifact$/m);
    await oras('cp', '-r', artifact, `${HOST}/acme/artifact-copied:1`);
    expect(world.hub.tagged('acme/artifact-copied', '1')).toBe(digest);
    world.hub.verify('acme/artifact-copied', '1');
  });

  test('an image as anybody, without a login', async () => {
    await oras('logout', HOST);
    const layer = nginx.layers[2]?.digest as string;
    await oras('blob', 'fetch', '--output', 'layer.bin', `${HOST}/library/nginx@${layer}`);
    expect(fileDigest(join(emptyFolder('oras'), 'layer.bin'))).toBe(layer);
  });
});

(hasClient('helm') ? describe : describe.skip)('helm behind a blocked border', () => {
  const helm = (...command: string[]) => world.ok(['helm', ...command], as('helm'));

  test('registry login, push, pull, show', async () => {
    const folder = emptyFolder('helm');
    await helm('create', 'chart');
    await helm('package', 'chart');
    await helm('registry', 'login', '-u', alice.user, '-p', alice.password, HOST);
    await helm('push', 'chart-0.1.0.tgz', `oci://${HOST}/acme`);
    world.hub.verify('acme/chart', '0.1.0');
    await helm('pull', `oci://${HOST}/acme/chart`, '--version', '0.1.0', '-d', emptyFolder('helm-pulled'));
    const pulled = join(world.folder, 'tmp/helm-pulled/chart-0.1.0.tgz');
    expect(fileDigest(pulled)).toBe(fileDigest(join(folder, 'chart-0.1.0.tgz')));
    expect(await helm('show', 'chart', `oci://${HOST}/acme/chart`)).toMatch(/^version: 0\.1\.0$/m);
  });

  test('a public chart without a login', async () => {
    await helm('registry', 'logout', HOST);
    expect(await helm('show', 'chart', `oci://${HOST}/acme/chart`, '--version', '0.1.0')).toMatch(/^name: chart$/m);
  });
});
