import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Server, startServer } from '../bench/processes';
import { ask } from '../upstream/client';
import { type Registry, startRegistry } from '../upstream/registry';
import { smallImage } from '../upstream/scene';
import { type Docker, expectInDocker, startDocker } from './clients';
import type { RealImage } from './images';
import { bundle, layerNode } from './prepare';
import { createScene, endScene, expectNoHarm, type Scene } from './scene';
import { type Swift, startSwift } from './swift';
import type { RunningProxy } from './world';

describe('docker, over a daily budget', () => {
  let scene: Scene;
  let docker: Docker;
  const proxies: RunningProxy[] = [];

  beforeAll(async () => {
    scene = await createScene();
    const redirect = { HANDLE_REDIRECT: 'true', BUDGET_CLIENT_BYTES: '1', BUDGET_ACTION: 'redirect' };
    proxies.push(
      scene.follow,
      // For the manifest, once by HEAD.
      await scene.world.startProxy('pass.example.com', { HANDLE_REDIRECT: 'true', BUDGET_CLIENT_REQUESTS: '2' }),
      await scene.world.startProxy('untouched.example.com', redirect),
    );
    docker = await startDocker(scene.world, 'docker-budget', [], {});
  }, 120_000);

  beforeEach(() => scene.world.forget());
  afterEach(() => expectNoHarm(scene));
  afterAll(() => endScene(scene, proxies));

  test('is told which one, and when it begins anew', async () => {
    const said = await docker.fails('pull', 'pass.example.com/acme/big:1');
    expect(said).toMatch(
      /toomanyrequests: your daily budget of 2 requests is used up; it begins anew at \S+T00:00:00Z/,
    );
  });

  test('gets every byte from where the registry has it', async () => {
    await docker.ok('pull', 'untouched.example.com/nginx');
    const blobs = proxies[2]?.log().filter(({ route, method }) => route === 'blob' && method === 'GET');
    expect(blobs?.length).toBeGreaterThan(0);
    expect(blobs?.filter(({ status, bytes }) => status !== 307 || (bytes as number) > 1000)).toEqual([]);
    const nginx = scene.images.nginx.images[0] as RealImage;
    await expectInDocker(docker, 'untouched.example.com/nginx', nginx, scene.images.nginx.index.digest);
  });
});

describe('a daily budget', () => {
  let registry: Registry;
  let folder: string;
  let proxies: Server[] = [];

  beforeAll(async () => {
    folder = mkdtempSync('/tmp/budgets-');
    registry = await startRegistry();
    smallImage(registry);
  });

  afterEach(async () => {
    await Promise.all(proxies.map((proxy) => proxy.stop()));
    proxies = [];
    expect(registry.accusations).toEqual([]);
  });

  afterAll(async () => {
    await registry?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(env: Record<string, string>): Promise<Server> {
    const whole = {
      HOST: '127.0.0.1',
      PORT: '0',
      LOG_FORMAT: 'json',
      REGISTRY_BACKEND: registry.url,
      BUDGET_CLIENT_REQUESTS: '5',
      ...env,
    };
    const proxy = await startServer(layerNode(), [bundle], whole, folder);
    proxies.push(proxy);
    return proxy;
  }

  const statusAt = async ({ url }: Server) => (await ask(`${url}/v2/team/app/manifests/v1`)).status;

  async function usedUp(proxy: Server): Promise<void> {
    for (let index = 0; index < 5; index++) expect(await statusAt(proxy)).toBe(200);
    expect(await statusAt(proxy)).toBe(429);
  }

  /** After processes have told each other what they counted. */
  async function later(proxy: Server): Promise<number> {
    await new Promise((resolve) => setTimeout(resolve, 35_000));
    return statusAt(proxy);
  }

  /** Whether a process that begins now knows. */
  async function isKnown(env: Record<string, string>): Promise<boolean> {
    const next = await start(env);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const status = await statusAt(next);
    await next.stop();
    proxies = proxies.filter((each) => each !== next);
    return status === 429;
  }

  test('on a disk holds beyond the end of a process that is killed', async () => {
    const env = { CACHE: `disk:${join(folder, 'cache')}` };
    const killed = await start(env);
    await usedUp(killed);
    expect(await later(killed)).toBe(429);
    process.kill(killed.pid, 'SIGKILL');
    expect(await isKnown(env)).toBe(true);
  }, 120_000);

  test('in a bucket holds for all processes that have it', async () => {
    const swift: Swift = await startSwift();
    try {
      const { bucket, endpoint, region, keys } = swift.place;
      const query = `endpoint=http://${endpoint.hostname}:${endpoint.port}&region=${region}&pathStyle=true`;
      const env = {
        CACHE: `s3://${bucket}/budgets?${query}`,
        CACHE_ACCESS_KEY: keys?.id ?? '',
        CACHE_SECRET_KEY: keys?.secret ?? '',
      };
      const [one, other] = [await start(env), await start(env)];
      for (let index = 0; index < 4; index++) expect(await statusAt(one)).toBe(200);
      // Alone it would let five of them pass.
      const statuses = [await statusAt(other), await later(other), await later(other)];
      expect([statuses[0], statuses[2]]).toEqual([200, 429]);
    } finally {
      await Promise.all(proxies.map((proxy) => proxy.stop()));
      await swift.stop();
    }
  }, 180_000);
});
