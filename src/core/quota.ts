import { type Account, accountId } from './account';
import type { Upstream } from './config';
import { type HeaderList, headerOf } from './headers';

/** What is left of one account's pulls. */
interface Quota {
  /** As `RateLimit-Remaining` said last; 0 after a 429. */
  readonly remaining: number;
  /** Counts up with every refusal, so that the one refused longest ago is asked again first. */
  readonly refusal: number;
  /** As the registry has told; absent where it has never said how many pulls are left. */
  readonly told?: KnownQuota;
}

/** What a registry lets somebody pull yet, fit to be shown. */
export interface KnownQuota {
  readonly registry: string;
  /** `anonymous`, or the number of the account among those of the registry, from 1 on: never a login. */
  readonly account: string;
  /** Pulls that are left. */
  readonly remaining: number;
  /** Pulls that there are in a window of time, where the registry says so. */
  readonly limit?: number;
}

/** Registries times accounts that are remembered: names that a wildcard stands for are as many as clients make up. */
const MAX_QUOTAS = 1000;

/**
 * Pulls that are left to each account of a registry, as its answers say (Docker Hub: `ratelimit-remaining: 87;w=21600`).
 * No clock is needed: of accounts that are all used up, the one that was refused longest ago is tried, and what it
 * answers is the news.
 */
export class Quotas {
  readonly #known = new Map<string, Quota>();
  #refusals = 0;

  /** The account with most left, one of unknown quota first; undefined where all were tried. */
  choose(upstream: Upstream, tried: ReadonlySet<Account>): Account | undefined {
    const left = upstream.accounts.filter((account) => !tried.has(account));
    const quotaOf = (account: Account) => this.#known.get(keyOf(upstream, account)) ?? FRESH;
    const isBetter = (one: Quota, other: Quota) =>
      one.remaining > other.remaining || (one.remaining === other.remaining && one.refusal < other.refusal);
    return left.reduce<Account | undefined>(
      (best, account) => (best && !isBetter(quotaOf(account), quotaOf(best)) ? best : account),
      undefined,
    );
  }

  /**
   * Takes note of what an answer of the registry says of the account that asked.
   * @param account undefined for nobody's right
   */
  note(upstream: Upstream, account: Account | undefined, status: number, headers: HeaderList): void {
    const key = keyOf(upstream, account);
    const before = this.#known.get(key);
    const said = pullsIn(headers, 'ratelimit-remaining');
    const limit = pullsIn(headers, 'ratelimit-limit') ?? before?.told?.limit;
    const remaining = status === 429 ? 0 : said;
    if (remaining === undefined) return;
    if (status === 429) this.#refusals += 1;
    const refusal = status === 429 ? this.#refusals : (before?.refusal ?? 0);
    const isTold = said !== undefined || before?.told !== undefined;
    const who = { registry: upstream.name, account: nameOf(upstream, account) };
    this.#keep(key, {
      remaining,
      refusal,
      ...(isTold && { told: { ...who, remaining, ...(limit !== undefined && { limit }) } }),
    });
  }

  /** Those that registries have told, a registry's together. */
  all(): readonly KnownQuota[] {
    const told = [...this.#known.values()].flatMap((quota) => (quota.told ? [quota.told] : []));
    const byName = (one: string, other: string) => one.localeCompare(other, 'en', { numeric: true });
    return told.sort((one, other) => byName(one.registry, other.registry) || byName(one.account, other.account));
  }

  #keep(key: string, quota: Quota): void {
    this.#known.delete(key);
    this.#known.set(key, quota);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= MAX_QUOTAS) return;
      this.#known.delete(oldest);
    }
  }
}

const FRESH: Quota = { remaining: Number.POSITIVE_INFINITY, refusal: 0 };

/** The first number of `87;w=21600`; undefined where there is none. */
function pullsIn(headers: HeaderList, name: string): number | undefined {
  const pulls = Number.parseInt(headerOf(headers, name) ?? '', 10);
  return pulls >= 0 ? pulls : undefined;
}

function nameOf({ accounts }: Upstream, account: Account | undefined): string {
  return account ? String(accounts.indexOf(account) + 1) : 'anonymous';
}

function keyOf({ name }: Upstream, account: Account | undefined): string {
  return account ? `${name} ${accountId(account)}` : name;
}
