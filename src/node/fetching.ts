import type { KeepBlob, Note } from '../core/cache-verbs';
import type { PatientStore } from '../shell/patient-store';
import { blob } from '../storage/key';
import type { Reading } from '../storage/store';
import type { BlobSource } from './blob-source';
import type { DownloadOptions, Fate } from './download';
import { Downloads, type Part } from './downloads';
import { Spool } from './spool';

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
    const found = this.downloads.fetch(this.#downloadOf(keep), () => source.open(0), this.#onFailure(keep));
    if (!found.isOwn) source.discard();
    return found;
  }

  begin(keep: KeepBlob, source: BlobSource): boolean {
    const isOwn = this.downloads.begin(this.#downloadOf(keep), () => source.open(0), this.#onFailure(keep));
    if (!isOwn) source.discard();
    return isOwn;
  }

  async stored(digest: string, within: number, signal?: AbortSignal): Promise<Fate> {
    const running = this.downloads.running(digest);
    if (running) return running.stored(within, signal);
    // It may have become stored since somebody said that it was on its way.
    return (await this.#quietly(() => this.#options.store.stat(blob(digest)))) ? 'stored' : 'failed';
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

  async #quietly<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      this.#options.onFault(error as Error);
      return undefined;
    }
  }
}
