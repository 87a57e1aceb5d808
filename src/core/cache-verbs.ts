import type { HeaderList } from './headers';

/** A document of the cache, without its body: what is known about a tag, a repository, or a digest in one. */
export type CacheDocument = Readonly<Record<string, unknown>>;

/** Write this document, or remove it where there is none. */
export interface Note {
  readonly name: string;
  readonly document?: CacheDocument;
}

/** Look these up in the store, then ask the core again with what was found. */
export interface Find {
  readonly verb: 'find';
  readonly documents: readonly string[];
  readonly blob?: BlobQuestion;
}

export interface BlobQuestion {
  readonly digest: string;
  /** The document that says that this repository has it. */
  readonly link: string;
  /** Where nobody has it, this request is the one to fetch it, and others wait for what comes of it. */
  readonly lead: boolean;
}

export interface Findings {
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly documents: Readonly<Record<string, CacheDocument | undefined>>;
  readonly blob?: FoundBlob;
}

export interface FoundBlob {
  /** `coming`: it is being fetched, and can be followed from its first byte on. */
  readonly state: 'stored' | 'coming';
  readonly size: number;
  /** Bytes that are there. */
  readonly written: number;
  /** It is being fetched from this very repository. */
  readonly isLinked: boolean;
}

/** Send what is kept under this digest; where it is gone by now, ask the core again. */
export interface Serve {
  readonly verb: 'serve';
  readonly status: number;
  readonly headers: HeaderList;
  readonly digest: string;
  /** Bytes of all of it, as the head says: what has another size is not what it was. */
  readonly size: number;
  /** The bytes that the body has, both included; absent for a head without a body. */
  readonly range?: { readonly first: number; readonly last: number };
  /** Milliseconds that a signed URL is good for by which the client may get it from the store itself, where the store can do that. */
  readonly redirect?: number;
  readonly notes: readonly Note[];
  readonly outcome: Outcome;
}

/** Wait for what is being copied into the store, then ask the core again. */
export interface Await {
  readonly verb: 'await';
  readonly digest: string;
  /** Milliseconds at most. */
  readonly within: number;
}

/** `coming`: not all of it is there yet; `failed`: nobody copies it any more. */
export type Copied = 'stored' | 'coming' | 'failed';

/** What the cache did, for the log and the counters. */
export type Outcome = 'hit' | 'stale' | 'revalidated' | 'joined' | 'miss' | 'bypass';

/** Keep the body of a relay. */
export type Keep = KeepBlob | KeepManifest;

export interface KeepBlob {
  readonly kind: 'blob';
  readonly digest: string;
  readonly size: number;
  readonly link: string;
  /** Written when it is stored. */
  readonly notes: readonly Note[];
}

export interface KeepManifest {
  readonly kind: 'manifest';
  /** What it has to be, where somebody said so: with another one it is nobody's. */
  readonly digest?: string;
  /** Written when it is stored. */
  readonly notes: (digest: string, size: number) => readonly Note[];
}
