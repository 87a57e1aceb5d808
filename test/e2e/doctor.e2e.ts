import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { bundle, layerNode } from './prepare';
import { alice, createScene, endScene, expectNoHarm, type Scene } from './scene';
import { frontConfiguration } from './tls-front';
import { type Daemon, type RunningProxy, type RunOptions, until, type World } from './world';

/** `registry-proxy doctor`, the built one, against real registries; nginx in front of the proxy breaks things, one at a time. */

const FOLLOW = 'https://follow.example.com';
const PASS = 'https://pass.example.com';
const IMAGE = ['--image', 'library/nginx', '--platform', 'linux/amd64'];
const border = { border: true };

interface Found {
  step: string;
  mark: string;
  says: string;
  set?: string;
  message: string;
  remedy?: string;
}

let scene: Scene;
let world: World;
let pass: RunningProxy;
let front: Daemon;
const token = randomUUID();

beforeAll(async () => {
  scene = await createScene();
  world = scene.world;
  pass = await world.startProxy('pass.example.com', { ADMIN_TOKEN: token });
}, 180_000);

beforeEach(() => world.forget());

afterEach(() => expectNoHarm(scene));

afterAll(async () => {
  await endScene(scene, [scene?.follow, pass].filter(Boolean));
});

async function doctor(argv: readonly string[], options: RunOptions = {}) {
  const env = { NODE_EXTRA_CA_CERTS: join(world.folder, 'ca.pem'), ...options.env };
  return world.run([layerNode(), bundle, 'doctor', ...argv], { ...options, env });
}

/** What is not good, as `mark step says → set`, and the exit code. */
async function wrong(argv: readonly string[], options: RunOptions = {}): Promise<[number | null, string[]]> {
  const { code, stdout, output } = await doctor([...argv, '--json'], options);
  if (!stdout.startsWith('{')) throw new Error(output);
  const { findings } = JSON.parse(stdout) as { findings: Found[] };
  const told = findings.filter(({ mark }) => mark !== 'good');
  return [code, told.map(({ mark, step, says, set }) => `${mark} ${step} ${says}${set ? ` → ${set}` : ''}`)];
}

/** The front that stands there by now is ended; this is the one that breaks something. */
async function breakFront(edit: (configuration: string) => string): Promise<void> {
  const made = edit(frontConfiguration(world.folder));
  if (made === frontConfiguration(world.folder)) throw new Error('nothing is broken');
  await world.ok(['sh', '-c', `kill $(cat ${world.folder}/nginx.pid)`]);
  await until(
    'the front before has ended',
    pass.daemon,
    async () => (await world.run(['curl', '-s', '-o', '/dev/null', FOLLOW])).code !== 0,
  );
  front = await world.startFront(made);
}

const adding = (line: string) => (text: string) => text.replace('access_log off;', `access_log off;\n    ${line}`);

test('where all is well, each step is told from behind the border, and it ends with 0', async () => {
  const { code, stdout } = await doctor([FOLLOW, ...IMAGE], border);
  expect([code, stdout]).toEqual([
    0,
    expect.stringContaining(`${FOLLOW}: nothing stands in the way of library/nginx\n`),
  ]);
  expect(stdout).toMatch(/✓ name +follow\.example\.com: 10\.99\.1\.1 /);
  expect(stdout).toMatch(/✓ TLS +TLSv1\.[23], certificate for /);
  expect(stdout).toMatch(/✓ challenge +token server https:\/\/follow\.example\.com\n/);
  expect(stdout).toMatch(/✓ layer .*digest proven/);
  expect(stdout).toMatch(/✓ range +206/);
});

test('a CDN behind the border is named, with what to set', async () => {
  const [code, told] = await wrong([PASS, ...IMAGE], border);
  expect([code, told]).toEqual([1, ['bad redirect redirect.unreachable → set.follow']]);
  const { stdout } = await doctor([PASS, ...IMAGE, '--lang', 'zh'], border);
  expect(stdout).toMatch(/✗ 重定向 +307 转到 production\.cloudflare\.docker\.com，从这里不能访问/);
  expect(stdout).toContain('HANDLE_REDIRECT=true');
  // In front of the border it can be reached, and no HEAD goes to what is signed for GET.
  expect(await wrong([PASS, ...IMAGE])).toEqual([0, []]);
  expect(world.seen('production.cloudflare.docker.com').every(({ method }) => method === 'GET')).toBe(true);
});

