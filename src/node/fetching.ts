import { setTimeout as sleep } from 'node:timers/promises';
import type { KeepBlob, Note } from '../core/cache-verbs';
import { inTime } from '../shell/deadline';
import type { PatientStore } from '../shell/patient-store';
import { blob } from '../storage/key';
import type { Fetcher, Reading } from '../storage/store';
import type { BlobSource } from './blob-source';
import type { Body } from './body';
import type { DownloadOptions, Fate } from './download';
import { Downloads, type Part } from './downloads';
import { SharedFetch } from './shared-fetch';
import { Spool } from './spool';

/** Bytes of a blob from which on processes that share a store fetch it once: a smaller one has come before anybody is told. */
const MIN_SHARED = 1024 * 1024;

/** Milliseconds that a store has to say whether another process is fetching a blob; then it is as if none did. */
const LOOK_TIME = 2_000;

/** Milliseconds between two looks whether another process has stored what it fetches. */
const STORED_INTERVAL = 1_000;

export interface FetchingOptions {
  readonly store: PatientStore;
  readonly onFault: (error: Error) => void;
  /** Nothing goes on after an answer, so what is to be kept is kept before it ends. */
  readonly isStoredFirst: boolean;
  /** What is stored already; undefined where it is not. */
  readonly stored: (digest: string, part: Part) => Promise<Reading | undefined>;
  readonly onStored: (digest: string, notes: readonly Note[]) => Promise<void>;
}

/** Blobs on their way into the store of a process. */
export class Fetching {
  readonly downloads = new Downloads();
  readonly #options: FetchingOptions;

  constructor(options: FetchingOptions) {
    this.#options = options;
  }

  fetch(keep: KeepBlob, source: BlobSource): { source: AsyncIterable<Uint8Array[]>; isOwn: boolean } {
    const { options, body } = this.#fetchOf(keep, source);
    const found = this.downloads.fetch(options, body, this.#onFailure(keep));
    if (!found.isOwn) source.discard();
    return found;
  }

  begin(keep: KeepBlob, source: BlobSource): boolean {
    const { options, body } = this.#fetchOf(keep, source);
    const isOwn = this.downloads.begin(options, body, this.#onFailure(keep));
    if (!isOwn) source.discard();
    return isOwn;
  }

  /** Another process that is fetching it; undefined also where the store does not say. */
  async elsewhere(digest: string): Promise<Fetcher | undefined> {
    const { store } = this.#options;
    return store.incoming && this.#quietly(() => inTime(fetcherOf(store, digest), LOOK_TIME, 'the store says nothing'));
  }

  /** The bytes of a part that another process is fetching; undefined where nobody does. */
  async join(
    digest: string,
    part: Part,
    renew?: () => Promise<BlobSource>,
  ): Promise<AsyncIterable<Uint8Array[]> | undefined> {
    const { size } = part;
    if ((await this.elsewhere(digest))?.size !== size) return undefined;
    const keep: KeepBlob = { kind: 'blob', digest, size, link: '', notes: [] };
    const { options, body } = this.#fetchOf(keep, await renew?.());
    this.downloads.begin(options, body, this.#onFailure(keep));
    return this.downloads.follow(digest, part);
  }

  async stored(digest: string, within: number, signal?: AbortSignal): Promise<Fate> {
    for (const deadline = performance.now() + within; ; ) {
      const left = deadline - performance.now();
      const running = this.downloads.running(digest);
      if (running) {
        const fate = await running.stored(left, signal);
        // Somebody else may have stored it meanwhile: who was frozen, or one that has taken over.
        return fate === 'failed' && (await this.#isStored(digest)) ? 'stored' : fate;
      }
      // First: what becomes stored meanwhile is looked for after that.
      const fetcher = await this.elsewhere(digest);
      if (await this.#isStored(digest)) return 'stored';
      if (!fetcher) return 'failed';
      if (left <= 0 || signal?.aborted) return 'coming';
      await sleep(Math.min(STORED_INTERVAL, left), undefined, { signal }).catch(() => {});
    }
  }

  /** @param source missing where it can only be followed */
  #fetchOf(keep: KeepBlob, source?: BlobSource): { options: DownloadOptions; body: () => Body } {
    const { store, stored } = this.#options;
    const { digest, size } = keep;
    const options = this.#downloadOf(keep);
    const { incoming } = store;
    if (!incoming || (source && size < MIN_SHARED)) return { options, body: () => (source as BlobSource).open(0) };
    let shared: SharedFetch | undefined;
    const begin = () => {
      shared = new SharedFetch({
        key: blob(digest),
        size,
        incoming,
        source,
        stored: (first) => stored(digest, { first, last: size - 1, size }),
        isStored: async () => (await store.stat(blob(digest))) !== undefined,
        put: options.sink,
        onFault: this.#options.onFault,
      });
      return shared;
    };
    const sink = async () => shared?.sink();
    return { options: { ...options, sink, isHurried: () => shared?.isLeading ?? false }, body: begin };
  }

  #downloadOf({ digest, size, link, notes }: KeepBlob): DownloadOptions {
    const { store, onFault, isStoredFirst, stored, onStored } = this.#options;
    return {
      digest,
      size,
      link,
      sink: () => this.#quietly(() => store.put(blob(digest), { size, proof: 'caller' })),
      spool: () => this.#quietly(() => Spool.open(size)),
      stored: (first: number, last: number) => stored(digest, { first, last, size }),
      onFault,
      isStoredFirst,
      onStored: () => onStored(digest, notes),
    };
  }

  #onFailure({ digest }: KeepBlob): (error: Error) => void {
    return (error) => this.#options.onFault(new Error(`${digest} was not fetched: ${error.message}`));
  }

  async #isStored(digest: string): Promise<boolean> {
    return (await this.#quietly(() => this.#options.store.stat(blob(digest)))) !== undefined;
  }

  async #quietly<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      this.#options.onFault(error as Error);
      return undefined;
    }
  }
}

async function fetcherOf(store: PatientStore, digest: string): Promise<Fetcher | undefined> {
  return store.find(async () => store.incoming?.fetcher(blob(digest)));
}
