import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { proxies, proxyAddress } from './addresses';
import { expectInContainerd, expectInDocker, expectInFolder, startContainerd, startDocker } from './clients';
import { type RealImage, type RealIndex, realImage, realIndex } from './images';
import { alice } from './scene';
import { createWorld, type Daemon, type RunningProxy as ProxyProcess, until, type World } from './world';

/**
 * docs/nginx.conf, deploy/nginx/registry-proxy.conf and deploy/nginx/Caddyfile themselves, with the names and places of this
 * world filled in.
 */

const CDN = 'production.cloudflare.docker.com';
/** nginx alone. */
const HUB = 'pass.example.com';
/** nginx in front of the proxy, also on a port of its own. */
const FRONT = 'follow.example.com';
const PORT = 8443;
/** Caddy in front of the same. */
const CADDY_PORT = 9443;

let world: World;
let proxy: ProxyProcess;
let nginx: Daemon;
let image: RealIndex;
let secret: RealImage;
let large: RealImage;
let layer: RealImage['layers'][number];

beforeAll(async () => {
  world = await createWorld();
  image = realIndex('nginx', [300_000, 3_000_000]);
  secret = realImage('secret', [50_000]);
  large = realImage('large', [20 << 20]);
  layer = image.images[0]?.layers.at(-1) as typeof layer;
  world.hub.putIndex('library/nginx', 'latest', image);
  world.hub.putImage('acme/private', '1', secret);
  const names = world.daemon('names', [process.execPath, join(__dirname, 'name-server.mjs')]);
  await until('the name server is ready', names, () => names.log().includes('ready'));
  proxy = await world.startProxy(FRONT, { HANDLE_REDIRECT: 'true', TRUST_PROXY: 'loopback' });
  nginx = await world.startFront(configuration());
}, 180_000);

beforeEach(() => world.forget());

afterEach(() => expect(world.seen().filter(({ accusation }) => accusation)).toEqual([]));

afterAll(async () => {
  expect(await proxy?.stop()).toBe(0);
  await world?.stop();
});

