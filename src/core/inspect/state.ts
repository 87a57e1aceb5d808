import type { Outcome } from '../cache-verbs';
import type { Config } from '../config';
import type { KnownQuota, Quotas } from '../quota';

/** How an instance is doing, for those whom its owner lets see it (`LANDING_PAGE_STATE`). Nothing in it is secret. */
export interface PageState {
  /** Present where there is a cache, and its use is counted. */
  readonly cache?: CacheState;
  /** What registries let their accounts pull yet. */
  readonly quotas: readonly KnownQuota[];
}

export interface CacheState {
  readonly entries?: number;
  readonly bytes?: number;
  readonly maxBytes?: number;
  /** Requests since the start that were answered out of it, and those that were not. */
  readonly hits: number;
  readonly misses: number;
}

/** What an instance knows of itself. */
export interface StateSources {
  readonly config: Pick<Config, 'cache' | 'landingPage'>;
  readonly memory: { readonly quotas: Pick<Quotas, 'all'> };
  /** Requests by what the cache did for them, where somebody counts. */
  readonly counts?: { readonly all: Readonly<Record<string, number>> };
  /** What the cache's store has, where it knows that without looking. */
  readonly occupied?: () => Occupied;
}

type Occupied = Pick<CacheState, 'entries' | 'bytes'>;

/** What was sent without the body from upstream. */
const HITS: readonly Outcome[] = ['hit', 'stale', 'revalidated', 'joined'];

/** @returns undefined where its owner does not let it be seen */
export function pageState({ config, memory, counts, occupied }: StateSources): PageState | undefined {
  if (!config.landingPage?.showsState) return undefined;
  const cache = config.cache && counts && cacheState(config.cache, counts.all, occupied?.() ?? {});
  return { ...(cache && { cache }), quotas: memory.quotas.all() };
}

function cacheState(
  { place }: NonNullable<Config['cache']>,
  counts: Readonly<Record<string, number>>,
  { entries, bytes }: Occupied,
): CacheState {
  const maxBytes = 'maxBytes' in place ? place.maxBytes : undefined;
  return {
    ...(entries !== undefined && { entries }),
    ...(bytes !== undefined && { bytes }),
    ...(maxBytes !== undefined && { maxBytes }),
    hits: HITS.reduce((sum, outcome) => sum + (counts[outcome] ?? 0), 0),
    misses: counts.miss ?? 0,
  };
}
