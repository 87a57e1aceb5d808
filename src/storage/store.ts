/** A body by its digest, `sha256:<hex>` or `sha512:<hex>`: it never changes. */
export interface BlobKey {
  readonly kind: 'blob';
  readonly digest: string;
}

/** A small document by a name that the caller makes up: a tag's digest, a manifest's media type, an answer of 404. */
export interface DocumentKey {
  readonly kind: 'document';
  readonly name: string;
}

export type Key = BlobKey | DocumentKey;

/** What belongs to a document beside its bytes: media type, headers, times. Anything that JSON can hold. */
export type Head = Readonly<Record<string, unknown>>;

/** Bytes of a document's body at most: a manifest of the size that registries must take (OCI distribution spec, "Pushing Manifests"). */
export const MAX_DOCUMENT_BYTES = 4 * 1024 * 1024;

/** Bytes of a document's head at most, as JSON. */
export const MAX_HEAD_BYTES = 64 * 1024;

export interface Entry {
  readonly key: Key;
  /** Bytes of the body. */
  readonly size: number;
  /** Milliseconds since 1970; as exact as the driver knows, which may be a minute or the time of writing. */
  readonly usedAt: number;
  /** Documents only. */
  readonly head?: Head;
}

/** Bytes `first` to `last`, both included, as in HTTP. A `last` behind the end means the end. */
export interface Range {
  readonly first: number;
  readonly last?: number;
}

/**
 * The bytes of one entry as it was when it was opened: what happens to the key meanwhile does not show. To be iterated once;
 * nothing is read ahead of a slow reader. Leaving the loop frees everything, and so does `close`, which is needed only where no
 * loop is ever begun. The bytes are not to be changed by who gets them. The loop ends with a StoreError, never early,
 * where not all of them can be had.
 */
export interface Reading extends AsyncIterable<Uint8Array> {
  readonly entry: Entry;
  readonly first: number;
  /** One less than `first` for an empty body. */
  readonly last: number;
  /**
   * In place of the loop: puts what comes next into a buffer of the caller's, which can be used again and again; says how many
   * bytes, 0 behind the last one. Drivers that make no buffers for reading have no such method.
   */
  fill?(buffer: Uint8Array): Promise<number>;
  close(): Promise<void>;
}

export interface About {
  /** Bytes that will come, where that is known: what has no room is refused at once. */
  readonly size?: number;
  /** Documents only. */
  readonly head?: Head;
  /**
   * Who proves a blob's digest; `caller`: whoever calls `commit` has just done so over these very bytes. It need not wait for
   * `commit` with what it gives to others, either: a busy disk takes half a second for it.
   */
  readonly proof?: 'store' | 'caller';
}

/**
 * Takes the bytes of one entry, which nobody sees before `commit`. One call at a time; each that fails has ended the sink
 * and removed what it wrote.
 */
export interface Sink {
  /** Bytes written so far. */
  readonly written: number;
  /** Resolves when more may come. The chunk may be used again after that. */
  write(chunk: Uint8Array): Promise<void>;
  /** Proves length and digest and makes the entry visible, in place of any other under its key. */
  commit(): Promise<void>;
  /** Removes everything; never fails, and does nothing after the end. */
  abort(): Promise<void>;
  /**
   * What has been written so far, for those who join a download late: `last` is at most the last byte written. A reading that
   * has begun outlives commit and abort. Drivers that cannot read what is not finished (object stores) have no such method.
   */
  read?(range: Range): AsyncIterable<Uint8Array>;
  /**
   * Keeps what has been written readable beyond the end of the sink, also where it fails: somebody may be reading far behind. To
   * be released. There where `read` is.
   */
  hold?(): Hold;
}

/** What a sink has taken so far, readable until `release`; readings under way outlive that. */
export interface Hold {
  read(range: Range): AsyncIterable<Uint8Array>;
  release(): void;
}

/** Somebody who is fetching a blob into the store. */
export interface Fetcher {
  /** Bytes of all of it, as its upstream has said. */
  readonly size: number;
  /** Bytes of it that could be read when that was last said. */
  readonly written: number;
}

/** Some bytes of a blob that somebody is fetching, or has given up. They never change: nothing else is ever written under their name. */
export interface Piece {
  readonly name: string;
  readonly first: number;
  readonly size: number;
}

