import { randomBytes } from 'node:crypto';
import type { Instance, Runtime } from '../runtimes';
import { type Cdn, type CdnOptions, startCdn } from './cdn';
import { type Collector, startCollector } from './collector';
import { type Image, makeImage } from './image';
import type { Upstream } from './listen';
import { type Registry, type RegistryOptions, startRegistry } from './registry';
import { type Hit, startSearch } from './search';
import { startTokenServer, type TokenServer, type TokenServerOptions } from './token-server';

/** Timeouts short enough for a test; each test that is about one of them sets it itself. */
const ENV = {
  STALL_TIMEOUT: '400ms',
  RETRY_TIMEOUT: '2s',
  RESPONSE_TIMEOUT: '5s',
  CONNECT_TIMEOUT: '2s',
  SHUTDOWN_TIMEOUT: '1s',
};

/** One runtime with imitated upstreams around it; `close` after each test also passes their accusations on. */
export interface Stage {
  registry(options?: RegistryOptions): Promise<Registry>;
  cdn(options: Partial<CdnOptions> & { registry: Registry }): Promise<Cdn>;
  tokens(options?: Partial<TokenServerOptions>): Promise<TokenServer>;
  /** What stands in for Docker Hub's search. */
  search(hits?: readonly Hit[]): Promise<Upstream>;
  collector(basePath?: string): Promise<Collector>;
  /** The proxy in front of this registry. */
  proxy(registry: Registry | string, env?: Record<string, string>): Promise<Instance>;
  /** Stops everything and returns what the upstreams accuse the proxy of. */
  close(): Promise<string[]>;
}

export function stageFor(runtime: Runtime): Stage {
  let upstreams: Upstream[] = [];
  let instances: Instance[] = [];
  const kept = <T extends Upstream>(upstream: T): T => {
    upstreams.push(upstream);
    return upstream;
  };
  return {
    registry: async (options) => kept(await startRegistry(options)),
    cdn: async ({ registry, ...options }) => kept(await startCdn({ blobs: registry.blobs, ...options })),
    tokens: async (options) => kept(await startTokenServer({ service: 'registry.test', users: USERS, ...options })),
    search: async (hits) => kept(await startSearch(hits)),
    collector: async (basePath) => kept(await startCollector(basePath)),
    async proxy(registry, env) {
      const backend = typeof registry === 'string' ? registry : registry.url;
      const instance = await runtime.start({ REGISTRY_BACKEND: backend, ...ENV, ...env });
      instances.push(instance);
      return instance;
    },
    async close() {
      const accusations = upstreams.flatMap((upstream) => upstream.accusations);
      await Promise.all([...upstreams.map((upstream) => upstream.stop()), ...instances.map((each) => each.stop())]);
      upstreams = [];
      instances = [];
      return accusations;
    },
  };
}

/** Passwords may hold a colon (RFC 7617); this one is made anew for each run. */
export const USERS = { alice: `${randomBytes(6).toString('hex')}:7` };

/** A small image under the name and tag that most sentences use. */
export function smallImage(registry: Registry, name = 'team/app', tag = 'v1', sizes = [70_000, 3_000]): Image {
  const image = makeImage(sizes);
  registry.add(name, tag, image);
  return image;
}

/** Waits until something holds, since an upstream hears of a client's leaving a moment later, and much later on a busy machine. */
export async function until(condition: () => boolean, limit = 8000): Promise<boolean> {
  const end = Date.now() + limit;
  while (!condition()) {
    if (Date.now() > end) return false;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return true;
}
