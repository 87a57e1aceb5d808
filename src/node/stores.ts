import type { CacheConfig, StorePlace } from '../core/cache-config';
import type { Log } from '../shell/log';
import type { Store, StoreOptions } from '../storage/store';

/** Milliseconds from one look for what nobody uses any more to the next (`CACHE_INACTIVE`). */
export const PRUNE_INTERVAL = 3_600_000;

/** Milliseconds to the first one: a process that lives for less than an hour should have one, too. */
export const FIRST_PRUNE = 60_000;

/** Bytes kept in memory where the store of the configuration cannot be opened. */
const SPARE_BYTES = 64 * 1024 * 1024;

/** Milliseconds that the end of a process waits for a store: a disk on another machine may never answer. */
const CLOSE_TIME = 5_000;

/** Loads the driver that is needed, and no other. */
export async function openStore(place: StorePlace, options: StoreOptions = {}): Promise<Store> {
  switch (place.kind) {
    case 'memory': {
      const { MemoryStore } = await import('../storage/memory');
      return new MemoryStore({ ...options, maxBytes: place.maxBytes });
    }
    case 'disk': {
      const { DiskStore } = await import('../storage/disk');
      return new DiskStore({ ...options, folder: place.folder, maxBytes: place.maxBytes });
    }
    case 'r2':
      throw new Error('a bucket that is bound to a Worker is had by the Worker alone');
    case 's3': {
      const { openBucket } = await import('./bucket');
      return openBucket(place, options);
    }
  }
}

/** A store that is shared with others. */
export interface StoreLease {
  readonly store: Store;
  /** What went wrong with it, for the log; one line for each kind of fault and minute. */
  readonly report: (error: Error) => void;
  /** Why memory has to do in its place. */
  readonly why?: string;
  /** To be called once; never fails. The last one closes the store. */
  release(): Promise<void>;
}

interface Shared {
  why?: string;
  readonly opening: Promise<Store>;
  leases: number;
}

/** The stores of a process: one for each place, however many configurations name it. */
export class Stores {
  readonly #log: Log;
  readonly #shared = new Map<string, Shared>();
  #report: ((error: Error) => void) | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Where it cannot be opened, which the log says, memory has to do: pulls go on. */
  async lease({ place, inactive }: CacheConfig): Promise<StoreLease> {
    const { faultReporter } = await import('../shell/store-faults');
    this.#report ??= faultReporter(this.#log);
    const report = this.#report;
    const id = JSON.stringify(place);
    const shared = this.#shared.get(id) ?? this.#share(place, report);
    this.#shared.set(id, shared);
    shared.leases += 1;
    const store = await shared.opening;
    const stop = pruneRegularly(store, inactive, report);
    const release = async () => {
      stop();
      if (this.#isLast(id, shared)) await within(CLOSE_TIME, store.close()).catch(report);
    };
    return { store, report, why: shared.why, release };
  }

  #share(place: StorePlace, onFault: (error: Error) => void): Shared {
    const opening = openStore(place, { onFault }).catch((error: Error) => {
      shared.why = error.message;
      this.#log.warn('the cache cannot be opened, and little is kept', { why: error.message });
      return openStore({ kind: 'memory', maxBytes: SPARE_BYTES }, { onFault });
    });
    const shared: Shared = { opening, leases: 0 };
    return shared;
  }

  #isLast(id: string, shared: Shared): boolean {
    shared.leases -= 1;
    if (shared.leases === 0 && this.#shared.get(id) === shared) this.#shared.delete(id);
    return shared.leases === 0;
  }
}

/** @param inactive milliseconds; 0 for never */
function pruneRegularly(store: Store, inactive: number, report: (error: Error) => void): () => void {
  if (inactive === 0) return () => {};
  const prune = () => store.prune({ usedBefore: Date.now() - inactive }).catch(report);
  const first = setTimeout(prune, FIRST_PRUNE).unref();
  const others = setInterval(prune, PRUNE_INTERVAL).unref();
  return () => {
    clearTimeout(first);
    clearInterval(others);
  };
}

async function within(limit: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the cache did not close within ${limit / 1000} s`)), limit);
  });
  await Promise.race([work, late]).finally(() => clearTimeout(timer));
}
