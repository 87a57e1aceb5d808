import { type Config, type ConfigError, readConfig } from '../core/config';
import { Guard } from '../shell/guard';
import { createLog, type Log } from '../shell/log';
import { createMemory } from '../shell/token-store';
import type { Context } from './session';

/** What a Worker is given: variables and secrets as texts, and bindings. */
export type Bindings = Readonly<Record<string, unknown>>;

/** What an isolate has for one set of bindings. */
export class Contexts {
  readonly #env: Bindings;
  readonly #guard = new Guard();
  #context: Context | undefined;

  constructor(env: Bindings) {
    this.#env = env;
  }

  /** @throws ConfigError */
  current(): Context {
    this.#context ??= this.#create();
    return this.#context;
  }

  #create(): Context {
    const config = readConfig({ ...textsOf(this.#env), PLATFORM: 'cloudflare-workers' });
    const log = logOf(config);
    for (const note of config.notes) log.warn(note);
    return { config, memory: createMemory(), guard: this.#guard, log };
  }
}

function logOf({ logLevel }: Pick<Config, 'logLevel'>): Log {
  return createLog({ level: logLevel, format: 'json', write: (line) => console.log(line.trimEnd()) });
}

/** What is wrong with a configuration is for its owner: strangers see that something is. */
export function logFaults(error: ConfigError): void {
  const log = logOf({ logLevel: 'error' });
  for (const fault of error.faults) log.error('configuration', { why: fault });
}

function textsOf(env: Bindings): Record<string, string> {
  const texts = Object.entries(env).flatMap(([name, value]) => {
    if (typeof value === 'string') return [[name, value] as const];
    // A variable that was written as JSON comes parsed.
    return isPlain(value) ? [[name, JSON.stringify(value)] as const] : [];
  });
  return Object.fromEntries(texts);
}

function isPlain(value: unknown): boolean {
  if (typeof value === 'number' || typeof value === 'boolean' || Array.isArray(value)) return true;
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
