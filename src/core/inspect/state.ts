import type { KnownQuota } from '../quota';

/** How an instance is doing, for those whom its owner lets see it (`LANDING_PAGE_STATE`). Nothing in it is secret. */
export interface PageState {
  /** Present where there is a cache. */
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
