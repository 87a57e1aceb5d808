import { type Account, accountId } from './account';
import type { Upstream } from './config';
import { type HeaderList, headerOf } from './headers';

/** What is left of one account's pulls. */
interface Quota {
  /** As `RateLimit-Remaining` said last; 0 after a 429. */
  readonly remaining: number;
  /** Counts up with every refusal, so that the one refused longest ago is asked again first. */
  readonly refusal: number;
}

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

  /** Takes note of what an answer of the registry says of the account that asked. */
  note(upstream: Upstream, account: Account, status: number, headers: HeaderList): void {
    if (upstream.accounts.length < 2) return;
    const key = keyOf(upstream, account);
    const said = Number.parseInt(headerOf(headers, 'ratelimit-remaining') ?? '', 10);
    if (status === 429) this.refuse(upstream, account);
    else if (said >= 0) this.#known.set(key, { remaining: said, refusal: this.#known.get(key)?.refusal ?? 0 });
  }

  /** An account that was refused is asked again when no other is better. */
  refuse(upstream: Upstream, account: Account): void {
    this.#refusals += 1;
    this.#known.set(keyOf(upstream, account), { remaining: 0, refusal: this.#refusals });
  }
}

const FRESH: Quota = { remaining: Number.POSITIVE_INFINITY, refusal: 0 };

function keyOf({ name }: Upstream, account: Account): string {
  return `${name} ${accountId(account)}`;
}
