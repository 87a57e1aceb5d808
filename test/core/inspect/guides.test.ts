import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from 'js-yaml';
import type { GuideImage } from '../../../src/core/inspect/guide-names';
import { type Guide, guidesFor } from '../../../src/core/inspect/guides';
import type { Origin } from '../../../src/core/setting-values';
import { hashPassword, makePassword } from '../../../src/shell/made-passwords';
import { root } from '../../tools/sources';
import { configOf } from '../heads';
import { readToml } from './toml';

const SECURE: Origin = { scheme: 'https', hostname: 'r.example.com', port: 443 };
const PLAIN: Origin = { scheme: 'http', hostname: '10.0.0.5', port: 3000 };
const NGINX: GuideImage = { registry: 'docker.io', repository: 'library/nginx', reference: 'latest' };
const APP: GuideImage = { registry: 'ghcr.io', repository: 'owner/app', reference: `sha256:${'a'.repeat(64)}` };
const USERS = { HTPASSWD: `alice:${hashPassword(makePassword())}` };

interface Case {
  env?: Record<string, string>;
  origin?: Origin;
  image?: GuideImage;
  showsRegistries?: boolean;
}

function guides({ env = {}, origin = SECURE, image, showsRegistries }: Case): readonly Guide[] {
  return guidesFor(image, { config: configOf(env), origin, showsRegistries });
}

const stepsOf = (all: readonly Guide[], client: Guide['client']) =>
  all.find((guide) => guide.client === client)?.steps ?? [];
const commands = (all: readonly Guide[], client: Guide['client']) =>
  stepsOf(all, client).flatMap(({ kind, text }) => (kind === 'command' ? [text] : []));
const files = (all: readonly Guide[], client: Guide['client']) =>
  Object.fromEntries(stepsOf(all, client).flatMap(({ path, text }) => (path === undefined ? [] : [[path, text]])));
const fileOf = (all: readonly Guide[], client: Guide['client'], name: string) =>
  Object.entries(files(all, client)).find(([path]) => path.endsWith(name))?.[1] ?? '';