describe('nginx alone', () => {
  const border = { border: true };

  test('skopeo pulls an index and everything in it, and reaches nothing but nginx', async () => {
    const folder = join(world.folder, 'copied');
    await world.ok(['skopeo', 'copy', '--all', `docker://${HUB}/library/nginx`, `dir:${folder}`], border);
    expectInFolder(folder, image);
    const fetched = world.seen(CDN);
    expect(fetched.length).toBeGreaterThan(2);
    expect(fetched.filter(({ headers }) => headers.authorization)).toEqual([]);
  });

  test('docker pulls through it as a mirror', async () => {
    const docker = await startDocker(world, 'docker-nginx', [`https://${HUB}`], border);
    await docker.ok('pull', 'nginx');
    await expectInDocker(docker, 'nginx', image.images[0] as RealImage, image.index.digest);
    await docker.daemon.stop();
  });

  test('containerd pulls through it as a mirror, with ns', async () => {
    const containerd = await startContainerd(world, 'containerd-nginx', border);
    const hosts = containerd.hosts(
      'docker.io',
      `server = "https://registry-1.docker.io"\n[host."https://${HUB}"]\n  capabilities = ["pull", "resolve"]\n`,
    );
    const name = 'docker.io/library/nginx:latest';
    await containerd.ok('images', 'pull', '--snapshotter', 'native', '--platform', 'linux/amd64', ...hosts, name);
    await expectInContainerd(containerd, name, image.images[0] as RealImage, image.index.digest);
    await containerd.daemon.stop();
  });

  test('a private image comes with the login, which only the token server sees', async () => {
    const source = `docker://${HUB}/acme/private:1`;
    await world.fails(['skopeo', 'copy', source, `dir:${world.folder}/refused`], border);
    await world.ok(['skopeo', 'copy', '--src-creds', alice.pair, source, `dir:${world.folder}/private`], border);
    expectInFolder(join(world.folder, 'private'), secret);
    const withLogin = world.seen().filter(({ headers }) => headers.authorization === 'Basic');
    expect([...new Set(withLogin.map(({ host }) => host))]).toEqual(['auth.docker.io']);
  });

  test('an image is pushed through it', async () => {
    const folder = writeFolder('to-push', secret);
    const target = `docker://${HUB}/acme/pushed:1`;
    await world.ok(['skopeo', 'copy', '--dest-creds', alice.pair, `dir:${folder}`, target], border);
    expect(world.hub.verify('acme/pushed', '1')).toContain(secret.config.digest);
  });

  test('a range of a blob comes as that range', async () => {
    const file = join(world.folder, 'range');
    const status = await curl(HUB, `blobs/${layer.digest}`, '-r', '1000-1999', '-o', file, '-w', '%{http_code}');
    expect(status).toBe('206');
    expect(readFileSync(file)).toEqual(layer.bytes.subarray(1000, 2000));
    expect(world.seen(CDN).map(({ headers }) => headers.range)).toEqual(['bytes=1000-1999']);
  });

  test('a HEAD that the registry redirects is answered with the length, and the CDN gets no HEAD', async () => {
    world.modes({ headRedirect: true });
    const head = await curl(HUB, `blobs/${layer.digest}`, '-I');
    world.modes({});
    expect(head).toMatch(/^HTTP\/2 200/);
    expect(head).toMatch(new RegExp(`^content-length: ${layer.bytes.length}\r$`, 'im'));
    // nginx hangs up on a body that it does not want, and the CDN writes its journal when it has noticed.
    for (let wait = 0; wait < 100 && world.seen(CDN).length === 0; wait++) await setTimeout(20);
    expect(world.seen(CDN).map(({ method }) => method)).toEqual(['GET']);
  });

  test('another registry than docker.io is not served', async () => {
    const url = `https://${HUB}/v2/library/nginx/manifests/latest?ns=ghcr.io`;
    expect(await world.ok(['curl', '-s', url])).toMatch(/NAME_UNKNOWN/);
    expect(world.seen()).toEqual([]);
  });

  test('a certificate that nobody vouches for ends the request', async () => {
    const stranger = join(world.folder, 'tokens.crt');
    await nginx.stop();
    nginx = await world.startFront(configuration(stranger));
    const status = await world.ok(['curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', `https://${HUB}/v2/`]);
    await nginx.stop();
    nginx = await world.startFront(configuration());
    expect(status).toBe('502');
    expect(world.seen('registry-1.docker.io').filter(({ url }) => url === '/v2/')).toHaveLength(0);
  });

  test('a redirect to a host that is not listed reaches the client untouched', async () => {
    await nginx.stop();
    nginx = await world.startFront(configuration().replaceAll('(cloudflare|cloudfront)', '(elsewhere)'));
    const head = await curl(HUB, `blobs/${layer.digest}`, '-o', '/dev/null', '-D', '-');
    await nginx.stop();
    nginx = await world.startFront(configuration());
    expect(head).toMatch(/^HTTP\/2 307/);
    expect(head).toMatch(new RegExp(`^location: https://${CDN}/.*X-Amz-Signature=`, 'im'));
    expect(world.seen(CDN)).toEqual([]);
  });
});

describe('nginx -t', () => {
  const check = (text: string) => {
    const path = join(world.folder, 'checked.conf');
    writeFileSync(path, text);
    return world.run(['nginx', '-t', '-p', world.folder, '-c', path, '-e', 'stderr']);
  };

  test('finds nothing to say about it', async () => {
    expect((await check(configuration())).output).not.toMatch(/\[(warn|emerg)\]/);
  });

  test('would find a word that there is not', async () => {
    expect((await check(configuration().replace('proxy_buffering', 'proxy_bufering'))).output).toContain('[emerg]');
  });
});

