import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../tools/sources';
import { freePort, type RunningServer, startServer } from './processes';
import type { Stage } from './stage';

/** The built Worker, and the shortest one there is. */
export interface WorkerModules {
  readonly own: string;
  readonly plain: string;
}

export async function buildWorkers(stage: Stage): Promise<WorkerModules> {
  const command = ['esbuild.config.mjs', '--target', 'cloudflare', '--outdir', stage.folder];
  await promisify(execFile)(process.execPath, command, { cwd: root });
  return { own: join(stage.folder, 'worker.js'), plain: join(__dirname, 'peers/pass-through-worker.mjs') };
}

const running = new Set<number>();

/** Whoever started workerd may be gone before it. */
process.on('exit', () => {
  for (const pid of running) end(pid);
});

/**
 * A Worker on a workerd of its own, whose id is that of the server: what starts it is not measured.
 * @param hasBucket an empty bucket of the simulator's, which runs in the same workerd and keeps its objects in files
 */
export async function startWorker(
  stage: Stage,
  script: string,
  env: Record<string, string>,
  hasBucket: boolean,
): Promise<RunningServer> {
  const folder = mkdtempSync(join(stage.folder, 'worker-'));
  const options = { script, bindings: env, port: await freePort(), ...(hasBucket && { bucket: folder }) };
  const file = join(folder, 'options.json');
  writeFileSync(file, JSON.stringify(options));
  const host = await startServer(process.execPath, [join(root, 'test/tools/worker-host.mjs'), file], {}, folder);
  const pid = Number(host.listening.workerd);
  running.add(pid);
  return {
    pid,
    url: host.url,
    async stop() {
      end(pid);
      running.delete(pid);
      await host.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
