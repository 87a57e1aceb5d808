import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Server, startServer } from '../bench/processes';
import { type Registry, startRegistry } from '../upstream/registry';
import { expectInFolder } from './clients';
import { type RealImage, realImage } from './images';
import { bundle, layerNode } from './prepare';
import { type Swift, startSwift } from './swift';

/** Three processes with one object store that nobody of us has written, and an image that nobody has. */

const run = promisify(execFile);
const LAYER = 96 << 20;
/** Bytes a second over each connection of the registry: the pull takes some seconds. */
const RATE = 12 << 20;

let swift: Swift;
let registry: Registry;
let folder: string;
let proxies: Server[] = [];
let round = 0;

beforeAll(async () => {
  folder = mkdtempSync('/tmp/together-');
  swift = await startSwift();
  registry = await startRegistry({ rate: RATE });
}, 120_000);

afterEach(async () => {
  await Promise.all(proxies.map((proxy) => proxy.stop()));
  proxies = [];
  expect(registry.accusations).toEqual([]);
});

afterAll(async () => {
  await registry?.stop();
  await swift?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function startProxies(): Promise<Server[]> {
  const { bucket, endpoint, region, keys } = swift.place;
  const query = `endpoint=http://${endpoint.hostname}:${endpoint.port}&region=${region}&pathStyle=true`;
  const env = {
    HOST: '127.0.0.1',
    PORT: '0',
    LOG_FORMAT: 'json',
    REGISTRY_BACKEND: registry.url,
    CACHE: `s3://${bucket}/round-${round}?${query}`,
    CACHE_ACCESS_KEY: keys?.id ?? '',
    CACHE_SECRET_KEY: keys?.secret ?? '',
  };
  const start = () => startServer(layerNode(), [bundle], env, folder);
  return Promise.all([start(), start(), start()]);
}

/** An image of this round only, and processes with nothing in their cache. */
async function prepareRound(): Promise<RealImage> {
  round += 1;
  const image = realImage(`together ${round}`, [1_000, LAYER], 'oci');
  registry.add('team/app', `v${round}`, image);
  registry.requests.length = 0;
  proxies = await startProxies();
  return image;
}

const nameAt = (proxy: Server) => `${new URL(proxy.url).host}/team/app:v${round}`;
const environment = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', TMPDIR: '/tmp', HOME: '/tmp' };

async function pullBySkopeo(proxy: Server, name: string): Promise<string> {
  const path = join(folder, `${name}-${round}`);
  const command = ['--insecure-policy', 'copy', '--src-tls-verify=false', `docker://${nameAt(proxy)}`, `dir:${path}`];
  await run('skopeo', command, { env: environment });
  return path;
}

const upstreamBytes = () => registry.requests.reduce((sum, { bytesOut }) => sum + bytesOut, 0);
const imageBytes = ({ manifest, config, layers }: RealImage) =>
  [manifest, config, ...layers].reduce((sum, { bytes }) => sum + bytes.length, 0);

test('pull the same cold image at once, and the registry sends it once', async () => {
  const image = await prepareRound();
  const folders = await Promise.all(proxies.map((proxy, index) => pullBySkopeo(proxy, `skopeo-${index}`)));
  for (const each of folders) expectInFolder(each, image);
  expect(upstreamBytes() / imageBytes(image)).toBeLessThan(1.5);
});

test('pull it by podman and skopeo, one after the other began', async () => {
  const image = await prepareRound();
  const [first, second, third] = proxies as [Server, Server, Server];
  const store = ['--root', join(folder, 'root'), '--runroot', join(folder, 'run'), '--storage-driver', 'vfs'];
  const podman = ['podman', ...store, '--events-backend', 'none', '--cgroup-manager', 'cgroupfs'];
  const byPodman = async () => {
    const [command = '', ...options] = [...podman, 'pull', '--tls-verify=false', nameAt(first)];
    await run(command, options, { env: environment });
    const { stdout } = await run('podman', [...podman.slice(1), 'image', 'inspect', nameAt(first)], {
      env: environment,
    });
    const [found] = JSON.parse(stdout);
    expect([`sha256:${found.Id}`, found.Digest]).toEqual([image.config.digest, image.manifest.digest]);
    expect(found.RootFS.Layers).toEqual(image.diffIds);
  };
  const later = async (proxy: Server, wait: number) => {
    await setTimeout(wait);
    expectInFolder(await pullBySkopeo(proxy, `later-${wait}`), image);
  };
  await Promise.all([byPodman(), later(second, 1500), later(third, 3000)]);
  expect(upstreamBytes() / imageBytes(image)).toBeLessThan(1.5);
});

test('finish what was being fetched by one that is killed, each byte of it asked for about once', async () => {
  const image = await prepareRound();
  const large = image.layers.at(-1)?.digest as string;
  const [leader, ...others] = proxies as [Server, Server, Server];
  const dying = fetch(`${leader.url}/v2/team/app/blobs/${large}`).then(
    (answer) => answer.arrayBuffer(),
    () => undefined,
  );
  const pulls = async () => {
    await setTimeout(1000);
    return Promise.all(others.map((proxy, index) => pullBySkopeo(proxy, `survivor-${index}`)));
  };
  const pulling = pulls();
  await setTimeout(4000);
  await leader.stop();
  await dying.catch(() => {});
  for (const each of await pulling) expectInFolder(each, image);
  expect(upstreamBytes() / imageBytes(image)).toBeLessThan(2);
  const again = await startProxies();
  proxies.push(...again);
  const before = upstreamBytes();
  expectInFolder(await pullBySkopeo(again[0] as Server, 'afterwards'), image);
  expect(upstreamBytes() - before).toBeLessThan(LAYER / 10);
}, 180_000);
