import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FunctionProps, manifest, preview, root } from '../deploy/s-yaml';
import { type Cdn, startCdn } from '../upstream/cdn';
import { type Image, makeImage } from '../upstream/image';
import { type Registry, startRegistry } from '../upstream/registry';
import { USERS } from '../upstream/scene';
import { startTokenServer, type TokenServer } from '../upstream/token-server';
import { type FunctionInstance, packageInto, startFunction } from './function';
import { type Gateway, type GatewayOptions, startGateway } from './gateway';
import { startWire, type Wire } from './wire';

export const MIB = 1024 * 1024;
export const users = USERS;

export interface Scene {
  props: FunctionProps;
  tokens: TokenServer;
  registry: Registry;
  cdn: Cdn;
  /** Between the function and the registry. */
  wire: Wire;
  /** In the registry as team/app:v1: a layer of 20 MiB, a layer of 3000 bytes. */
  image: Image;
  instance: FunctionInstance;
  /** Another gateway before the same function. */
  gateway(options?: Partial<GatewayOptions>): Promise<Gateway>;
  close(): Promise<void>;
}

/** The packaged bundle with the command and the environment of s.yaml, in front of a registry that sends blobs to a CDN. */
export async function startScene(env: Record<string, string> = {}): Promise<Scene> {
  const work = mkdtempSync(join(tmpdir(), 'fc-gateway-'));
  const { props } = preview(readFileSync(manifest, 'utf8')).resources.start_express;
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  packageInto(scripts['package:aliyun'], work);

  const tokens = await startTokenServer({ service: 'registry.test', users });
  const registry = await startRegistry({ auth: { kind: 'bearer', tokens } });
  const cdn = await startCdn({ blobs: registry.blobs });
  const wire = await startWire(registry.port);
  Object.assign(registry.options, { delivery: { kind: 'cdn', cdn }, host: wire.authority, uploads: 'relative' });
  const image = makeImage([20 * MIB, 3000]);
  registry.add('team/app', 'v1', image);

  const gateways: Gateway[] = [];
  const closeAll = async () => {
    await Promise.all(gateways.map((each) => each.close()));
    await Promise.all(
      [wire, { close: cdn.stop }, { close: registry.stop }, { close: tokens.stop }].map((it) => it.close()),
    );
    rmSync(work, { recursive: true, force: true });
  };
  const instance = await startFunction(work, props.customRuntimeConfig.command, {
    ...props.environmentVariables,
    REGISTRY_BACKEND: `http://${wire.authority}`,
    ...env,
  }).catch(async (error) => {
    await closeAll();
    throw error;
  });
  return {
    props,
    tokens,
    registry,
    cdn,
    wire,
    image,
    instance,
    async gateway(options) {
      const gateway = await startGateway({ port: instance.port, ...options });
      gateways.push(gateway);
      return gateway;
    },
    async close() {
      await instance.stop();
      await closeAll();
    },
  };
}