describe.each([
  ['nginx', PORT],
  ['Caddy', CADDY_PORT],
])('%s in front of the proxy', (front, port) => {
  const here = `${FRONT}:${port}`;
  let caddy: Daemon;

  beforeAll(async () => {
    if (port !== CADDY_PORT) return;
    const path = join(world.folder, 'Caddyfile');
    writeFileSync(path, caddyfile());
    const validated = await world.run(['caddy', 'validate', '--adapter', 'caddyfile', '--config', path]);
    expect(validated.output).toContain('Valid configuration');
    caddy = world.daemon('caddy', ['caddy', 'run', '--adapter', 'caddyfile', '--config', path]);
    const health = ['curl', '-sf', `https://${here}/-/healthz`];
    await until('Caddy listens', caddy, async () => (await world.run(health)).code === 0);
  });

  afterAll(() => caddy?.stop());

  test('speaks HTTP/2', async () => {
    expect(await world.ok(['curl', '-sI', `https://${here}/-/healthz`])).toMatch(/^HTTP\/2 200/);
  });

  test('the token realm is the https address that the client called', async () => {
    const challenge = async (...more: string[]) =>
      /^www-authenticate: (.*)\r$/im.exec(await world.ok(['curl', '-sI', ...more]))?.[1];
    expect(await challenge(`https://${here}/v2/`)).toContain(`realm="https://${here}/token"`);
    expect(await challenge(`https://${FRONT}/v2/`)).toContain(`realm="https://${FRONT}/token"`);
  });

  test('what a client says of the address itself is not believed', async () => {
    const lies = ['X-Forwarded-Host: evil.example', 'X-Forwarded-Port: 1', 'X-Forwarded-Proto: http'];
    const head = await world.ok(['curl', '-sI', ...lies.flatMap((lie) => ['-H', lie]), `https://${here}/v2/`]);
    expect(head).toContain(`realm="https://${here}/token"`);
  });

  test('the address of an upload leads back through it', async () => {
    const authorization = await bearer(here, 'repository:acme/pushed:pull,push', '-u', alice.pair);
    const url = `https://${here}/v2/acme/pushed/blobs/uploads/`;
    const head = await world.ok(['curl', '-s', '-D', '-', '-X', 'POST', '-H', authorization, url]);
    expect(head).toMatch(/^HTTP\/2 202/);
    expect(head).toMatch(new RegExp(`^location: https://${here}/v2/acme/pushed/blobs/uploads/`, 'im'));
  });

  test('20 MB are pushed through it and pulled again', async () => {
    const folder = writeFolder(`large-${front}`, large);
    const name = `docker://${here}/acme/large-${front.toLowerCase()}:1`;
    await world.ok(['skopeo', 'copy', '--dest-creds', alice.pair, `dir:${folder}`, name]);
    expect(world.hub.verify(`acme/large-${front.toLowerCase()}`, '1')).toContain(large.layers.at(-1)?.digest);
    const pulled = join(world.folder, `pulled-${front}`);
    await world.ok(['skopeo', 'copy', name, `dir:${pulled}`], { border: true });
    expectInFolder(pulled, large);
  });

  test('a body goes through HTTP/2 both ways, byte for byte', async () => {
    const repository = 'acme/by-http2';
    const { digest, bytes } = large.layers.at(-1) as (typeof large.layers)[number];
    const authorization = await bearer(here, `repository:${repository}:pull,push`, '-u', alice.pair);
    const file = join(world.folder, `sent-${front}`);
    writeFileSync(file, bytes);
    const start = `https://${here}/v2/${repository}/blobs/uploads/`;
    const begun = await world.ok(['curl', '-s', '-D', '-', '-X', 'POST', '-H', authorization, start]);
    const [, location] = /^location: (\S+)\r$/im.exec(begun) ?? [];
    const url = `${location}${location?.includes('?') ? '&' : '?'}digest=${digest}`;
    const type = 'Content-Type: application/octet-stream';
    const put = ['curl', '-s', '-w', '%{http_version} %{http_code}', '-H', authorization, '-H', type, '-T', file, url];
    expect(await world.ok(put)).toBe('2 201');
    const back = join(world.folder, `back-${front}`);
    const blob = `https://${here}/v2/${repository}/blobs/${digest}`;
    const get = ['curl', '-s', '-w', '%{http_version} %{http_code}', '-H', authorization, '-o', back, blob];
    expect(await world.ok(get)).toBe('2 200');
    expect(readFileSync(back).equals(bytes)).toBe(true);
  });

  test('the log of the proxy names the client, where TRUST_PROXY believes the front', async () => {
    const before = proxy.log().length;
    await world.ok(['curl', '-s', '-H', 'X-Forwarded-For: 192.0.2.1', `https://${here}/v2/`], { border: true });
    await until('the request is logged', nginx, () => proxy.log().length > before);
    expect(proxy.log().slice(before)).toMatchObject([{ msg: 'request', client: '10.99.1.2' }]);
  });
});

