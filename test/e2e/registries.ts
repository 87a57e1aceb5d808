import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { addresses, ports } from './addresses';
import { project } from './prepare';
import { type Daemon, type Programs, statusOf, until } from './programs';
import { ACCOUNT_SEED, basicUser } from './upstream/accounts';

/**
 * Real registries (docker-registry), and before them public names with TLS, for the large ones also what makes them
 * large: a token server, a CDN. Resolves once all of them answer, with what stops them all.
 */
export async function startRegistries(folder: string, { run, daemon }: Programs): Promise<() => Promise<void>> {
  const registry = (name: string, address: string, auth?: Record<string, object>) => {
    const configuration = {
      version: 0.1,
      log: { level: 'warn', accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: join(folder, name) }, delete: { enabled: true } },
      http: { addr: address, secret: randomBytes(16).toString('hex') },
      ...(auth && { auth }),
    };
    const path = join(folder, `${name}.yml`);
    writeFileSync(path, JSON.stringify(configuration));
    return daemon(name, ['docker-registry', 'serve', path]);
  };
  const token = (host: string, service: string, issuer: string) => ({
    token: { realm: `https://${host}/token`, service, issuer, rootcertbundle: join(folder, 'ca.pem') },
  });
  writeFileSync(join(folder, 'htpasswd'), `${basicUser.user}:${bcrypt(basicUser.password)}\n`);
  const started: [Daemon, string][] = [
    [
      registry('hub', `127.0.0.1:${ports.hub}`, token('auth.docker.io', 'registry.docker.io', 'auth.docker.io')),
      `http://127.0.0.1:${ports.hub}/v2/`,
    ],
    [
      registry('ghcr', `127.0.0.1:${ports.ghcr}`, token('ghcr.io', 'ghcr.io', 'ghcr.io')),
      `http://127.0.0.1:${ports.ghcr}/v2/`,
    ],
    [
      registry('basic', `127.0.0.1:${ports.basic}`, {
        htpasswd: { realm: 'basic.example.org', path: join(folder, 'htpasswd') },
      }),
      `http://127.0.0.1:${ports.basic}/v2/`,
    ],
    [registry('plain', `${addresses['plain.example.org']}:5000`), 'http://plain.example.org:5000/v2/'],
  ];
  const hosts = daemon(
    'hosts',
    [
      ...[process.execPath, '--import', createRequire(join(project, 'package.json')).resolve('tsx')],
      ...[join(__dirname, 'upstream/main.ts'), folder],
    ],
    { env: { [ACCOUNT_SEED]: process.env[ACCOUNT_SEED] as string } },
  );
  await until('the imitated hosts are up', hosts, () => hosts.log().includes('ready'));
  for (const [child, url] of started) {
    await until(`${url} answers`, child, async () => (await statusOf(run, url)) !== 0);
  }
  return async () => {
    for (const child of [hosts, ...started.map(([registry]) => registry)]) await child.stop('SIGKILL');
  };
}

/** As htpasswd -B makes it; perl, which every Debian has, knows crypt(3). */
function bcrypt(password: string): string {
  const salt = randomBytes(11).toString('hex');
  return execFileSync('perl', ['-e', 'print crypt($ARGV[0], $ARGV[1])', password, `$2y$05$${salt}`]).toString();
}
