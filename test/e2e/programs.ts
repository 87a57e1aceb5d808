import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { clientsFolder } from './prepare';

export interface RunOptions {
  /** Behind the border: nothing but the proxy can be reached. */
  border?: boolean;
  env?: Record<string, string>;
  input?: string;
  cwd?: string;
  timeout?: number;
}

export interface Result {
  code: number | null;
  stdout: string;
  stderr: string;
  /** Both, for messages. */
  output: string;
}

export interface Daemon {
  log(): string;
  /** Ends it as an operator would, and waits. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  exited: Promise<number | null>;
}

/** Runs programs in the namespaces of a world. */
export interface Programs {
  /** Runs a program to its end. */
  run(command: string[], options?: RunOptions): Promise<Result>;
  /** The same, and it has to succeed; gives its stdout. */
  ok(command: string[], options?: RunOptions): Promise<string>;
  /** The same, and it has to fail; gives all it said. */
  fails(command: string[], options?: RunOptions): Promise<string>;
  daemon(name: string, command: string[], options?: RunOptions): Daemon;
  /** How somebody else starts a program there, who has to give it this environment. */
  entrance(options?: RunOptions): { command: string[]; env: Record<string, string> };
}

/** The namespaces are those of the process `inside`; what programs write goes to the world's folder. */
export function programsIn(folder: string, inside: number): Programs {
  const environment = {
    PATH: `${clientsFolder}:/usr/sbin:/usr/bin:/sbin:/bin`,
    HOME: join(folder, 'home'),
    TMPDIR: join(folder, 'tmp'),
    LANG: 'C.UTF-8',
  };
  const enter = (command: string[], cwd: string, border = false): string[] => [
    ...['-t', String(inside), '-m', '-n', '-p', '--'],
    // Not `ip netns exec`: it would hide the cgroups, without which no docker engine starts.
    ...(border ? ['nsenter', '--net=/run/netns/border'] : []),
    ...['env', '-C', cwd],
    ...command,
  ];
  const start = (command: string[], { border, env, cwd = join(folder, 'tmp') }: RunOptions): ChildProcess =>
    spawn('nsenter', enter(command, cwd, border), {
      env: { ...environment, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });

  async function run(command: string[], options: RunOptions = {}): Promise<Result> {
    const child = start(command, options);
    let stdout = '';
    let stderr = '';
    child.stdout?.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr?.on('data', (chunk) => {
      stderr += chunk;
    });
    child.stdin?.on('error', () => {});
    child.stdin?.end(options.input ?? '');
    const seconds = options.timeout ?? 120;
    const timer = setTimeout(() => {
      stderr += `\n(ended after ${seconds} s)`;
      killTree(child.pid as number, 'SIGKILL');
    }, seconds * 1000);
    const code = await exitOf(child);
    clearTimeout(timer);
    return { code, stdout, stderr, output: `$ ${command.join(' ')}\n${stdout}${stderr}` };
  }

  function daemon(name: string, command: string[], options: RunOptions = {}): Daemon {
    const child = start(command, options);
    letGo(child);
    child.stdin?.on('error', () => {});
    const file = createWriteStream(join(folder, 'log', `${name}.log`), { flags: 'a' });
    let log = '';
    const keep = (chunk: Buffer) => {
      log += chunk;
      file.write(chunk);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    const exited = exitOf(child);
    return {
      log: () => log,
      exited,
      stop: (signal = 'SIGTERM') => {
        for (const pid of children(child.pid as number)) kill(pid, signal);
        return exited;
      },
    };
  }

  return {
    run,
    async ok(command, options) {
      const result = await run(command, options);
      if (result.code !== 0) throw new Error(`exit code ${result.code}\n${result.output}`);
      return result.stdout;
    },
    async fails(command, options) {
      const result = await run(command, options);
      if (result.code === 0) throw new Error(`should have failed\n${result.output}`);
      return result.output;
    },
    daemon,
    entrance: ({ border, env, cwd = join(folder, 'tmp') } = {}) => ({
      command: ['nsenter', ...enter([], cwd, border)],
      env: { ...environment, ...env },
    }),
  };
}

export async function until(
  what: string,
  daemon: Daemon,
  reached: () => boolean | Promise<boolean>,
  seconds = 30,
): Promise<void> {
  let ended: number | null | undefined;
  daemon.exited.then((code) => {
    ended = code;
  });
  for (const deadline = Date.now() + seconds * 1000; Date.now() < deadline; ) {
    if (await reached()) return;
    if (ended !== undefined) throw new Error(`before ${what}, it ended with ${ended}:\n${daemon.log()}`);
    await new Promise((wake) => setTimeout(wake, 50));
  }
  throw new Error(`not within ${seconds} s: ${what}\n${daemon.log()}`);
}

/** Status of a GET; 0 where nothing answers. */
export async function statusOf(run: Programs['run'], url: string): Promise<number> {
  const { stdout } = await run(['curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', url]);
  return Number(stdout);
}

export function exitOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => child.on('close', (code) => resolve(code)));
}

/** What still runs when the tests are over does not keep them from ending; it ends with them. */
export function letGo(child: ChildProcess): void {
  child.unref();
  for (const stream of child.stdio) (stream as Socket | null)?.unref();
}

export function children(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function killTree(pid: number, signal: NodeJS.Signals): void {
  for (const child of children(pid)) killTree(child, signal);
  kill(pid, signal);
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended by itself.
  }
}