/** What there is of a blob that has not come whole. */
export interface Remains {
  /** One behind the other, without a gap. */
  readonly pieces: readonly Piece[];
  /** Somebody is fetching it now. */
  readonly isFetched: boolean;
}

/**
 * The right to fetch a blob, as others see it. One call of `write`, `commit`, `release` and `discard` at a time; after one of the
 * last three that did not fail nothing more.
 */
export interface Claim {
  /** Counts as written: its bytes, which come next, have just been read, and are among those that `commit` stands for. */
  adopt(piece: Piece): void;
  /** Resolves when more may come. The chunk may be used again after that. */
  write(chunk: Uint8Array): Promise<void>;
  /** To be called every few seconds, until it ends. @returns whether nobody else has taken over */
  renew(): Promise<boolean>;
  /** Makes the blob visible, whose digest the caller has proven over all that was adopted and written, and removes its pieces. */
  commit(): Promise<void>;
  /** Lets others go on where this one ends. Never fails. */
  release(): Promise<void>;
  /** Removes all that there is of the blob, since it is wrong. Never fails. */
  discard(): Promise<void>;
}

/**
 * How processes that share a store fetch a blob once: one claims it and writes pieces, the others read them, and each can go on where
 * another one ended. None of it is needed for what is right: a blob that two fetch is stored twice, under the same name.
 */
export interface Incoming {
  /** Undefined for nobody, and for one that has been silent for too long. */
  fetcher(key: BlobKey): Promise<Fetcher | undefined>;
  /** Undefined where somebody else has it. Two may have it for a moment, until `renew` tells one of them. */
  claim(key: BlobKey, size: number): Promise<Claim | undefined>;
  /** What there is of the blob of this size, from the piece on that has this byte. */
  look(key: BlobKey, size: number, first: number): Promise<Remains>;
  /** The bytes of a piece, but for so many at its beginning; undefined where it is gone. */
  read(key: BlobKey, piece: Piece, skip?: number): Promise<AsyncIterable<Uint8Array> | undefined>;
}

/** What a store has, as far as it knows without looking. */
export interface Occupied {
  readonly entries?: number;
  /** What all of them take of its room. */
  readonly bytes?: number;
}

export type Verdict = 'right' | 'wrong' | 'missing';

export interface PruneLimits {
  /** Bytes that may stay; the store's own limit where this is missing. */
  readonly maxBytes?: number;
  /** Milliseconds since 1970; what was last used before goes. */
  readonly usedBefore?: number;
}

export interface Pruned {
  readonly entries: number;
  readonly bytes: number;
}

/**
 * Content by key. Every call fails with a StoreError only, and what is not there is `undefined`. Entries may vanish at any time: to
 * make room, by another process, or since they turned out to be wrong.
 */
export interface Store {
  stat(key: Key): Promise<Entry | undefined>;
  /** Counts as use. @throws StoreError `range` where it begins behind the end */
  get(key: Key, range?: Range): Promise<Reading | undefined>;
  put(key: Key, about?: About): Promise<Sink>;
  /** True where there was something. */
  delete(key: Key): Promise<boolean>;
  /** Everything, or everything of a kind, in no order; entries that come or go meanwhile may be missed. No use. */
  list(kind?: Key['kind']): AsyncIterable<Entry>;
  /** Reads the entry whole and removes it where it is wrong. No use. */
  verify(key: Key): Promise<Verdict>;
  /** Removes what was used longest ago until the limits hold. A store does so itself when it has grown. */
  prune(limits?: PruneLimits): Promise<Pruned>;
  /**
   * A URL by which everybody gets the blob from where it is stored, for so many milliseconds; drivers without such URLs have no
   * such method.
   */
  sign?(key: BlobKey, lifetime: number): string | Promise<string>;
  /** Drivers that would have to look have no such member. */
  readonly occupied?: Occupied;
  /** Drivers whose unfinished puts others cannot see have no such member. */
  readonly incoming?: Incoming;
  /** Ends unfinished puts and all work in the background. */
  close(): Promise<void>;
}

/** What every driver can be told. */
export interface StoreOptions {
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** What went wrong where nobody was waiting for it: a corrupt entry was removed, room could not be made. */
  readonly onFault?: (error: Error) => void;
}
