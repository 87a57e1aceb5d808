import type { Budget } from '../core/budgets';
import type { Config, Upstream } from '../core/config';
import { DayLedger, type Holder, type Side, UNITS, type Unit, type Use } from '../core/day-ledger';
import { matchesWildcard } from '../core/registries-setting';
import { budgetOf, type Excess, excessIn, type Spending } from '../core/spending';
import type { Log } from './log';

/** Counts what is asked of one registry. */
export interface Meter {
  request(): void;
  received(bytes: number): void;
}

/** What one request costs. */
export interface RequestSpending extends Spending {
  meter(upstream: Upstream): Meter;
  /** All of it is over. */
  end(): void;
}

/** Who costs. */
export interface Spender {
  readonly config: Config;
  /** Counts the bytes that the client has been sent. */
  readonly record: Holder;
  readonly log: Log;
  /** It is the proxy's own, for no client: a prefetch, an explanation. */
  readonly isOwn: boolean;
}

/** The use of one registry today, with its budget. */
export interface RegistryUse extends Use {
  readonly registry: string;
  readonly budget: Budget;
}

export interface BudgetUsage {
  readonly upstreams: readonly RegistryUse[];
  /** Clients that have used up a budget of theirs. */
  readonly clientsOver: number;
}

/** What a process counts of the day's budgets; it outlives the configurations that say what they are. */
export class BudgetKeeper {
  readonly ledger: DayLedger;
  readonly #clock: () => number;
  #id = crypto.randomUUID();
  #opened = 0;

  /**
   * @param clock milliseconds since 1970
   * @param lease milliseconds without a byte after which a body is taken to be over, where the end of one may not be seen
   */
  constructor(clock = () => Date.now(), lease?: number) {
    this.#clock = clock;
    this.ledger = new DayLedger(lease);
  }

  /** By which what this process counts is known to others. */
  get id(): string {
    return this.#id;
  }

  /** Grows with each request for content. */
  get opened(): number {
    return this.#opened;
  }

  /** What was known by the name before is another's now. */
  rename(): void {
    this.#id = crypto.randomUUID();
  }

  /** The day, and milliseconds since 1970. */
  get today(): { readonly day: number; readonly now: number } {
    const now = this.#now();
    return { day: this.ledger.day, now };
  }

  /** Undefined where nothing is to be counted. */
  open({ config, record, log, isOwn }: Spender): RequestSpending | undefined {
    const { budgets } = config;
    if (!budgets) return undefined;
    const { client: own } = budgets;
    const watch = (client: string) => {
      this.#now();
      for (const unit of UNITS) this.#warn('client', client, unit, own?.[unit], log);
    };
    const ends: (() => void)[] = [];
    return {
      excessOf: (client) => {
        this.#opened += 1;
        return isOwn ? undefined : this.#excess('client', client, own);
      },
      begin: (client) => {
        if (isOwn || !own) return;
        this.#now();
        this.ledger.add('client', client, 'requests', 1);
        const stop = this.ledger.follow(client, record);
        watch(client);
        ends.push(() => {
          stop();
          watch(client);
        });
      },
      upstreamExcess: (upstream) => this.#excess('upstream', upstream.name, budgetOf(config, upstream)),
      meter: (upstream) => {
        const budget = budgetOf(config, upstream);
        const count = (unit: Unit, number: number) => {
          this.#now();
          this.ledger.add('upstream', upstream.name, unit, number);
          this.#warn('upstream', upstream.name, unit, budget[unit], log);
        };
        return { request: () => count('requests', 1), received: (bytes) => count('bytes', bytes) };
      },
      end: () => {
        for (const end of ends.splice(0)) end();
      },
    };
  }

  /** For those who look at it from outside: no client is named. */
  usage({ budgets, upstreams }: Pick<Config, 'budgets' | 'upstreams'>): BudgetUsage {
    this.#now();
    const names = new Set([...upstreams.map(({ name }) => name), ...this.ledger.names('upstream')]);
    const ownOf = (registry: string) =>
      (upstreams.find(({ name }) => name === registry) ?? upstreams.find(({ name }) => matchesWildcard(registry, name)))
        ?.budget;
    const { client = {} } = budgets ?? {};
    const over = [...this.ledger.names('client')].filter((name) => this.#excess('client', name, client));
    return {
      upstreams: [...names].map((registry) => ({
        registry,
        ...this.ledger.used('upstream', registry),
        budget: { ...budgets?.upstream, ...ownOf(registry) },
      })),
      clientsOver: over.length,
    };
  }

  #excess(side: Side, name: string, budget: Budget = {}): Excess | undefined {
    const now = this.#now();
    return excessIn(budget, this.ledger.used(side, name), { side, name, now });
  }

  #warn(side: Side, name: string, unit: Unit, limit: number | undefined, log: Log): void {
    const part = limit === undefined ? undefined : this.ledger.mark(side, name, unit, limit);
    if (part === undefined) return;
    const whose = side === 'client' ? { client: name } : { registry: name };
    const message = part === 1 ? 'a daily budget is used up' : 'a daily budget is nearly used up';
    log.warn(message, { budget: `BUDGET_${side.toUpperCase()}_${unit.toUpperCase()}`, ...whose, limit });
  }

  #now(): number {
    const now = this.#clock();
    this.ledger.turn(now);
    return now;
  }
}
