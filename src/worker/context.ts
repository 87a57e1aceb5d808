import type { R2Bucket } from '@cloudflare/workers-types';
import { type Config, readConfig } from '../core/config';
import { ConfigError } from '../core/config-error';
import { noFiles } from '../core/files';
import type { Row } from '../core/registry-rows';
import { Guard } from '../shell/guard';
import { createLog, type Log } from '../shell/log';
import { tryStore } from '../shell/readiness';
import { faultReporter } from '../shell/store-faults';
import { createMemory, type TokenSharing } from '../shell/token-store';
import { openUsers } from '../shell/users';
import { R2Store } from '../storage/r2';
import { Content } from './content';
import type { KeepAlive } from './platform';
import type { Administration } from './registries-route';
import { type Kv, KvRows } from './rows-kv';
import type { Context } from './session';
import { IsolateTraces } from './traces';

/** A request that fetches a token may be ended by the platform before it is over; and it is over when its response is. */
const SHARING: TokenSharing = { renews: false, patience: 10_000 };

/**
 * Milliseconds without a byte after which a place among `MAX_TRANSFERS` is free again: a request whose client has left is ended by the
 * platform without a word, and of a body that the platform hands on nothing is seen before its end.
 */
const LEASE = 5 * 60_000;

/** Bytes that a Worker hashes in the 10 ms of a processor that the free plan has for a request, with some to spare. */
const HASH_UP_TO = 1024 * 1024;

/** What a Worker is given: variables and secrets as texts, and bindings. */
export type Bindings = Readonly<Record<string, unknown>>;

/** What an isolate has for one set of bindings. */
export class Contexts {
  readonly #env: Bindings;
  readonly #guard = new Guard(LEASE);
  readonly #rows: KvRows | undefined;
  readonly #bucket: R2Bucket | undefined;
  #context: Context | undefined;
  /** Those that the context was made with. */
  #known: readonly Row[] | undefined;
  /** Present where rows can be changed. */
  readonly administration: Administration | undefined;

  constructor(env: Bindings) {
    this.#env = env;
    const kv = env.REGISTRY_MAPS as Kv | undefined;
    this.#bucket = env.REGISTRY_CACHE as R2Bucket | undefined;
    this.#rows = kv && new KvRows(kv);
    this.administration = this.#rows && { store: this.#rows, read: (rows) => this.#read(rows) };
  }

  /**
   * What a request begins with: a new one where rows have changed.
   * @throws ConfigError, RegistryError 503 where the rows cannot be read
   */
  async current(keepAlive: KeepAlive): Promise<Context> {
    const rows = await this.#rows?.current(keepAlive, (error) => this.#warn(error));
    if (!this.#context || rows !== this.#known) this.#context = this.#renew(rows);
    this.#known = rows;
    return this.#context;
  }

  /** Rows that make the whole invalid do not end what is served. */
  #renew(rows: readonly Row[] | undefined): Context {
    try {
      return this.#create(rows);
    } catch (error) {
      if (!(error instanceof ConfigError) || !this.#context) throw error;
      this.#context.log.warn('configuration not reloaded, the one before it stays', { why: error.faults.join('; ') });
      return this.#context;
    }
  }

  #create(rows: readonly Row[] | undefined): Context {
    const config = this.#read(rows);
    const log = logOf(config);
    for (const note of config.notes) log.warn(note);
    const users = config.gate && openUsers(config.gate);
    const cache = config.cache && this.#openContent(config, log);
    const traces = config.tracing && new IsolateTraces(config.tracing, config.timeouts, log);
    return { config, memory: createMemory(SHARING), guard: this.#guard, log, users, ...cache, traces };
  }

  /** @throws ConfigError */
  #openContent({ cache, directAbove }: Config, log: Log): Pick<Context, 'content' | 'tryStore'> {
    if (!this.#bucket)
      throw new ConfigError(['CACHE=r2: no bucket is bound as REGISTRY_CACHE; bind one, or leave CACHE out']);
    const onFault = faultReporter(log);
    const prefix = cache?.place.kind === 'r2' ? cache.place.prefix : '';
    const hashUpTo = Number.isFinite(directAbove) ? HASH_UP_TO : undefined;
    const store = new R2Store({ bucket: this.#bucket, prefix, onFault });
    return { content: new Content(store, onFault, { hashUpTo }), tryStore: () => tryStore(store) };
  }

  #read(rows: readonly Row[] | undefined): Config {
    // A bucket that is bound is there to be used.
    const given = { ...(this.#bucket && { CACHE: 'r2' }), ...textsOf(this.#env), PLATFORM: 'cloudflare-workers' };
    return readConfig(given, [], {}, noFiles, rows);
  }

  #warn({ message, cause }: Error): void {
    this.#context?.log.warn(message, { why: cause instanceof Error ? cause.message : undefined });
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
