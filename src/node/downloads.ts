import type { BlobQuestion, FoundBlob } from '../core/cache-verbs';
import type { Body } from './body';
import { Download, type DownloadOptions } from './download';

/** A blob that somebody has asked an upstream for, until the head of the answer. */
interface Coming {
  readonly promise: Promise<void>;
  readonly settle: () => void;
}

/** Bytes of a body of this size, both ends included. */
export interface Part {
  readonly first: number;
  readonly last: number;
  readonly size: number;
}

/** What is being fetched, by digest: once, however many want it. */
export class Downloads {
  readonly #running = new Map<string, Download>();
  /** By repository and digest: a registry that takes its time holds up nobody who asks another one. */
  readonly #coming = new Map<string, Coming>();
  readonly #runs = new Map<Download, Promise<void>>();

  /** What is being fetched and can be followed from its first byte on. */
  find({ digest, link }: BlobQuestion): FoundBlob | undefined {
    const download = this.#running.get(digest);
    if (!download?.canFollowFrom(0)) return undefined;
    return { state: 'coming', size: download.size, written: download.received, isLinked: download.link === link };
  }

  /** Undefined where nothing is under way, not far enough, or of another size: one of them is wrong, and proven by its own end only. */
  follow(digest: string, { first, last, size }: Part): AsyncIterable<Uint8Array[]> | undefined {
    const download = this.#running.get(digest);
    return download?.size === size && download.canFollowFrom(first) ? download.follow(first, last) : undefined;
  }

  /** Somebody has asked for it, and nobody knows yet what comes of that; resolves when it is known. */
  coming({ link }: BlobQuestion): Promise<void> | undefined {
    return this.#coming.get(link)?.promise;
  }

  /** This one asks for it; others wait. @returns what is to be called when that is over, whatever came of it */
  lead({ link }: BlobQuestion): () => void {
    let resolve = () => {};
    const promise = new Promise<void>((settle) => {
      resolve = settle;
    });
    const settle = () => {
      if (this.#coming.get(link)?.promise === promise) this.#coming.delete(link);
      resolve();
    };
    this.#coming.set(link, { promise, settle });
    return settle;
  }

  /**
   * Follows the fetch that is under way, or begins one.
   * @param body opened only where a fetch begins
   * @param onFailure of a fetch that has begun
   */
  fetch(
    options: DownloadOptions,
    body: () => Body,
    onFailure: (error: Error) => void,
  ): { source: AsyncIterable<Uint8Array[]>; isOwn: boolean } {
    const { digest, size, link } = options;
    const known = this.follow(digest, { first: 0, last: size - 1, size });
    this.#coming.get(link)?.settle();
    if (known) return { source: known, isOwn: false };
    return { source: this.#begin(options, body, onFailure).follow(0, size - 1), isOwn: true };
  }

  /**
   * Begins to fetch what somebody waits for who reads nothing of it, unless it is under way.
   * @returns whether it has begun
   */
  begin(options: DownloadOptions, body: () => Body, onFailure: (error: Error) => void): boolean {
    this.#coming.get(options.link)?.settle();
    const running = this.running(options.digest);
    if (running?.size === options.size && !running.isVain) return false;
    this.#begin(options, body, onFailure);
    return true;
  }

  running(digest: string): Download | undefined {
    return this.#running.get(digest);
  }

  /** Until what has come whole is stored, or could not be. */
  async settle(): Promise<void> {
    await Promise.all([...this.#runs].flatMap(([download, run]) => (download.isProven ? [run] : [])));
  }

  #begin(options: DownloadOptions, body: () => Body, onFailure: (error: Error) => void): Download {
    const { digest } = options;
    const opened = body();
    const download = new Download(options);
    this.#running.set(digest, download);
    const forget = () => {
      if (this.#running.get(digest) === download) this.#running.delete(digest);
    };
    const run = download.run(opened).then(forget, (error: Error) => {
      forget();
      onFailure(error);
    });
    this.#runs.set(
      download,
      run.finally(() => this.#runs.delete(download)),
    );
    return download;
  }
}
