import { hashNatively } from './native-hash';
import { removeAbandoned } from './s3-abandoned';
import type { S3Client } from './s3-client';
import { s3Error } from './s3-errors';
import { MAX_PARTS } from './s3-multipart';
import { blobTarget, documentTarget, partBytesOf } from './s3-writer';
import { ProvingSink } from './sink';
import type { About, Key, Sink } from './store';
import { StoreError } from './store-error';

export interface PutsOptions {
  readonly client: S3Client;
  readonly now: () => number;
  readonly onFault: (error: Error) => void;
  /** The entity tag of a blob that has just been proven and stored. */
  readonly published: (digest: string, tag: string, size: number) => void;
}

/** The puts of one store that have not ended. */
export class S3Puts {
  readonly #options: PutsOptions;
  readonly #open = new Set<Sink>();
  #cleaning: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: PutsOptions) {
    this.#options = options;
  }

  /** Nothing is sent before there is something to send. */
  open(key: Key, about: About): Sink {
    if (this.#isClosed) throw new StoreError('closed', 'the store has been closed');
    const { client, published } = this.#options;
    const partBytes = partBytesOf(about.size);
    const target =
      key.kind === 'blob'
        ? blobTarget(client, key, partBytes, (tag, size) => published(key.digest, tag, size))
        : documentTarget(client, key, about.head && structuredClone(about.head));
    const sink: Sink = new ProvingSink(key, about, target, {
      maxBytes: partBytes * MAX_PARTS,
      hasher: hashNatively,
      onEnd: () => this.#open.delete(sink),
    });
    this.#open.add(sink);
    // Once is enough: what this process leaves unfinished, it ends itself.
    if (key.kind === 'blob') this.#cleaning ??= this.#clean();
    return sink;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#open].map((sink) => sink.abort()));
    await this.#cleaning;
  }

  async #clean(): Promise<void> {
    const { client, now, onFault } = this.#options;
    await removeAbandoned(client, now()).catch((error) => {
      if (!this.#isClosed) onFault(s3Error(error, 'unfinished uploads cannot be removed'));
    });
  }
}
