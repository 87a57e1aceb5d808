import type { CacheMemory } from './cache-memory';
import type { Quotas } from './quota';
import type { Realms } from './realm';

/** Token documents that a runtime holds, by what they are for. */
export interface Tokens {
  /** A document that is good for a while yet. */
  get(key: string): string | undefined;
  /** The document was refused. */
  delete(key: string): void;
}

/** What requests of one configuration learn for each other. */
export interface Memory {
  readonly realms: Realms;
  readonly tokens: Tokens;
  readonly quotas: Quotas;
  readonly cache: CacheMemory;
}
