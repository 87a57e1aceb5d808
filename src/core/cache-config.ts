import type { S3Place } from './s3-place';

/** Where content is kept (`CACHE`). */
export type StorePlace = MemoryPlace | DiskPlace | S3Place | R2Place;

export interface MemoryPlace {
  readonly kind: 'memory';
  readonly maxBytes: number;
}

export interface DiskPlace {
  readonly kind: 'disk';
  readonly folder: string;
  /** No limit but the disk's where it is missing. */
  readonly maxBytes?: number;
}

/** The bucket that is bound to a Worker. */
export interface R2Place {
  readonly kind: 'r2';
  /** Begins every key; empty, or ends with `/`. */
  readonly prefix: string;
}

/** A tag as the upstream knows it. */
export interface TagName {
  readonly registry: string;
  readonly repository: string;
  readonly tag: string;
}

export interface CacheConfig {
  readonly place: StorePlace;
  /** Milliseconds after a look at the registry for which a tag is taken to be what it was. */
  readonly tagLifetime: (tag: TagName) => number;
  /** Milliseconds after the last look for which a tag is served while the registry cannot be asked. */
  readonly stale: number;
  /** The same where the registry says that the tag is gone. */
  readonly staleMissing: boolean;
  /** Milliseconds for which an answer of 404 holds. */
  readonly negative: number;
  /** Milliseconds without use after which an entry goes; 0 for never. */
  readonly inactive: number;
  /** Bytes of a blob that is kept at most; no limit where it is missing. */
  readonly maxBlob?: number;
  /** Milliseconds that a signed URL to the object store is good for; absent where hits are sent by the proxy itself. */
  readonly redirect?: number;
}
