import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { base } from './folder';

/** Processes of their own that play the scenarios, and a folder for what they need. */
export async function storeProcesses() {
  const folder = mkdtempSync(join(base, 'store-'));
  const program = join(folder, 'scenarios.js');
  await build({
    entryPoints: [join(__dirname, 'scenarios.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    logLevel: 'silent',
  });
  const stops: (() => void)[] = [];
  return {
    folder,
    program,
    start(command: string, ...args: string[]) {
      const child = spawn(command, args, { env: { PATH: process.env.PATH ?? '' } });
      let [out, err] = ['', ''];
      let onLine = () => {};
      const ready = new Promise<void>((resolve) => {
        onLine = resolve;
      });
      child.stdout.on('data', (chunk) => {
        out += chunk;
        onLine();
      });
      child.stderr.on('data', (chunk) => {
        err += chunk;
      });
      const exited = new Promise<number | null>((resolve) => child.on('close', resolve));
      stops.push(() => child.kill('SIGKILL'));
      return {
        /** Its first line, or its end. */
        ready: Promise.race([ready, exited]),
        exited,
        kill: () => child.kill('SIGKILL'),
        err: () => err,
        lines: (): Record<string, unknown>[] =>
          out
            .split('\n')
            .filter((line) => line !== '')
            .map((line) => JSON.parse(line)),
      };
    },
    stop() {
      for (const stop of stops) stop();
      rmSync(folder, { recursive: true });
    },
  };
}

/** Words before a command that give it mounts of its own; undefined where this system does not let us. */
export function ownMounts(): string[] | undefined {
  const words = process.getuid?.() === 0 ? ['unshare', '-m'] : ['unshare', '-r', '-m'];
  const probe = 'mount -t tmpfs -o size=1m tmpfs /tmp && mount -o remount,ro /tmp';
  const { status } = spawnSync(words[0] as string, [...words.slice(1), 'sh', '-c', probe]);
  return status === 0 ? words : undefined;
}
