import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FunctionProps, manifest, preview, root } from '../deploy/s-yaml';
import { type FunctionInstance, packageInto, startFunction } from '../edges/function';
import { startUpstreams, type Upstreams } from '../edges/upstreams';
import { USERS } from '../upstream/scene';
import { type Gateway, type GatewayOptions, startGateway } from './gateway';

export { MIB } from '../edges/upstreams';
export const users = USERS;

export interface Scene extends Upstreams {
  props: FunctionProps;
  instance: FunctionInstance;
  /** Another gateway before the same function. */
  gateway(options?: Partial<GatewayOptions>): Promise<Gateway>;
}

/** The packaged bundle with the command and the environment of s.yaml, in front of a registry that sends blobs to a CDN. */
export async function startScene(env: Record<string, string> = {}): Promise<Scene> {
  const work = mkdtempSync(join(tmpdir(), 'fc-gateway-'));
  const { props } = preview(readFileSync(manifest, 'utf8')).resources.start_express;
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  packageInto(scripts['package:aliyun'], work);

  const upstreams = await startUpstreams();
  const gateways: Gateway[] = [];
  const closeAll = async () => {
    await Promise.all(gateways.map((each) => each.close()));
    await upstreams.close();
    rmSync(work, { recursive: true, force: true });
  };
  const instance = await startFunction(work, props.customRuntimeConfig.command, {
    ...props.environmentVariables,
    REGISTRY_BACKEND: `http://${upstreams.wire.authority}`,
    ...env,
  }).catch(async (error) => {
    await closeAll();
    throw error;
  });
  return {
    ...upstreams,
    props,
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
