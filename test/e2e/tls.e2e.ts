import { X509Certificate } from 'node:crypto';
import { mkdirSync, readlinkSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TlsIdentity } from '../upstream/listen';
import {
  digestsOf,
  expectInContainerd,
  expectInDocker,
  expectInFolder,
  expectInPodman,
  fileDigest,
  podmanAt,
  startContainerd,
  startDocker,
} from './clients';
import type { RealImage } from './images';
import { alice, createScene, endScene, expectNoHarm, hub, type Scene } from './scene';
import { hasClient, type RunningProxy, until, type World } from './world';

/** The proxy ends TLS itself: nothing stands before it, and clients check its certificate. */

const NAME = 'tls.example.com';
const HOST = `${NAME}:3012`;
const behind = { border: true };

let scene: Scene;
let world: World;
let proxy: RunningProxy;
let nginx: RealImage;
let nginxDigest: string;
/** `..data` points to the folder of the files that are good now, as in a Secret that Kubernetes mounts. */
let mount: string;

beforeAll(async () => {
  scene = await createScene();
  world = scene.world;
  nginx = scene.images.nginx.images[0] as RealImage;
  nginxDigest = scene.images.nginx.index.digest;
  mount = join(world.folder, 'secret');
  mkdirSync(mount);
  turnOver(await world.authority.issue([NAME]));
  proxy = await world.startProxy(NAME, {
    ...hub,
    TLS_CERT: join(mount, '..data/tls.crt'),
    TLS_KEY: join(mount, '..data/tls.key'),
  });
}, 120_000);

beforeEach(() => world.forget());

afterEach(() => expectNoHarm(scene));

afterAll(() => endScene(scene, [scene?.follow, proxy].filter(Boolean)));

/** Both files at once, the way Kubernetes does it: a new folder, and a link renamed over the old one. */
function turnOver({ cert, key }: TlsIdentity): void {
  const link = join(mount, '..data');
  const folder = join(mount, `..${Date.now()}`);
  mkdirSync(folder);
  writeFileSync(join(folder, 'tls.crt'), cert);
  writeFileSync(join(folder, 'tls.key'), key);
  const old = linkTarget(link);
  symlinkSync(folder, `${link}_tmp`);
  renameSync(`${link}_tmp`, link);
  if (old) rmSync(old, { recursive: true });
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

/** One after the other, the way certbot does it: each file renamed over the old one. */
function replace({ cert, key }: TlsIdentity): void {
  for (const [name, content] of [
    ['tls.key', key],
    ['tls.crt', cert],
  ] as const) {
    const path = join(mount, '..data', name);
    writeFileSync(`${path}.new`, content);
    renameSync(`${path}.new`, path);
  }
}

const reloads = () => proxy.log().filter(({ msg }) => msg === 'certificate reloaded').length;

async function renew(identity: TlsIdentity, how: (identity: TlsIdentity) => void): Promise<void> {
  const before = reloads();
  how(identity);
  await until('the certificate is reloaded', proxy.daemon, () => reloads() > before);
}

const fingerprint = (pem: string) => new X509Certificate(pem).fingerprint256;

/** The certificate that the next client is shown. */
async function shown(): Promise<string> {
  const said = await world.ok(['openssl', 's_client', '-connect', HOST, '-servername', NAME], behind);
  return fingerprint(said);
}

function emptyFolder(name: string): string {
  const path = join(world.folder, 'tmp', name);
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path, { recursive: true });
  return path;
}

const skopeo = (...command: string[]) => ['skopeo', '--insecure-policy', ...command];

const copyTo = (folder: string) => skopeo('copy', '--all', `docker://${HOST}/library/nginx`, `dir:${folder}`);

