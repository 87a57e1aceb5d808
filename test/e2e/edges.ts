import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { HostedEdge } from '../edges/main';
import { type ProxyName, proxies } from './addresses';
import { bundle, layerNode, project } from './prepare';
import { jsonLines, type RunningProxy, until, type World } from './world';

export interface RunningEdge extends RunningProxy {
  /** What the instances answered, as the edge saw it. */
  answers(): { method: string; path: string; status: number; streamed: boolean }[];
  /** Instances that were started. */
  instances(): number[];
}

/** What each platform sets, and how it starts the program. */
const PLATFORMS: Record<HostedEdge['platform'], (world: World) => Omit<HostedEdge, 'platform' | 'port'>> = {
  'aliyun-fc': () => ({
    command: [layerNode(), bundle],
    cwd: dirname(bundle),
    env: { PLATFORM: 'aliyun-fc', HANDLE_REDIRECT: 'true', UV_USE_IO_URING: '0' },
    concurrency: 50,
  }),
  'cloud-run': () => ({
    command: [layerNode(), bundle],
    cwd: dirname(bundle),
    env: { K_SERVICE: 'registry-proxy', K_REVISION: 'registry-proxy-00001', HANDLE_REDIRECT: 'true' },
    concurrency: 80,
  }),
  'tencent-scf': (world) => ({
    command: ['./scf_bootstrap'],
    cwd: packageForScf(world),
    env: { TENCENTCLOUD_RUNENV: 'SCF', SCF_FUNCTIONNAME: 'registry-proxy', HANDLE_REDIRECT: 'true' },
    concurrency: 1,
  }),
};

let packaged: string | undefined;

function packageForScf(world: World): string {
  if (!packaged) {
    packaged = join(world.folder, 'scf');
    const script = join(project, 'deploy/tencent/package.mjs');
    execFileSync(process.execPath, [script, '--outdir', packaged], { stdio: ['ignore', 'ignore', 'inherit'] });
  }
  return join(packaged, 'code');
}

/** The program behind what stands in for a platform's edge, in the place of a proxy. */
export async function startEdgeIn(
  world: World,
  name: ProxyName,
  platform: HostedEdge['platform'],
  env: Record<string, string> = {},
): Promise<RunningEdge> {
  const hosted: HostedEdge = { platform, port: proxies[name], ...PLATFORMS[platform](world) };
  const file = join(world.folder, `${name}.json`);
  const node = dirname(layerNode());
  const common = { PATH: `${node}:/usr/bin:/bin`, NODE_EXTRA_CA_CERTS: join(world.folder, 'ca.pem') };
  writeFileSync(file, JSON.stringify({ ...hosted, env: { ...common, ...hosted.env, ...env } }), { mode: 0o600 });
  const tsx = createRequire(join(project, 'package.json')).resolve('tsx');
  const daemon = world.daemon(name, [process.execPath, '--import', tsx, join(project, 'test/edges/main.ts'), file]);
  const log = () => jsonLines(daemon.log());
  await until(`the edge ${name} listens`, daemon, () => log().some(({ msg }) => msg === 'edge listening'));
  return {
    name,
    daemon,
    plain: `127.0.0.1:${hosted.port}`,
    log,
    rawLog: daemon.log,
    stop: () => daemon.stop(),
    answers: () => log().filter(({ msg }) => msg === 'answer') as unknown as ReturnType<RunningEdge['answers']>,
    instances: () =>
      log()
        .filter(({ msg }) => msg === 'instance')
        .map(({ pid }) => Number(pid)),
  };
}
