import type { ServerResponse } from 'node:http';
import type { Config } from '../core/config';
import type { Gate } from '../core/gate';
import { isMadeHash } from '../core/htpasswd';
import { Counts } from '../shell/counts';
import type { Guard } from '../shell/guard';
import type { Log } from '../shell/log';
import { createMemory } from '../shell/token-store';
import type { Users } from '../shell/users';
import type { Context } from './session';
import { type StoreLease, Stores } from './stores';
import type { TracesOptions } from './traces';
import { Transport } from './transport';

/** Milliseconds for the last spans to be exported, where nothing says how long it may take to stop. */
export const LAST_EXPORT_TIME = 2_000;

/**
 * The context of this moment, and those before it that are still in use: a request keeps the one it began with to its
 * end, however often the configuration changes meanwhile.
 */
export class Contexts {
  #current: Context;
  /** How many requests are under way with each. */
  readonly #requests = new Map<Context, number>();

  constructor(first: Context) {
    this.#current = first;
  }

  get current(): Context {
    return this.#current;
  }

  /** What a request begins with, and has until its response is closed. */
  enter(res: ServerResponse): Context {
    const context = this.#current;
    this.#requests.set(context, (this.#requests.get(context) ?? 0) + 1);
    res.once('close', () => this.#leave(context));
    return context;
  }

  /** Requests begin with this one from now on; the one before it ends with its last request. */
  replace(next: Context): void {
    const before = this.#current;
    this.#current = next;
    if (!this.#requests.has(before)) end(before);
  }

  /** @param within milliseconds for what is still to be told to others */
  async close(within = LAST_EXPORT_TIME): Promise<void> {
    await Promise.all([...new Set([this.#current, ...this.#requests.keys()])].map((each) => end(each, within)));
  }

  #leave(context: Context): void {
    const others = (this.#requests.get(context) ?? 1) - 1;
    if (others > 0) return void this.#requests.set(context, others);
    this.#requests.delete(context);
    if (context !== this.#current) end(context);
  }
}

/**
 * What requests share under this configuration. Nothing is known yet: what was learnt by another one, tokens above all,
 * may be what its logins were allowed to do, and not these.
 * @param guard goes on from one configuration to the next, since clients do
 * @param stores go on, too: what is kept in memory would be lost
 */
export async function createContext(
  config: Config,
  guard: Guard,
  log: Log,
  stores: Stores = new Stores(log),
  counts: Counts = new Counts(),
): Promise<Context> {
  const users = config.gate && (await createUsers(config.gate));
  const cache = config.cache && (await createContent(await stores.lease(config.cache), config.capabilities.freezes));
  const transport = new Transport(config.timeouts);
  const { tracing, capabilities } = config;
  const traces = tracing && (await openTraces({ tracing, transport, log, isFrozenSoon: capabilities.freezes }));
  return { config, memory: createMemory(), users, guard, counts, transport, log, traces, ...cache };
}

async function createContent(
  { store, report, why, release }: StoreLease,
  isFrozenSoon: boolean,
): Promise<Pick<Context, 'content' | 'occupied' | 'release' | 'tryStore'>> {
  const { Content } = await import('./content');
  const content = new Content(store, report, undefined, isFrozenSoon);
  return {
    content,
    occupied: () => store.occupied ?? {},
    tryStore: async () => {
      if (why !== undefined) throw new Error(why);
      await (await import('../shell/readiness')).tryStore(store);
    },
    release: async () => {
      await content.settle();
      await release();
    },
  };
}

/** Loaded only where there are any: they bring cryptography with them. */
async function createUsers(gate: Gate): Promise<Users> {
  const { openUsers } = await import('../shell/users');
  if ([...gate.users.values()].every(isMadeHash)) return openUsers(gate);
  const { createPasswordChecker } = await import('./passwords');
  return openUsers(gate, createPasswordChecker());
}

async function openTraces(options: TracesOptions) {
  const { ProcessTraces } = await import('./traces');
  return new ProcessTraces(options);
}

async function end({ transport, users, traces, release }: Context, within = LAST_EXPORT_TIME): Promise<void> {
  await traces?.close(within);
  transport.close();
  users?.close();
  await release?.();
}
