import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expectInContainerd, expectInFolder, startContainerd } from './clients';
import { alice, createScene, endScene, expectNoHarm, type Scene } from './scene';
import { skopeo } from './users';
import { type Daemon, hasClient, type RunningProxy, until, type World } from './world';

/**
 * A registry as pull-through cache behind the border, with the proxy as its remote: it can reach nothing else, so whatever
 * it is told must lead back to the proxy. distribution 3.1 ignores a token realm outside its remote's domain.
 */
const behind = { border: true };

let scene: Scene;
let world: World;
let kept: RunningProxy;
const caches: Daemon[] = [];

beforeAll(async () => {
  scene = await createScene();
  world = scene.world;
  kept = await world.startProxy('kept.example.com', {
    HANDLE_REDIRECT: 'true',
    CACHE: `disk:${join(world.folder, 'kept')}`,
    CACHE_TAG_TTL: '1s',
  });
}, 120_000);

beforeEach(() => world.forget());

afterEach(() => expectNoHarm(scene));

afterAll(async () => {
  for (const cache of caches) await cache.stop();
  await endScene(scene, [scene?.follow, kept].filter(Boolean));
});

interface Program {
  readonly title: string;
  readonly command: string;
  readonly isThere: boolean;
}

const programs: Program[] = [
  { title: 'distribution 2.8', command: 'docker-registry', isThere: true },
  { title: 'distribution 3.1', command: 'distribution', isThere: hasClient('distribution') },
];

interface Remote {
  readonly title: string;
  readonly remoteurl: string;
  readonly proxy: () => RunningProxy;
}

const remotes: Remote[] = [
  { title: 'over TLS', remoteurl: 'https://follow.example.com', proxy: () => scene.follow },
  { title: 'over plain HTTP', remoteurl: 'http://10.99.1.1:3001', proxy: () => scene.follow },
  { title: 'with a cache of its own', remoteurl: 'https://kept.example.com', proxy: () => kept },
];

let ports = 5900;

/** Gives its address, which is behind the border too. */
async function startCache({ command }: Program, remoteurl: string, login: object = {}): Promise<string> {
  ports += 1;
  const address = `127.0.0.1:${ports}`;
  const path = join(world.folder, `cache-${ports}.yml`);
  const configuration = {
    version: 0.1,
    storage: { filesystem: { rootdirectory: join(world.folder, `cache-${ports}`) } },
    http: { addr: address, secret: 'of the tests' },
    proxy: { remoteurl, ...login },
  };
  writeFileSync(path, JSON.stringify(configuration));
  const cache = world.daemon(`cache-${ports}`, [command, 'serve', path], {
    ...behind,
    env: { OTEL_TRACES_EXPORTER: 'none' },
  });
  caches.push(cache);
  const answers = async () => (await world.run(['curl', '-s', `http://${address}/v2/`], behind)).code === 0;
  await until('the cache answers', cache, answers);
  return address;
}

function copy(from: string, name: string): Promise<string> {
  const folder = `dir:${join(world.folder, name)}`;
  return world.ok(skopeo('copy', '--all', '--src-tls-verify=false', `docker://${from}`, folder), behind);
}

for (const program of programs) {
  (program.isThere ? describe : describe.skip)(`${program.title} with the proxy as its remoteurl`, () => {
    for (const [index, { title, remoteurl, proxy }] of remotes.entries()) {
      test(`${title}: what was pulled once costs the registry one HEAD of the tag`, async () => {
        const { images } = scene;
        const address = await startCache(program, remoteurl);
        const pullTo = async (name: string) => {
          await copy(`${address}/library/nginx`, name);
          expectInFolder(join(world.folder, name), images.nginx);
        };
        const asked = () =>
          proxy()
            .log()
            .filter(({ msg }) => msg === 'request').length;
        const before = asked();
        await pullTo(`${program.command}-${index}-first`);
        expect(asked()).toBeGreaterThan(before);
        // Its own copies are made after its client has been served.
        await new Promise((wake) => setTimeout(wake, 1500));
        world.forget();
        await pullTo(`${program.command}-${index}-second`);
        const seen = world.seen('registry-1.docker.io').map(({ method, url }) => `${method} ${url}`);
        expect(seen).toEqual(['HEAD /v2/library/nginx/manifests/latest']);
        expect(world.seen('production.cloudflare.docker.com')).toEqual([]);
      });
    }

    test('a login at the remote opens private images', async () => {
      const { username, password } = { username: alice.user, password: alice.password };
      const open = await startCache(program, 'https://follow.example.com', { username, password });
      const closed = await startCache(program, 'https://follow.example.com');
      const folder = join(world.folder, `${program.command}-private`);
      await copy(`${open}/acme/private:1`, `${program.command}-private`);
      expectInFolder(folder, scene.images.private);
      await expect(copy(`${closed}/acme/private:1`, `${program.command}-closed`)).rejects.toThrow();
    });

    test('containerd through it', async () => {
      const address = await startCache(program, 'https://follow.example.com');
      const containerd = await startContainerd(world, `containerd-${program.command}`, behind);
      const name = `${address}/acme/big:1`;
      await containerd.ok('images', 'pull', '--snapshotter', 'native', '--plain-http', name);
      await expectInContainerd(containerd, name, scene.images.big);
      await containerd.daemon.stop();
    });
  });
}

/** What makes the cases above cases: a front that passes the realm on as it is does not do. */
(hasClient('distribution') ? test : test.skip)(
  'distribution 3.1 does not pull through a front that leaves the realm where it is',
  async () => {
    const conf = join(world.folder, 'untouched.conf');
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
    writeFileSync(
      conf,
      `daemon off; pid ${world.folder}/untouched.pid; user root; events {}
      http {
        access_log off;
        ${temporary.map((kind) => `${kind}_temp_path ${world.folder}/tmp/untouched-${kind};`).join('\n')}
        server {
          listen 10.99.1.1:3099;
          location / {
            proxy_pass https://registry-1.docker.io;
            proxy_ssl_server_name on;
            proxy_set_header Host registry-1.docker.io;
          }
        }
      }`,
    );
    const front = world.daemon('untouched', ['nginx', '-p', world.folder, '-c', conf, '-e', 'stderr']);
    const program = programs[1] as Program;
    const challenged = async () =>
      /realm="https:\/\/auth\.docker\.io\/token"/.test(
        (await world.run(['curl', '-s', '-i', 'http://10.99.1.1:3099/v2/'])).stdout,
      );
    await until('the front answers', front, challenged);
    const address = await startCache(program, 'http://10.99.1.1:3099');
    await expect(copy(`${address}/library/nginx`, 'through-untouched')).rejects.toThrow();
    expect(world.seen('auth.docker.io')).toEqual([]);
    await front.stop();
  },
);
