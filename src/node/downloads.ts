import type { BlobQuestion, FoundBlob } from '../core/cache-verbs';
import type { Body } from './body';
import { Download, type DownloadOptions } from './download';

/** A blob that somebody has asked an upstream for, until the head of the answer. */
interface Coming {
  readonly promise: Promise<void>;
  readonly settle: () => void;
}

/** What is being fetched, by digest: once, however many want it. */
export class Downloads {
  readonly #running = new Map<string, Download>();
  readonly #coming = new Map<string, Coming>();
  readonly #runs = new Map<Download, Promise<void>>();

  /** What is being fetched and can be followed from its first byte on. */
  find({ digest, link }: BlobQuestion): FoundBlob | undefined {
    const download = this.#running.get(digest);
    if (!download?.canFollowFrom(0)) return undefined;
    return { state: 'coming', size: download.size, written: download.received, isLinked: download.link === link };
  }

  /** Undefined where nothing is under way, or not far enough. */
  follow(digest: string, first: number, last: number): AsyncIterable<Uint8Array[]> | undefined {
    const download = this.#running.get(digest);
    return download?.canFollowFrom(first) ? download.follow(first, last) : undefined;
  }

  /** Somebody has asked for it, and nobody knows yet what comes of that; resolves when it is known. */
  coming(digest: string): Promise<void> | undefined {
    return this.#coming.get(digest)?.promise;
  }

  /** This one asks for it; others wait. @returns what is to be called when that is over, whatever came of it */
  lead(digest: string): () => void {
    let resolve = () => {};
    const promise = new Promise<void>((settle) => {
      resolve = settle;
    });
    const settle = () => {
      if (this.#coming.get(digest)?.promise === promise) this.#coming.delete(digest);
      resolve();
    };
    this.#coming.set(digest, { promise, settle });
    return settle;
  }

  /**
   * Follows the fetch that is under way, or begins one.
   * @param body opened only where a fetch begins
   * @param onEnd of a fetch that has begun: whether it was stored, or why it failed
   */
  fetch(
    options: DownloadOptions,
    body: () => Body,
    onEnd: (isStored: boolean, error?: Error) => void,
  ): { source: AsyncIterable<Uint8Array[]>; isOwn: boolean } {
    const { digest, size } = options;
    const known = this.follow(digest, 0, size - 1);
    if (known) return { source: known, isOwn: false };
    const download = new Download(options);
    this.#running.set(digest, download);
    this.#coming.get(digest)?.settle();
    const source = download.follow(0, size - 1);
    const forget = () => {
      if (this.#running.get(digest) === download) this.#running.delete(digest);
    };
    const run = download.run(body()).then(
      (isStored) => {
        onEnd(isStored);
        forget();
      },
      (error: Error) => {
        forget();
        onEnd(false, error);
      },
    );
    this.#runs.set(
      download,
      run.finally(() => this.#runs.delete(download)),
    );
    return { source, isOwn: true };
  }

  /** Until what has come whole is stored, or could not be. */
  async settle(): Promise<void> {
    await Promise.all([...this.#runs].flatMap(([download, run]) => (download.isProven ? [run] : [])));
  }
}
