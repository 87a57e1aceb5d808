import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { FunctionUrlOptions } from '../lambda/function-url';
import { type ProxyName, proxies } from './addresses';
import { layerNode, project } from './prepare';
import { jsonLines, type LogLine, type RunningProxy, until, type World } from './world';

export interface RunningLambda extends RunningProxy {
  /** Of those that are over: method, path, status, bytes, and how they ended. */
  invocations(): LogLine[];
}

/** What `yarn package:aws` makes, in a folder of this world. */
function packaged(world: World): string {
  const folder = join(world.folder, 'task');
  mkdirSync(folder, { recursive: true });
  const build = ['esbuild.config.mjs', '--outdir', folder, '--beside', 'deploy/aws/bootstrap'];
  execFileSync(process.execPath, build, { cwd: project, stdio: ['ignore', 'ignore', 'inherit'] });
  return folder;
}

/** The packaged function behind a stand-in of its URL, in the place of a proxy. It trusts what everything in the world trusts. */
export async function startLambda(
  world: World,
  name: ProxyName,
  env: Record<string, string>,
  more: Pick<FunctionUrlOptions, 'limits' | 'front'> = {},
): Promise<RunningLambda> {
  const file = join(world.folder, `${name}.json`);
  const options: FunctionUrlOptions = {
    code: packaged(world),
    bootstrap: 'bootstrap',
    command: [layerNode(), '/var/runtime/index.mjs'],
    env: { NODE_EXTRA_CA_CERTS: join(world.folder, 'ca.pem'), ...env },
    host: name,
    port: proxies[name],
    ...more,
  };
  writeFileSync(file, JSON.stringify(options));
  const tsx = createRequire(join(project, 'package.json')).resolve('tsx');
  const main = join(project, 'test/lambda/main.ts');
  const daemon = world.daemon(name, [process.execPath, '--import', tsx, main, file]);
  const log = () => jsonLines(daemon.log());
  await until(`the function ${name} listens`, daemon, () => log().some(({ msg }) => msg === 'listening'));
  return {
    name,
    daemon,
    plain: `127.0.0.1:${proxies[name]}`,
    log,
    rawLog: daemon.log,
    invocations: () => log().filter(({ msg }) => msg === 'invocation'),
    stop: () => daemon.stop(),
  };
}