test('a registry is asked itself, with its own token server', async () => {
  expect(await wrong(['https://registry-1.docker.io', ...IMAGE])).toEqual([0, []]);
});

test('a certificate that nobody vouches for is told, and nothing is sent there', async () => {
  const env = { NODE_EXTRA_CA_CERTS: '', REGISTRY_PROXY_PASSWORD: alice.password };
  const [code, told] = await wrong([FOLLOW, ...IMAGE, '--user', 'alice'], { env });
  expect([code, told]).toEqual([1, ['bad tls tls.chain → set.chain']]);
  expect(world.seen()).toEqual([]);
});

test('a private image needs a login, which is nowhere to be read', async () => {
  const image = ['--image', 'acme/private:1'];
  expect((await wrong([FOLLOW, ...image]))[0]).toBe(1);
  const env = { REGISTRY_PROXY_PASSWORD: alice.password };
  const { code, output } = await doctor([FOLLOW, ...image, '--user', 'alice'], { env });
  expect(code).toBe(0);
  expect(output).not.toContain(alice.password);
});

test('/-/explain shows its owner the hops of a pull', async () => {
  const url = `${PASS}/-/explain?image=library/nginx`;
  const headers = ['-H', `Authorization: Bearer ${token}`, '-H', 'Accept: text/plain'];
  expect(await world.ok(['curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', url], border)).toBe('401');
  const text = await world.ok(['curl', '-s', ...headers, url], border);
  expect(text).toMatch(
    /✓ upstream +registry: GET https:\/\/registry-1\.docker\.io\/v2\/library\/nginx\/manifests\/latest 200/,
  );
  expect(text).toMatch(/✓ redirect +307 to production\.cloudflare\.docker\.com/);
  expect(text).not.toMatch(/Signature|eyJ/);
});

describe('with a front proxy that', () => {
  test.each<[string, (text: string) => string, string[]]>([
    [
      'hides that clients come by https',
      (text) => text.replace('proxy_set_header X-Forwarded-Proto $scheme;', ''),
      ['bad challenge challenge.scheme → set.origin'],
    ],
    [
      'hides the name that clients call',
      (text) => text.replace('proxy_set_header Host $http_host;', 'proxy_set_header Host wrong.example.com;'),
      ['bad challenge challenge.host → set.origin'],
    ],
    [
      'strips a digest',
      adding('proxy_hide_header Docker-Content-Digest;'),
      ['bad manifest manifest.nodigest → set.pass', 'bad manifest manifest.nodigest → set.pass'],
    ],
    [
      'strips the challenge',
      adding('proxy_hide_header WWW-Authenticate;'),
      ['bad challenge challenge.missing → set.pass'],
    ],
    [
      'compresses manifests',
      adding('gzip on; gzip_types *; gzip_min_length 1; gzip_proxied any; gzip_http_version 1.0;'),
      ['bad manifest manifest.encoded → set.length'],
    ],
    [
      'answers HEAD out of nothing',
      (text) => text.replaceAll('location / {', 'location / { if ($request_method = HEAD) { return 200; }'),
      ['bad manifest manifest.nodigest → set.pass', 'bad layer blob.headlength → set.length'],
    ],
  ])('%s', async (_, edit, expected) => {
    await breakFront(edit);
    const [code, told] = await wrong([FOLLOW, ...IMAGE], border);
    for (const each of expected) expect(told).toContain(each);
    expect(code).toBe(1);
  });

  test('takes no large bodies: the largest that goes through is told', async () => {
    await breakFront((text) => text.replace('client_max_body_size 0;', 'client_max_body_size 4m;'));
    const env = { REGISTRY_PROXY_PASSWORD: alice.password };
    const argv = [FOLLOW, '--image', 'acme/private:1', '--user', 'alice', '--push'];
    const { code, stdout } = await doctor(argv, { ...border, env });
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/! push +5\.0 MB did not go through \(413.*\); 4\.0 MB did\n/),
    ]);
    expect(front.log()).not.toContain('[emerg]');
  });
});
