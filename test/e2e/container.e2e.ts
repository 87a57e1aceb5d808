import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Docker, expectInFolder, expectInPodman, podmanAt, startDocker } from './clients';
import { BASES, buildImage, FULL_NAME, IMAGE, LIMITS } from './engine';
import { project } from './prepare';
import { createScene, endScene, expectNoHarm, hub, type Scene } from './scene';
import { skopeo } from './users';
import { until, type World } from './world';

/** The image as deploy/docker builds it: built by podman, run by podman and by a docker engine, and by compose. */
const NAME = 'kept.example.com';
const PORT = '3022';
const border = { border: true };

let scene: Scene;
let world: World;
let podman: string[];
let docker: Docker;
const inspect = async (...of: string[]) => JSON.parse(await docker.ok('inspect', ...of))[0];

/** What any user would say: hardened as the compose file and the Kubernetes manifests have it. */
const hardened = ['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'];

beforeAll(async () => {
  scene = await createScene();
  world = scene.world;
  ({ podman } = await buildImage(world));
  const file = join(world.folder, 'image.tar');
  await world.ok([...podman, 'save', '-m', '-o', file, FULL_NAME, BASES[1] as string]);
  docker = await startDocker(world, 'docker-runs', [], {});
  await docker.ok('load', '-i', file);
}, 420_000);

beforeEach(() => world.forget());
afterEach(() => expectNoHarm(scene));
afterAll(() => endScene(scene, [scene?.follow].filter(Boolean)));

const environment = (env: Record<string, string>) =>
  Object.entries({ ...env, NODE_EXTRA_CA_CERTS: '/ca.pem' }).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
const authority = () => ['-v', `${world.folder}/ca.pem:/ca.pem:ro`];

describe('the image', () => {
  test('is its base and one file of the proxy with its licence, under 2 MB', async () => {
    const [own, base] = await Promise.all([IMAGE, BASES[1] as string].map((name) => inspect(name)));
    console.info(`the image: ${own.Size - base.Size} bytes on a base of ${base.Size}`);
    expect(own.Size - base.Size).toBeLessThan(2_000_000);
    expect(own.Size).toBeGreaterThan(base.Size);
  });

  test('says by whom, where and how it wants to be run', async () => {
    const { Config } = await inspect(IMAGE);
    expect(Config).toMatchObject({
      User: '65532:65532',
      ExposedPorts: { '3000/tcp': {} },
      StopSignal: 'SIGTERM',
      Entrypoint: ['node', '/app/bundle.js'],
      Healthcheck: { Test: ['CMD', 'node', '/app/bundle.js', 'healthcheck'] },
      Labels: { 'org.opencontainers.image.licenses': 'MIT' },
    });
  });
});

describe('run by a docker engine, with a read-only root and no capability', () => {
  let pid: number;

  beforeAll(async () => {
    const settings = environment({ ...hub, PORT, CACHE: 'disk:/cache', LOG_FORMAT: 'json' });
    const own = ['--name', 'proxy', '--network', 'host', '--health-interval', '1s', '-v', 'kept:/cache', '-v', '/tmp'];
    await docker.ok('run', '-d', ...own, ...hardened, ...LIMITS, ...settings, ...authority(), IMAGE);
  });

  test('it becomes healthy by its own check', async () => {
    const health = async () => (await inspect('proxy')).State.Health?.Status;
    await until('it is healthy', docker.daemon, async () => (await health()) === 'healthy');
    ({ Pid: pid } = (await inspect('proxy')).State);
  });

  test('it runs as nobody, without rights, and cannot write beside its volumes', async () => {
    const status = readFileSync(`/proc/${await outside(pid)}/status`, 'utf8');
    expect(status).toMatch(/^Uid:\t65532\t65532\t65532\t65532$/m);
    expect(status).toMatch(/^CapEff:\t0+$/m);
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    const write = (path: string) => ['exec', 'proxy', 'node', '-e', `fs.writeFileSync('${path}', '')`];
    expect(await docker.fails(...write('/app/x'))).toContain('EROFS');
    await docker.ok(...write('/tmp/x'));
  });

  test('it has no shell', async () => {
    expect(await docker.fails('exec', 'proxy', '/bin/sh', '-c', 'true')).toMatch(/no such file/);
  });

  test('skopeo pulls an index through it, from behind the border, and its volume keeps the blobs', async () => {
    const folder = join(world.folder, 'copied');
    await world.ok(skopeo('copy', '--all', `docker://${NAME}/library/nginx`, `dir:${folder}`), border);
    expectInFolder(folder, scene.images.nginx);
    const { Mountpoint } = await inspect('kept');
    const blobs = join(Mountpoint, 'blobs/sha256');
    expect(readdirSync(blobs).length).toBeGreaterThan(2);
    expect(statSync(Mountpoint).uid).toBe(65532);
  });

  test('podman pulls through it as well', async () => {
    const { podman: client } = podmanAt(world, 'client');
    const name = `${NAME}/library/nginx:latest`;
    await world.ok([...client, 'pull', name], border);
    const { images, index } = scene.images.nginx;
    await expectInPodman(world, client, name, images[0] as (typeof images)[0], index.digest);
  });

  test('SIGTERM ends it by itself, long before the engine would kill it', async () => {
    await docker.ok('stop', '-t', '60', 'proxy');
    const { State } = await inspect('proxy');
    expect(State).toMatchObject({ ExitCode: 0, OOMKilled: false });
    expect(await docker.ok('logs', 'proxy')).toContain('"msg":"stopped"');
  });
});