/** What it replaces must be there: the file of the documents is what is tested. */
function fill(name: string, places: readonly (readonly [RegExp, string])[]): string {
  return places.reduce(
    (text, [from, to]) => {
      if (text.search(from) < 0) throw new Error(`${name} has no ${from}`);
      return text.replace(new RegExp(from, `g${from.flags}`), to);
    },
    readFileSync(resolve(__dirname, '../..', name), 'utf8'),
  );
}

function caddyfile(): string {
  const tls = `\ttls ${world.folder}/hosts.crt ${world.folder}/hosts.key\n`;
  const own = fill('deploy/nginx/Caddyfile', [
    [/^r\.example\.com \{\n/m, `https://${FRONT}:${CADDY_PORT} {\n\tbind ${proxyAddress}\n${tls}`],
    [/127\.0\.0\.1:3000/, `127.0.0.1:${proxies[FRONT]}`],
  ]);
  return `{\n\tadmin off\n\tauto_https disable_redirects\n}\n${own}`;
}

function configuration(trusted = '/etc/ssl/certs/ca-certificates.crt'): string {
  const identity = [
    [/\/etc\/nginx\/tls\/\S+\.crt/, join(world.folder, 'hosts.crt')],
    [/\/etc\/nginx\/tls\/\S+\.key/, join(world.folder, 'hosts.key')],
  ] as const;
  const alone = fill('docs/nginx.conf', [
    ...identity,
    [/listen 443 ssl;/, `listen ${proxyAddress}:443 ssl;`],
    [/resolver .*;/, 'resolver 127.0.0.1;'],
    [/server_name hub.example.com;/, `server_name ${HUB};`],
    [/\/etc\/ssl\/certs\/ca-certificates.crt/, trusted],
  ]);
  const before = fill('deploy/nginx/registry-proxy.conf', [
    ...identity,
    [/listen 443 ssl http2;/, `listen ${proxyAddress}:443 ssl http2; listen ${proxyAddress}:${PORT} ssl http2;`],
    [/listen \[::\]:443 ssl http2;/, 'listen [::1]:443 ssl http2;'],
    [/server_name r.example.com;/, `server_name ${FRONT};`],
    [/127.0.0.1:3000/, `127.0.0.1:${proxies[FRONT]}`],
  ]);
  const servers = `${alone}\n${before}`;
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `daemon off;
pid ${world.folder}/nginx.pid;
user root;
worker_processes 1;
events {}
http {
  access_log off;
  ${folders.map((kind) => `${kind}_temp_path ${world.folder}/tmp/${kind};`).join('\n  ')}
  ${servers}
}
`;
}

async function bearer(host: string, scope: string, ...more: string[]): Promise<string> {
  const url = `https://${host}/token?service=registry.docker.io&scope=${scope}`;
  return `Authorization: Bearer ${JSON.parse(await world.ok(['curl', '-s', ...more, url])).token}`;
}

async function curl(host: string, path: string, ...more: string[]): Promise<string> {
  const authorization = await bearer(host, 'repository:library/nginx:pull');
  return world.ok(['curl', '-s', '-H', authorization, ...more, `https://${host}/v2/library/nginx/${path}`]);
}

/** A folder as skopeo's `dir:` reads it. */
function writeFolder(name: string, { manifest, config, layers }: RealImage): string {
  const folder = join(world.folder, name);
  mkdirSync(folder);
  writeFileSync(join(folder, 'version'), 'Directory Transport Version: 1.1\n');
  writeFileSync(join(folder, 'manifest.json'), manifest.bytes);
  for (const { digest, bytes } of [config, ...layers]) writeFileSync(join(folder, hex(digest)), bytes);
  return folder;
}

function hex(digest: string): string {
  return digest.slice('sha256:'.length);
}
