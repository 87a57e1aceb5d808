import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Authority } from '../upstream/certificates';
import { type addresses, type ProxyName, proxies, proxyAddress } from './addresses';
import { writeHosts, writeIdentities } from './identities';
import { startNamespaces } from './namespaces';
import { bundle, layerNode } from './prepare';
import { type Daemon, type Programs, type RunOptions, statusOf, until } from './programs';
import { startRegistries } from './registries';
import { type Storage, storageAt } from './storage';
import { frontConfiguration } from './tls-front';
import { journalFile, type Modes, modesFile, type Seen, usualModes } from './upstream/journal';

export { hasClient } from './prepare';
export { type Daemon, type RunOptions, until } from './programs';

export interface LogLine {
  msg: string;
  level: string;
  method?: string;
  path?: string;
  route?: string;
  status?: number;
  bytes?: number;
  resumed?: number;
  upstream?: string;
  why?: string;
  [name: string]: unknown;
}

export interface RunningProxy {
  name: ProxyName;
  daemon: Daemon;
  /** host:port, without TLS but where the proxy itself speaks it. */
  plain: string;
  log(): LogLine[];
  rawLog(): string;
  stop(): Promise<number | null>;
}

/**
 * Registries, token servers and CDNs under their real names, in namespaces of their own: nothing outside sees or feels
 * them, and nothing in them reaches the outside.
 */
export interface World extends Programs {
  folder: string;
  /** The only one that anything in there trusts. */
  authority: Authority;
  hub: Storage;
  ghcr: Storage;
  basic: Storage;
  plain: Storage;
  /** @param options behind the border there is no TLS for it, and its address there is 127.0.0.1 */
  startProxy(name: ProxyName, env: Record<string, string>, options?: RunOptions): Promise<RunningProxy>;
  /** TLS for every proxy under its name; `conf` replaces the plain front by another nginx configuration. */
  startFront(conf?: string): Promise<Daemon>;
  /** What reached the imitated hosts since the last `forget`. */
  seen(host?: keyof typeof addresses): Seen[];
  forget(): void;
  modes(modes: Partial<Modes>): void;
  /** Registries, token servers and CDNs are gone, and do not come back. */
  stopRegistries(): Promise<void>;
  stop(): Promise<void>;
}

export async function createWorld(): Promise<World> {
  // Short, whatever TMPDIR says: sockets and podman's folders have names of limited length.
  const folder = mkdtempSync('/tmp/e2e-');
  for (const name of ['home', 'tmp', 'log', 'hub', 'ghcr', 'basic', 'plain']) mkdirSync(join(folder, name));
  const authority = await writeIdentities(folder);
  writeHosts(folder);
  writeFileSync(journalFile(folder), '');
  writeFileSync(modesFile(folder), JSON.stringify(usualModes));
  const namespaces = await startNamespaces(folder);
  const { programs } = namespaces;

  let stopRegistries = async () => {};
  const world: World = {
    ...programs,
    folder,
    authority,
    hub: storageAt(join(folder, 'hub')),
    ghcr: storageAt(join(folder, 'ghcr')),
    basic: storageAt(join(folder, 'basic')),
    plain: storageAt(join(folder, 'plain')),
    async startProxy(name, env, options = {}) {
      const port = proxies[name];
      const child = programs.daemon(name, [layerNode(), bundle], {
        ...options,
        env: { PORT: String(port), NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem'), LOG_FORMAT: 'json', ...env },
      });
      const log = () => jsonLines(child.log());
      await until(`the proxy ${name} listens`, child, () => log().some(({ msg }) => msg === 'listening'));
      return {
        name,
        daemon: child,
        plain: `${options.border ? '127.0.0.1' : proxyAddress}:${port}`,
        log,
        rawLog: child.log,
        stop: () => child.stop(),
      };
    },
    async startFront(conf = frontConfiguration(folder)) {
      const path = join(folder, 'front.conf');
      writeFileSync(path, conf);
      const child = programs.daemon('front', ['nginx', '-p', folder, '-c', path, '-e', 'stderr']);
      await until(
        'nginx listens',
        child,
        async () => (await statusOf(programs.run, `https://follow.example.com/`)) !== 0,
      );
      return child;
    },
    seen(host) {
      const lines = readFileSync(journalFile(folder), 'utf8').split('\n').filter(Boolean);
      const all = lines.map((line) => JSON.parse(line) as Seen);
      return host ? all.filter((one) => one.host === host) : all;
    },
    forget: () => writeFileSync(journalFile(folder), ''),
    modes(modes) {
      const generation = JSON.parse(readFileSync(modesFile(folder), 'utf8')).generation + 1;
      writeFileSync(modesFile(folder), JSON.stringify({ ...usualModes, generation, ...modes }));
    },
    stopRegistries: () => stopRegistries(),
    async stop() {
      await namespaces.stop();
      if (!process.env.E2E_KEEP) rmSync(folder, { recursive: true, force: true });
    },
  };

  try {
    stopRegistries = await startRegistries(folder, programs);
  } catch (error) {
    await world.stop();
    throw error;
  }
  return world;
}

/** Lines of a log that are JSON. */
export function jsonLines(log: string): LogLine[] {
  const lines = log.split('\n').filter((line) => line.startsWith('{') && line.endsWith('}'));
  return lines.map((line) => JSON.parse(line));
}
