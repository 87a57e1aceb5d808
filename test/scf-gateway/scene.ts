import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readManifest } from '../deploy/serverless-yml';
import { type Packaged, startPackaged } from '../edges/packaged';
import { root } from '../tools/sources';
import { scfEdge } from './edge';

export const HOST = '1250000000-abcdefghij.ap-hongkong.tencentscf.com';

/** The package with its scf_bootstrap and the environment of serverless.yml, as SCF runs it. */
export function startScene(
  env: Record<string, string> = {},
  options: { concurrency?: number; deadline?: number } = {},
): Promise<Packaged> {
  const { inputs } = readManifest();
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return startPackaged({
    script: scripts['package:tencent'],
    code: 'code',
    command: ['./scf_bootstrap'],
    env: {
      PATH: `${dirname(process.execPath)}:/usr/bin:/bin`,
      // What SCF sets itself.
      TENCENTCLOUD_RUNENV: 'SCF',
      SCF_FUNCTIONNAME: inputs.name,
      SCF_NAMESPACE: 'default',
      USER_CODE_ROOT: '/var/user/',
      ...inputs.environment.variables,
      ...env,
    },
    edge: scfEdge({ host: HOST, deadline: options.deadline }),
    concurrency: options.concurrency ?? inputs.instanceConcurrencyConfig.maxConcurrency,
  });
}
