import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { read } from './reader';

export type Line = Readonly<Record<string, unknown>>;

export interface RunningServer {
  readonly pid: number;
  readonly url: string;
  stop(): Promise<void>;
}

export interface Server extends RunningServer {
  /** The line that said that it listens. */
  readonly listening: Line;
  onLine: (line: Line) => void;
}

const running = new Set<ChildProcess>();

/** A child with a clean environment; whatever still runs when this process ends is ended with it, each by its own id. */
export function spawnClean(
  command: string,
  args: readonly string[],
  env: Record<string, string>,
  cwd: string,
  stderr: 'inherit' | 'ignore' = 'inherit',
) {
  const child = spawn(command, args, { env, cwd, stdio: ['ignore', 'pipe', stderr] });
  running.add(child);
  child.once('exit', () => running.delete(child));
  child.once('error', () => running.delete(child));
  return child;
}

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts a program that prints `{"msg":"listening","port":…}`, and reads every line that it prints. */
export async function startServer(
  command: string,
  args: readonly string[],
  env: Record<string, string>,
  cwd: string,
): Promise<Server> {
  const child = spawnClean(command, args, env, cwd);
  const server = { onLine: (_line: Line) => {} };
  const listening = await new Promise<Line>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (text) => {
      const line: Line = JSON.parse(text);
      if (line.msg === 'listening') resolve(line);
      else server.onLine(line);
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${[command, ...args].join(' ')} ended with ${code}`)));
  });
  return Object.assign(server, {
    pid: child.pid as number,
    url: `http://127.0.0.1:${listening.port}`,
    listening,
    stop: () => stop(child),
  });
}

/** A program that says nothing when it listens, and nothing of what it is asked. */
export interface SilentServer {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Record<string, string>;
  readonly cwd: string;
  /** Answers 200 as soon as it listens. */
  readonly ping: string;
  /** Where it complains of what is none of its business. */
  readonly stderr?: 'ignore';
}

export async function startSilentServer({
  command,
  args,
  env,
  cwd,
  ping,
  stderr,
}: SilentServer): Promise<RunningServer> {
  const child = spawnClean(command, args, env, cwd, stderr);
  child.stdout.resume();
  const server = { pid: child.pid as number, url: new URL(ping).origin, stop: () => stop(child) };
  for (let attempt = 0; attempt < 100 && child.exitCode === null; attempt += 1) {
    if ((await read(ping).done).status === 200) return server;
    await setTimeout(100);
  }
  await stop(child);
  throw new Error(`${[command, ...args].join(' ')} does not answer`);
}

/** Where a program is installed; undefined where it is not. */
export function findProgram(name: string): string | undefined {
  return ['/usr/sbin', '/usr/local/sbin', '/usr/bin', '/usr/local/bin']
    .map((folder) => `${folder}/${name}`)
    .find((path) => existsSync(path));
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

/** Resident memory in MB, now and at its highest. */
export function memoryOf(pid: number): { now: number; peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const megabytes = (name: string) =>
    (Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024) / 1e6;
  return { now: megabytes('VmRSS'), peak: megabytes('VmHWM') };
}

/** Seconds of CPU that a process has used, to a hundredth. */
export function cpuOf(pid: number): number {
  const [user, system] = cpuTimesOf(pid);
  return user + system;
}

/** The same, in the process itself and in the kernel on its behalf. */
export function cpuTimesOf(pid: number): [user: number, system: number] {
  const [, fields = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ');
  const values = fields.split(' ');
  return [Number(values[11]) / 100, Number(values[12]) / 100];
}