describe('clients that check the certificate, behind a blocked border', () => {
  test('skopeo: an index with both platforms', async () => {
    const folder = emptyFolder('tls-all');
    await world.ok(copyTo(folder), behind);
    expectInFolder(folder, scene.images.nginx);
  });

  test('skopeo: the token realm is at https and this port; a private image with its login; a push', async () => {
    const head = await world.ok(['curl', '-s', '-i', `https://${HOST}/v2/`], behind);
    expect(head).toMatch(new RegExp(`^www-authenticate: Bearer realm="https://${HOST}/token"`, 'im'));
    const folder = emptyFolder('tls-private');
    const login = ['--src-creds', alice.pair];
    await world.fails(skopeo('copy', `docker://${HOST}/acme/private:1`, `dir:${folder}`), behind);
    await world.ok(skopeo('copy', ...login, `docker://${HOST}/acme/private:1`, `dir:${folder}`), behind);
    expectInFolder(folder, scene.images.private);
    const target = `docker://${HOST}/acme/tls-pushed:1`;
    await world.ok(skopeo('copy', '--dest-creds', alice.pair, `dir:${folder}`, target), behind);
    expect(world.hub.verify('acme/tls-pushed', '1').sort()).toEqual(digestsOf(scene.images.private).sort());
  });

  test('skopeo: blobs that the CDN cuts off', async () => {
    const folder = emptyFolder('tls-cut');
    world.modes({ cdn: 'cut', singleUse: true });
    await world.ok(skopeo('copy', `docker://${HOST}/acme/big:1`, `dir:${folder}`), behind);
    world.modes({});
    expectInFolder(folder, scene.images.big);
  });

  test('podman pull', async () => {
    const { podman } = podmanAt(world, 'tls-podman');
    await world.ok([...podman, 'pull', `${HOST}/library/nginx`], behind);
    await expectInPodman(world, podman, `${HOST}/library/nginx`, nginx, nginxDigest);
  });

  (hasClient('crane') ? test : test.skip)('crane: every layer of every platform', async () => {
    await world.ok(['crane', 'validate', '--remote', `${HOST}/library/nginx`], behind);
  });

  test('containerd: hosts.toml', async () => {
    const containerd = await startContainerd(world, 'tls-containerd', behind);
    const hosts = containerd.hosts(
      'docker.io',
      `server = "https://registry-1.docker.io"\n\n[host."https://${HOST}"]\n  capabilities = ["pull", "resolve"]\n`,
    );
    const name = 'docker.io/library/nginx:latest';
    await containerd.ok('images', 'pull', '--snapshotter', 'native', ...hosts, name);
    await expectInContainerd(containerd, name, nginx, nginxDigest);
    await containerd.daemon.stop();
  });

  test('docker: registry-mirrors, and by name', async () => {
    const docker = await startDocker(world, 'tls-docker', [`https://${HOST}`], behind, '192.0.2.0/24');
    await docker.ok('pull', 'nginx');
    await expectInDocker(docker, 'nginx', nginx, nginxDigest);
    await docker.ok('pull', `${HOST}/acme/multi:1`);
    const multi = scene.images.multi;
    await expectInDocker(docker, `${HOST}/acme/multi:1`, multi.images[0] as RealImage, multi.index.digest);
    await docker.daemon.stop();
  });
});

describe('a certificate that is renewed on disk while the proxy runs', () => {
  test.each([
    ['as Kubernetes turns a Secret over', turnOver],
    ['one file after the other, as certbot does', replace],
  ])('is what the next client gets: %s', async (_title, how) => {
    const before = await shown();
    const next = await world.authority.issue([NAME]);
    await renew(next, how);
    expect(await shown()).toBe(fingerprint(next.cert));
    expect(fingerprint(next.cert)).not.toBe(before);
    const folder = emptyFolder('tls-renewed');
    await world.ok(copyTo(folder), behind);
    expectInFolder(folder, scene.images.nginx);
    expect(proxy.log().filter(({ msg }) => msg === 'listening')).toHaveLength(1);
  });

  test('does not end a pull under way', async () => {
    const layer = scene.images.big.layers.at(-1) as RealImage['config'];
    const token = await world.ok(['curl', '-s', `https://${HOST}/token?scope=repository:acme/big:pull`], behind);
    const file = join(world.folder, 'tmp/slow-layer');
    const seen = () => proxy.log().filter(({ path, status }) => path?.includes(layer.digest) && status === 200).length;
    const before = seen();
    const slow = world.ok(
      [
        ...[
          'curl',
          '-s',
          '-f',
          '--limit-rate',
          '7M',
          '-o',
          file,
          '-H',
          `Authorization: Bearer ${JSON.parse(token).token}`,
        ],
        `https://${HOST}/v2/acme/big/blobs/${layer.digest}`,
      ],
      behind,
    );
    const next = await world.authority.issue([NAME]);
    await renew(next, turnOver);
    expect(await shown()).toBe(fingerprint(next.cert));
    // It was still on its way.
    expect(seen()).toBe(before);
    await slow;
    expect(fileDigest(file)).toBe(layer.digest);
  });

  // Shows that the clients above do check.
  test('for another name is refused by the next client', async () => {
    await renew(await world.authority.issue(['other.example.com']), turnOver);
    const said = await world.fails(copyTo(emptyFolder('tls-refused')), behind);
    expect(said).toMatch(/certificate is valid for other\.example\.com, not tls\.example\.com/);
    const docker = await startDocker(world, 'tls-refusing', [], behind, '192.0.2.0/24');
    expect(await docker.fails('pull', `${HOST}/library/nginx`)).toMatch(/certificate is valid for other\.example\.com/);
    await docker.daemon.stop();
    await renew(await world.authority.issue([NAME]), turnOver);
    await world.ok(copyTo(emptyFolder('tls-accepted')), behind);
  });
});