describe('what a client is told', () => {
  test('of an image of Docker Hub, by our host and as a mirror', () => {
    const all = guides({ image: NGINX });
    expect(all.map(({ client }) => client)).toEqual([
      ...['docker', 'docker-mirror', 'containerd', 'podman', 'skopeo', 'crio', 'k3s', 'buildkit'],
    ]);
    expect(commands(all, 'docker')).toEqual(['docker pull r.example.com/library/nginx:latest']);
    expect(commands(all, 'docker-mirror').at(-1)).toBe('docker pull nginx:latest');
    expect(JSON.parse(fileOf(all, 'docker-mirror', 'daemon.json'))).toEqual({
      'registry-mirrors': ['https://r.example.com'],
    });
    expect(load(fileOf(all, 'k3s', 'registries.yaml'))).toEqual({
      mirrors: { 'docker.io': { endpoint: ['https://r.example.com'] } },
    });
    expect(readToml(fileOf(all, 'containerd', 'docker.io/hosts.toml'))).toEqual({
      server: 'https://registry-1.docker.io',
      host: { 'https://r.example.com': { capabilities: ['pull', 'resolve'] } },
    });
    expect(readToml(fileOf(all, 'podman', '.conf'))).toEqual({
      registry: [{ prefix: 'docker.io', location: 'docker.io', mirror: [{ location: 'r.example.com' }] }],
    });
    expect(readToml(fileOf(all, 'buildkit', '.toml'))).toEqual({
      registry: { 'docker.io': { mirrors: ['r.example.com'] } },
    });
  });

  test('of an image by digest at another registry, by the path that stands for it', () => {
    const all = guides({ env: { REGISTRIES: 'ghcr.io' }, image: APP });
    expect(all.map(({ client }) => client)).not.toContain('docker-mirror');
    const name = `owner/app@${APP.reference}`;
    expect(commands(all, 'docker')).toEqual([`docker pull r.example.com/ghcr.io/${name}`]);
    expect(commands(all, 'containerd')).toContain(`crictl pull ghcr.io/${name}`);
    expect(Object.keys(files(all, 'containerd'))).toContain('/etc/containerd/certs.d/ghcr.io/hosts.toml');
    // containerd and its kin say themselves which registry they mean; podman says it by the path.
    expect(fileOf(all, 'containerd', 'hosts.toml')).toContain('[host."https://r.example.com"]');
    expect(fileOf(all, 'podman', '.conf')).toContain('location = "r.example.com/ghcr.io"');
    expect(guides({ image: APP })).toEqual([]);
  });

  test('on a host that stands for one registry, nothing that would lead to it in place of another', () => {
    const env = { REGISTRIES: 'ghcr.io,quay.io' };
    const origin = { ...SECURE, hostname: 'ghcr.r.example.com' };
    const own = guides({ env, origin, image: APP });
    expect(commands(own, 'docker')).toEqual([`docker pull ghcr.r.example.com/owner/app@${APP.reference}`]);
    expect(fileOf(own, 'podman', '.conf')).toContain('location = "ghcr.r.example.com"');
    const others = guides({ env, origin, image: { ...APP, registry: 'quay.io' } });
    expect(others.map(({ client }) => client)).toEqual(['containerd', 'k3s', 'buildkit']);
    expect(guides({ env, origin }).map(({ client }) => client)).not.toContain('docker-mirror');
  });

  test('without TLS, each in its own words', () => {
    const all = guides({ origin: PLAIN, image: NGINX });
    expect(JSON.parse(fileOf(all, 'docker', 'daemon.json'))).toEqual({ 'insecure-registries': ['10.0.0.5:3000'] });
    expect(fileOf(all, 'docker-mirror', 'daemon.json')).toContain('"http://10.0.0.5:3000"');
    expect(fileOf(all, 'containerd', 'hosts.toml')).toContain('[host."http://10.0.0.5:3000"]');
    expect(commands(all, 'containerd').at(-1)).toBe('ctr images pull --plain-http 10.0.0.5:3000/library/nginx:latest');
    expect(readToml(fileOf(all, 'podman', '.conf'))).toMatchObject({
      registry: [{ mirror: [{ location: '10.0.0.5:3000', insecure: true }] }],
    });
    expect(commands(all, 'podman').at(-2)).toContain('--tls-verify=false');
    expect(commands(all, 'skopeo')[0]).toContain('--src-tls-verify=false');
    expect(load(fileOf(all, 'k3s', '.yaml'))).toEqual({
      mirrors: { 'docker.io': { endpoint: ['http://10.0.0.5:3000'] } },
    });
    expect(readToml(fileOf(all, 'buildkit', '.toml'))).toEqual({
      registry: { 'docker.io': { mirrors: ['10.0.0.5:3000'] }, '10.0.0.5:3000': { http: true } },
    });
  });

  test('of an instance with a prefix of its own, no mirror: names are others there', () => {
    const own = { ...NGINX, repository: 'app' };
    const all = guides({ env: { REPO_PREFIX: 'me' }, origin: PLAIN, image: own });
    expect(all.map(({ client }) => client)).not.toContain('docker-mirror');
    expect(commands(all, 'docker').at(-1)).toBe('docker pull 10.0.0.5:3000/app:latest');
    expect(JSON.stringify(all)).not.toMatch(/docker\.io|library/);
    expect(Object.keys(files(all, 'containerd'))).toContain('/etc/containerd/certs.d/10.0.0.5:3000/hosts.toml');
    expect(load(fileOf(all, 'k3s', '.yaml'))).toEqual({
      mirrors: { '10.0.0.5:3000': { endpoint: ['http://10.0.0.5:3000'] } },
    });
    expect(readToml(fileOf(all, 'crio', '.conf'))).toEqual({
      registry: [{ location: '10.0.0.5:3000', insecure: true }],
    });
  });

  test('where a secret lets them in, where it goes, and never what it is', () => {
    const secret = `s${randomBytes(12).toString('hex')}`;
    const env = { ACCESS_SECRET: secret };
    const all = guides({ env, image: NGINX });
    expect(commands(all, 'docker')).toEqual(['docker pull r.example.com/SECRET/library/nginx:latest']);
    expect(fileOf(all, 'docker-mirror', '.json')).toContain('"https://r.example.com/SECRET"');
    expect(fileOf(all, 'containerd', 'hosts.toml')).toContain('[host."https://r.example.com/SECRET"]');
    expect(fileOf(all, 'podman', '.conf')).toContain('"r.example.com/SECRET"');
    expect(fileOf(all, 'k3s', '.yaml')).toContain('"https://r.example.com/SECRET/v2"');
    expect(fileOf(all, 'buildkit', '.toml')).toContain('"r.example.com/SECRET"');
    const byHost = guides({ env, image: NGINX, origin: { ...SECURE, hostname: `${secret}.r.example.com` } });
    expect(commands(byHost, 'docker')).toEqual(['docker pull SECRET.r.example.com/library/nginx:latest']);
    const everything = [all, byHost, guides({ env }), guides({ env, showsRegistries: true })];
    expect(JSON.stringify(everything)).not.toContain(secret);
    const open = guides({ env: { ...env, ...USERS, ANONYMOUS_PULL: 'true' }, image: NGINX });
    expect(commands(open, 'docker')).toEqual(['docker pull r.example.com/library/nginx:latest']);
  });

  test('where they have to log in, how each does, and no docker mirror, which cannot', () => {
    const all = guides({ env: USERS, image: NGINX });
    expect(all.map(({ client }) => client)).not.toContain('docker-mirror');
    expect(commands(all, 'docker')[0]).toBe('docker login r.example.com');
    expect(commands(all, 'podman')[0]).toBe('podman login r.example.com');
    expect(fileOf(all, 'containerd', 'hosts.toml')).toContain('Authorization = "Basic ');
    expect(load(fileOf(all, 'k3s', '.yaml'))).toMatchObject({
      configs: { 'r.example.com': { auth: { username: 'USER', password: 'PASSWORD' } } },
    });
    expect(guides({ env: { ...USERS, ANONYMOUS_PULL: 'true' }, image: NGINX }).map(({ client }) => client)).toContain(
      'docker-mirror',
    );
  });

  test('of an instance: all of its registries, and to strangers at a gate none', () => {
    const env = { REGISTRIES: 'ghcr.io,*.corp.example' };
    const all = guides({ env });
    expect(commands(all, 'docker')).toEqual([
      'docker pull r.example.com/library/nginx:latest',
      'docker pull r.example.com/ghcr.io/REPOSITORY:TAG',
    ]);
    expect(Object.keys(load(fileOf(all, 'k3s', '.yaml')) as { mirrors: object }).length).toBe(1);
    expect(Object.keys((load(fileOf(all, 'k3s', '.yaml')) as { mirrors: object }).mirrors)).toEqual([
      'docker.io',
      'ghcr.io',
    ]);
    expect(Object.keys(files(all, 'containerd')).length).toBe(3);
    const gated = { ...env, ...USERS };
    const strange = guides({ env: gated });
    expect(JSON.stringify(strange)).not.toMatch(/ghcr|docker\.io|corp/);
    expect(commands(strange, 'docker').at(-1)).toBe('docker pull r.example.com/REGISTRY/REPOSITORY:TAG');
    expect(JSON.stringify(guides({ env: gated, showsRegistries: true }))).toContain('ghcr.io');
  });
});

