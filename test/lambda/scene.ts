import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { layerNode, packageInto } from '../edges/function';
import { root } from '../tools/sources';
import { type Cdn, startCdn } from '../upstream/cdn';
import { type Image, makeImage } from '../upstream/image';
import { type Registry, startRegistry } from '../upstream/registry';
import { USERS } from '../upstream/scene';
import { startTokenServer, type TokenServer } from '../upstream/token-server';
import { type FunctionUrl, type FunctionUrlOptions, startFunctionUrl } from './function-url';

export const MIB = 1024 * 1024;

export const name = 'team/app';

export interface Scene {
  tokens: TokenServer;
  registry: Registry;
  cdn: Cdn;
  /** In the registry as team/app:v1: a layer of 12 MiB, a layer of 3000 bytes. */
  image: Image;
  /** The packaged function, with what stands in front of it. */
  lambda(env?: Record<string, string>, options?: Partial<FunctionUrlOptions>): Promise<FunctionUrl>;
  close(): Promise<void>;
}

/** A registry that sends its blobs to a CDN, and functions made of what `yarn package:aws` makes. */
export async function startScene(): Promise<Scene> {
  const code = mkdtempSync(join(tmpdir(), 'lambda-'));
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  packageInto(scripts['package:aws'], code);
  const tokens = await startTokenServer({ service: 'registry.test', users: USERS });
  const registry = await startRegistry({ auth: { kind: 'bearer', tokens } });
  const cdn = await startCdn({ blobs: registry.blobs });
  Object.assign(registry.options, { delivery: { kind: 'cdn', cdn }, uploads: 'relative' });
  const image = makeImage([12 * MIB, 3000]);
  registry.add(name, 'v1', image);
  const functions: FunctionUrl[] = [];
  return {
    tokens,
    registry,
    cdn,
    image,
    async lambda(env = {}, options = {}) {
      const started = await startFunctionUrl({
        code,
        bootstrap: 'bootstrap',
        // As the managed runtime calls a wrapper.
        command: [layerNode, '--max-semi-space-size=16', '/var/runtime/index.mjs'],
        env: {
          REGISTRY_BACKEND: registry.url,
          HANDLE_REDIRECT: 'true',
          DELIVERY: 'stream',
          STALL_TIMEOUT: '500ms',
          RETRY_TIMEOUT: '1s',
          ...env,
        },
        ...options,
      });
      functions.push(started);
      return started;
    },
    async close() {
      await Promise.all(functions.map((each) => each.close()));
      await Promise.all([registry, cdn, tokens].map((each) => each.stop()));
      rmSync(code, { recursive: true, force: true });
    },
  };
}
