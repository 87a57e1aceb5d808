import { execFileSync, spawn } from 'node:child_process';
import { dirname, join, resolve } from 'node:path';

const root = resolve(__dirname, '../..');

/** The Node.js of the layer (20.11.0) where the tests have it for this machine, else the one that runs them. */
export const layerNode = findLayerNode();

function findLayerNode(): string {
  try {
    const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}/package.json`;
    const home = dirname(require.resolve(name, { paths: [join(root, 'test/node-20.11')] }));
    return join(home, process.platform === 'win32' ? 'bin/node.exe' : 'bin/node');
  } catch {
    return process.execPath;
  }
}

/** What `yarn package:aliyun` runs, with another folder to write to. */
export function packageInto(script: string, outdir: string): void {
  const [command, ...words] = script.split(' ');
  const at = words.indexOf('--outdir');
  if (command !== 'node' || at < 0) throw new Error(`package:aliyun is not node … --outdir …: ${script}`);
  words[at + 1] = outdir;
  execFileSync(process.execPath, words, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
}

export type LogLine = Record<string, unknown>;

export interface FunctionInstance {
  port: number;
  pid: number;
  /** Everything it printed. */
  output(): string;
  logs(): LogLine[];
  /** SIGTERM, then its exit code. */
  stop(): Promise<number | null>;
}

/** Starts the command of a custom runtime beside its code, with nothing in the environment but what it is given. */
export async function startFunction(
  code: string,
  command: readonly string[],
  env: Record<string, string>,
): Promise<FunctionInstance> {
  const [name, ...args] = command;
  const child = spawn(name === 'node' ? layerNode : String(name), args, {
    cwd: code,
    env: { ...env, PORT: '0', LOG_FORMAT: 'json' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = new Promise<number | null>((done) => child.once('exit', done));
  let printed = '';
  const logs = () =>
    printed
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as LogLine);
  const port = await new Promise<number>((done, fail) => {
    const hear = (text: Buffer) => {
      printed += text;
      if (!printed.endsWith('\n')) return;
      const listening = logs().find((line) => line.msg === 'listening');
      if (listening) done(Number(listening.port));
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.once('error', fail);
    child.once('exit', (exit) => fail(new Error(`the function ended with ${exit}: ${printed}`)));
  });
  return {
    port,
    pid: Number(child.pid),
    output: () => printed,
    logs,
    stop() {
      // A frozen process takes its SIGTERM only after it is thawed.
      child.kill('SIGCONT');
      child.kill('SIGTERM');
      return exited;
    },
  };
}
