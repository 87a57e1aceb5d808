import type { Readable, Writable } from 'node:stream';
import type { Config } from '../core/config';
import type { Env } from '../core/given';
import { nearest } from '../core/nearest';
import { mask } from '../core/setting-readers';
import type { Log } from '../shell/log';
import type { InnerServer } from './server';

/** What a command talks to; of a process, its own streams. */
export interface Streams {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable;
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly env?: Env;
}

/** What every start loads anyway, and commands are given: whatever they load themselves is held up at every start. */
export type OpenInnerServer = (config: Config, log: Log) => Promise<InnerServer>;

/** A mistake of whoever called a command; the message is a sentence that says what to do. */
export class CommandError extends Error {
  readonly code: number;

  /** @param code of the exit */
  constructor(message: string, code = 1) {
    super(message);
    this.code = code;
  }
}

/**
 * @returns the exit code, where it is a number
 * @throws CommandError
 */
type Run = (argv: readonly string[], streams: Streams, open: OpenInnerServer) => Promise<unknown>;

const commands: Readonly<Record<string, () => Promise<Run>>> = {
  cache: async () => (await import('./cache-command')).cache,
  doctor: async () => (await import('./doctor')).doctor,
  healthcheck: async () => (await import('./healthcheck')).healthcheck,
  htpasswd: async () => (await import('./htpasswd')).htpasswd,
  lambda: async () => (await import('./lambda')).lambda,
  warm: async () => (await import('./warm')).warm,
};

/**
 * Runs the command that the first argument names, with the others.
 * @returns the exit code
 */
export async function runCommand(
  [name, ...argv]: readonly string[],
  streams: Streams,
  open: OpenInnerServer = () => Promise.reject(new Error('no proxy can be opened here')),
): Promise<number> {
  try {
    const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (!load) throw new CommandError(unknown(name));
    const code = await (await load())(argv, streams, open);
    return typeof code === 'number' ? code : 0;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    streams.stderr.write(`${error.message}\n`);
    return error.code;
  }
}

function unknown(name: string): string {
  const near = nearest(name, [...Object.keys(commands), 'serve']);
  const hint = near === undefined ? '--help lists commands and flags' : `did you mean ${near}?`;
  return `"${mask(name)}": unknown command; ${hint}`;
}