describe('docs/clients.md', () => {
  const text = readFileSync(join(root, 'docs/clients.md'), 'utf8');
  const blocks = [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, kind, body]) => ({ kind, body }));
  const console = blocks
    .filter(({ kind }) => kind === 'console')
    .flatMap(({ body }) => body?.split('\n') ?? [])
    .flatMap((line) =>
      line
        .replace(/^\$ /, '')
        .replace(/\s+#.*/, '')
        .split(' && '),
    );
  const cases: Case[] = [{ image: NGINX }, { env: { REGISTRIES: 'ghcr.io' }, image: { ...APP, reference: 'latest' } }];
  const steps = cases
    .flatMap((each) => guides(each))
    .flatMap(({ client, steps }) => steps.map((step) => ({ client, ...step })));
  const said = (body: string) =>
    body
      .replace(/ +#.*$/gm, '')
      .replace(/^#.*\n/gm, '')
      .replace(/\n+/g, '\n')
      .trim();

  test.each(steps.filter(({ kind }) => kind === 'file'))(
    '$client: $path reads as the guide has it',
    ({ path, text: own }) => {
      expect(text.includes(path as string) || text.includes((path as string).replace(/[^/]*$/, ''))).toBe(true);
      expect(
        blocks.filter(({ body }) => said(body ?? '').includes(said(own).replace(/^mirrors:\n/, ''))).length,
      ).toBeGreaterThan(0);
    },
  );

  const shapes = new Set(console.map(shapeOf));

  test.each(steps.filter(({ kind, text }) => kind === 'command' && !text.startsWith('systemctl')))(
    '$client: has the like of $text',
    ({ text: own }) => expect([...shapes]).toContain(shapeOf(own)),
  );
});

/** A command whatever the image. */
function shapeOf(line: string): string {
  const words = line.split(' ').map((word) => {
    if (/^(docker:\/\/)?r\.example\.com\//.test(word)) return 'OWN';
    if (/^dir:/.test(word)) return 'FOLDER';
    return /^((docker|ghcr)\.io\/|nginx(:latest)?$)/.test(word) ? 'NAME' : word;
  });
  return words.join(' ');
}
