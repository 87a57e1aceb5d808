import { type ChildProcess, spawn } from 'node:child_process';
import { type RuntimeApi, startRuntimeApi } from './runtime-api';

/** How a function is set up. */
export interface Setup {
  /** The folder of its code, which the platform mounts at /var/task. */
  code: string;
  /** Name in it of what AWS_LAMBDA_EXEC_WRAPPER or an OS-only runtime starts. */
  bootstrap: string;
  /** What a managed runtime would have started, and hands over to a wrapper; an OS-only runtime hands over nothing. */
  command: readonly string[];
  env: Record<string, string>;
  /** Hears all that it prints. */
  onOutput?(text: string): void;
}

/** One execution environment: a process that serves one invocation at a time, and stands still in between. */
export interface Instance {
  pid: number;
  api: RuntimeApi;
  isFrozen(): boolean;
  thaw(): void;
  freeze(): void;
  /** Resolves once it waits for an event; fails where it ends before. */
  ready(): Promise<void>;
  output(): string;
  /** Ends as the platform ends it: SIGTERM, and its exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

export async function startInstance({ code, bootstrap, command, env, onOutput }: Setup): Promise<Instance> {
  const api = await startRuntimeApi();
  const child: ChildProcess = spawn(`${code}/${bootstrap}`, command, {
    cwd: code,
    env: {
      PATH: process.env.PATH ?? '',
      ...env,
      AWS_LAMBDA_RUNTIME_API: api.place,
      AWS_LAMBDA_FUNCTION_NAME: 'registry-proxy',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '1024',
      AWS_REGION: 'eu-central-1',
      LAMBDA_TASK_ROOT: code,
      LOG_FORMAT: 'json',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (text: Buffer) => {
      printed += text;
      onOutput?.(String(text));
    });
  }
  let ending: number | null | undefined;
  const exited = new Promise<number | null>((resolve) => {
    child.once('error', (error) => {
      printed += String(error);
      resolve(null);
    });
    child.once('close', (exit) => {
      ending = exit;
      resolve(exit);
    });
  });
  let frozen = false;
  const signal = (name: NodeJS.Signals) => ending === undefined && child.kill(name);
  return {
    pid: child.pid ?? 0,
    api,
    isFrozen: () => frozen,
    thaw() {
      if (frozen) signal('SIGCONT');
      frozen = false;
    },
    freeze() {
      if (!frozen) signal('SIGSTOP');
      frozen = true;
    },
    async ready() {
      const ended = exited.then((exit) => {
        throw new Error(`the instance ended with ${exit}: ${printed}`);
      });
      await Promise.race([api.waiting(), ended]);
      ended.catch(() => {});
    },
    output: () => printed,
    async stop(name = 'SIGTERM') {
      // A process that stands still takes its SIGTERM only after it goes on.
      signal('SIGCONT');
      signal(name);
      const exit = await exited;
      await api.close();
      return exit;
    },
  };
}
