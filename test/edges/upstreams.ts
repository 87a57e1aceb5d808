import { type Cdn, startCdn } from '../upstream/cdn';
import { type Image, makeImage } from '../upstream/image';
import { type Registry, startRegistry } from '../upstream/registry';
import { USERS } from '../upstream/scene';
import { startTokenServer, type TokenServer } from '../upstream/token-server';
import { startWire, type Wire } from './wire';

export const MIB = 1024 * 1024;

export interface Upstreams {
  tokens: TokenServer;
  registry: Registry;
  cdn: Cdn;
  /** Between the function and the registry. */
  wire: Wire;
  /** In the registry as team/app:v1: a layer of 20 MiB, a layer of 3000 bytes. */
  image: Image;
  close(): Promise<void>;
}

/** A registry that wants tokens and sends blobs to a CDN, behind a stretch of network that can be cut. */
export async function startUpstreams(): Promise<Upstreams> {
  const tokens = await startTokenServer({ service: 'registry.test', users: USERS });
  const registry = await startRegistry({ auth: { kind: 'bearer', tokens } });
  const cdn = await startCdn({ blobs: registry.blobs });
  const wire = await startWire(registry.port);
  Object.assign(registry.options, { delivery: { kind: 'cdn', cdn }, host: wire.authority, uploads: 'relative' });
  const image = makeImage([20 * MIB, 3000]);
  registry.add('team/app', 'v1', image);
  const all = [wire, { close: cdn.stop }, { close: registry.stop }, { close: tokens.stop }];
  return {
    tokens,
    registry,
    cdn,
    wire,
    image,
    async close() {
      await Promise.all(all.map((one) => one.close()));
    },
  };
}
