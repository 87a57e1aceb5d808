import { type Packaged, startPackaged } from '../edges/packaged';
import { cloudRunEdge } from './edge';

export const HOST = 'registry-proxy-abcdefghij-as.a.run.app';

/** The bundle with the variables that Cloud Run sets, and no other word about where it runs. */
export function startScene(
  env: Record<string, string> = {},
  options: { concurrency?: number; deadline?: number } = {},
): Promise<Packaged> {
  return startPackaged({
    script: 'node esbuild.config.mjs --outdir dist',
    command: ['node', 'bundle.js'],
    env: {
      K_SERVICE: 'registry-proxy',
      K_REVISION: 'registry-proxy-00001-abc',
      K_CONFIGURATION: 'registry-proxy',
      HANDLE_REDIRECT: 'true',
      ...env,
    },
    edge: cloudRunEdge({ host: HOST, deadline: options.deadline }),
    concurrency: options.concurrency ?? 80,
  });
}
