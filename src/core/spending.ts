import type { Budget } from './budgets';
import { clientOf } from './client-rules';
import type { Config, Upstream } from './config';
import { nextDay, type Side, type Unit, type Use } from './day-ledger';
import type { RegistryError } from './errors';
import type { Place } from './location';
import { tooManyRequests } from './rate-limit';
import type { RequestHead } from './verbs';

/** A budget of this day that is used up. */
export interface Excess {
  readonly side: Side;
  /** Address or user, or the registry's name. */
  readonly name: string;
  readonly unit: Unit;
  readonly limit: number;
  readonly used: number;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** What one request may know of the day's budgets, and what is told of it. */
export interface Spending {
  /** @param client its address, or who it is */
  excessOf(client: string): Excess | undefined;
  /** This client's request is let in: it counts, and so do the bytes that it is sent from now on. */
  begin(client: string): void;
  /** Of a registry that is to be asked. */
  upstreamExcess(upstream: Upstream): Excess | undefined;
}

/** What a registry may be used for in a day: each part of its own, where it has one, in place of the common one. */
export function budgetOf({ budgets }: Config, upstream: Upstream): Budget {
  return { ...budgets?.upstream, ...upstream.budget };
}

/** The one that is used up; that of requests first, since less may go on then. */
export function excessIn(budget: Budget, used: Use, about: Pick<Excess, 'side' | 'name' | 'now'>): Excess | undefined {
  const units: readonly Unit[] = ['requests', 'bytes'];
  const unit = units.find((each) => used[each] >= (budget[each] ?? Number.POSITIVE_INFINITY));
  return unit && { ...about, unit, limit: budget[unit] as number, used: used[unit] };
}

/** One request and the budgets of this day. Only content counts: pings, tokens and our own pages do not. */
export class Purse {
  readonly #head: RequestHead;
  readonly #spending: Spending | undefined;

  /** @param spending missing where nothing is counted */
  constructor(head: RequestHead, spending: Spending | undefined) {
    this.#head = head;
    this.#spending = spending;
  }

  /**
   * Lets a client's request in. One that brings it no body costs no bytes.
   * @param user who has shown who it is; others are known by their address
   * @throws RegistryError 429 for one too many
   */
  admit(place: Place, user: string | undefined): Place {
    if (!this.#spending || place.route.kind === 'ping') return place;
    const client = user === undefined ? clientOf(this.#head, place.config) : `user ${user}`;
    const excess = this.#spending.excessOf(client);
    const { method } = this.#head;
    const admitted = excess && (excess.unit === 'requests' || method === 'GET') ? within(excess, method, place) : place;
    this.#spending.begin(client);
    return admitted;
  }

  /** Both at once, where nothing is kept that could be served. @throws RegistryError 429 */
  pay(place: Place, user: string | undefined): Place {
    return this.afford(this.admit(place, user));
  }

  /**
   * How a registry is asked, or where else a body may come from.
   * @throws RegistryError 429 where its budget is used up
   */
  afford(place: Place, { method } = this.#head): Place {
    const { kind, upstream } = place.route;
    // docker takes a 429 of a ping for a registry that needs no login, and fails later (moby, PingV2Registry).
    const excess = kind === 'ping' ? undefined : this.#spending?.upstreamExcess(upstream);
    return excess ? within(excess, method, place) : place;
  }
}

/** With bytes used up, and redirects in their place, all goes on but what may be large. */
function within(excess: Excess, method: string, place: Place): Place {
  const { config, route } = place;
  const isRedirected = excess.unit === 'bytes' && config.budgets?.action === 'redirect';
  if (!isRedirected || route.kind === 'backend') throw budgetError(excess);
  return route.kind === 'blob' && method === 'GET' ? { ...place, excess } : place;
}

/**
 * Says what a client may know: of a registry's budget, that it is used up; how much each of the others has used is none of
 * its business.
 */
export function budgetError({ side, name, unit, limit, used, now }: Excess): RegistryError {
  const isOwn = side === 'client';
  const budget = `BUDGET_${side.toUpperCase()}_${unit.toUpperCase()}`;
  const reset = nextDay(now);
  const whose = isOwn ? 'your daily budget' : `the daily budget of this proxy for ${name}`;
  const resets = new Date(reset).toISOString().replace('.000', '');
  const message = `${whose} of ${limit} ${unit} is used up; it begins anew at ${resets}`;
  const detail = { ...(isOwn ? { used } : { registry: name }), unit, limit, resets };
  return tooManyRequests(message, budget, reset - now, detail);
}
