import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { until } from '../upstream/scene';

const root = join(__dirname, '../..');

/** The process as it is built, in one file in a folder of its own: with this .env, and nothing else beside it. */
export async function processFrom(dotenv?: string, node = process.execPath) {
  const folder = mkdtempSync(join(tmpdir(), 'main-'));
  const outfile = join(folder, 'bundle.js');
  await promisify(execFile)(process.execPath, ['esbuild.config.mjs', '--outdir', folder], { cwd: root });
  const writeDotenv = (text: string) => writeFileSync(join(folder, '.env'), text);
  if (dotenv !== undefined) writeDotenv(dotenv);
  const children: ChildProcess[] = [];
  return {
    writeDotenv,
    start(env: Record<string, string> = {}, ...argv: string[]) {
      const child = spawn(node, [outfile, ...argv], {
        cwd: folder,
        env: { PATH: process.env.PATH ?? '', ...env },
      });
      children.push(child);
      let [out, err] = ['', ''];
      child.stdout.on('data', (chunk) => {
        out += chunk;
      });
      child.stderr.on('data', (chunk) => {
        err += chunk;
      });
      const exited = new Promise<number | null>((resolve) => child.on('close', resolve));
      const lines = (): Record<string, unknown>[] =>
        out
          .split('\n')
          .filter((line) => line.startsWith('{'))
          .map((line) => JSON.parse(line));
      return {
        out: () => out,
        err: () => err,
        lines,
        exited,
        /** All that is piped in. */
        input: (text: string) => child.stdin.end(text),
        signal: (name: NodeJS.Signals) => child.kill(name),
        /** The line that says where it listens. */
        async listening() {
          const find = () => lines().find(({ msg }) => msg === 'listening');
          if (!(await until(() => find() !== undefined, 8000))) throw new Error(`does not listen: ${out}${err}`);
          return find() as { url: string; port: number; backend: string };
        },
      };
    },
    stop() {
      for (const child of children) child.kill('SIGKILL');
      rmSync(folder, { recursive: true });
    },
  };
}