test('podman runs it, asks its health check, and stops it', async () => {
  const settings = environment({ ...hub, PORT: '3023' });
  const own = ['--name', 'proxy', '--network', 'host', ...hardened, ...LIMITS];
  await world.ok([...podman, 'run', '-d', ...own, ...settings, ...authority(), FULL_NAME]);
  const check = [...podman, 'healthcheck', 'run', 'proxy'];
  await until('it is healthy', scene.follow.daemon, async () => (await world.run(check)).code === 0);
  const folder = join(world.folder, 'copied-2');
  await world.ok(skopeo('copy', '--all', 'docker://cached.example.com/library/nginx', `dir:${folder}`), border);
  expectInFolder(folder, scene.images.nginx);
  await world.ok([...podman, 'stop', '-t', '60', 'proxy']);
  const [{ State }] = JSON.parse(await world.ok([...podman, 'inspect', 'proxy']));
  expect(State).toMatchObject({ ExitCode: 0 });
});

describe('deploy/docker/compose.yaml, run by docker-compose', () => {
  const far = 'many.example.com';
  const folder = join(project, 'deploy/docker');
  let compose: (...command: string[]) => Promise<string>;

  beforeAll(async () => {
    const proxy = await world.startProxy(far, { REGISTRIES: 'ghcr.io,quay.io,registry.k8s.io', ...hub });
    // What this world alone needs: its certificates, its names, and limits that it may not raise.
    writeFileSync(
      join(world.folder, 'world.yaml'),
      `services:
  registry-proxy:
    volumes: ["${world.folder}/ca.pem:/ca.pem:ro"]
    environment: { NODE_EXTRA_CA_CERTS: /ca.pem, ALLOW_PRIVATE_ADDRESSES: "true", LOG_FORMAT: json }
    extra_hosts: ["${far}:10.99.1.1"]
    ulimits: { nofile: 4096, nproc: 4096 }
`,
    );
    const files = ['-f', join(folder, 'compose.yaml'), '-f', join(world.folder, 'world.yaml')];
    const command = ['docker-compose', '-p', 'near', '--project-directory', folder, ...files];
    const env = {
      DOCKER_HOST: `unix://${world.folder}/docker-runs/socket`,
      FAR_URL: `https://${far}`,
      PUBLISH: '15000',
    };
    compose = (...more) => world.ok([...command, ...more], { env, timeout: 200 });
    expect(proxy.name).toBe(far);
  });

  test('the near tier starts, healthy, and keeps what was pulled through the far one', async () => {
    await compose('up', '-d');
    const name = (await docker.ok('ps', '-a', '--format', '{{.Names}}', '--filter', 'name=near')).trim();
    const url = 'docker://10.99.1.1:15000';
    const answers = ['curl', '-sf', 'http://10.99.1.1:15000/-/healthz'];
    await until('it answers', docker.daemon, async () => (await world.run(answers)).code === 0);
    for (const [image, content] of [
      ['library/nginx', scene.images.nginx],
      ['ghcr.io/owner/app:1', scene.images.app],
    ] as const) {
      const target = join(world.folder, `near-${image.replaceAll(/\W/g, '-')}`);
      const from = `${url}/${image}`;
      await world.ok(skopeo('copy', '--all', '--src-tls-verify=false', from, `dir:${target}`), border);
      expectInFolder(target, content);
    }
    expect(await inspect(name)).toMatchObject({ HostConfig: { ReadonlyRootfs: true, CapDrop: ['ALL'] } });
    await compose('stop');
    expect((await inspect(name)).State.ExitCode).toBe(0);
    await compose('down', '-v');
    expect(await docker.ok('volume', 'ls', '-q')).not.toContain('near_cache');
  });
});

/** The pid of the outermost namespace for one of the world's. */
async function outside(pid: number): Promise<string> {
  for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const own = /^NSpid:\s(.*)$/m.exec(readFileSync(`/proc/${entry}/status`, 'utf8'))?.[1]?.split(/\s+/) ?? [];
      const arguments_ = readFileSync(`/proc/${entry}/cmdline`, 'utf8').split('\0');
      if (own[1] === String(pid) && arguments_[1] === '/app/bundle.js') return entry;
    } catch {
      // It has ended.
    }
  }
  throw new Error(`no process ${pid}`);
}
