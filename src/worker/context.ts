import { type Config, readConfig } from '../core/config';
import type { ConfigError } from '../core/config-error';
import { Guard } from '../shell/guard';
import { createLog, type Log } from '../shell/log';
import { createMemory, type TokenSharing } from '../shell/token-store';
import { openUsers } from '../shell/users';
import type { Context } from './session';

/** A request that fetches a token may be ended by the platform before it is over; and it is over when its response is. */
const SHARING: TokenSharing = { renews: false, patience: 10_000 };

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
    const users = config.gate && openUsers(config.gate);
    return { config, memory: createMemory(SHARING), guard: this.#guard, log, users };
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
