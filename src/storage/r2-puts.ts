import type { R2Bucket } from '@cloudflare/workers-types';
import { hashByStream } from './digest-stream';
import { documentTarget } from './r2-documents';
import { MAX_PARTS, partsTarget } from './r2-multipart';
import { type Published, streamTarget } from './r2-writer';
import { objectKeyOf } from './s3-layout';
import { checkPut, ProvingSink, type Target } from './sink';
import type { About, Key, Sink } from './store';
import { StoreError } from './store-error';

const MIB = 1024 * 1024;

/** Bytes of a blob that is sent in one request, at most (Cloudflare R2, "Limits"). */
export const MAX_SINGLE_BYTES = 5 * 1024 * MIB - 5 * MIB;

/** Bytes of a part, and the same for blobs that would have too many: a Worker has 128 MB, and a put holds two parts. */
const PART_BYTES = 8 * MIB;
const MAX_PART_BYTES = 32 * MIB;

export interface PutsOptions {
  readonly bucket: R2Bucket;
  readonly prefix: string;
  /** Told of a blob that has just been proven and stored. */
  readonly published: (digest: string, identity: string) => void;
}

/** The puts of one store that have not ended. */
export class R2Puts {
  readonly #options: PutsOptions;
  /** Weakly: the request of a sink that is never ended may be over, of which nobody is told in a Worker. */
  readonly #open = new Set<WeakRef<Sink>>();
  #isClosed = false;

  constructor(options: PutsOptions) {
    this.#options = options;
  }

  /** Nothing is sent before there is something to send. @throws StoreError */
  open(key: Key, about: About): Sink {
    checkPut(key, about, MAX_PART_BYTES * MAX_PARTS);
    if (this.#isClosed) throw new StoreError('closed', 'the store has been closed');
    const isSingle = about.size !== undefined && about.size <= MAX_SINGLE_BYTES;
    const partBytes = Math.max(PART_BYTES, Math.ceil((about.size ?? 0) / MAX_PARTS / MIB) * MIB);
    // R2 itself proves what comes in one request.
    const proof = isSingle ? 'caller' : about.proof;
    const sink = new ProvingSink(key, { ...about, proof }, this.#target(key, about, isSingle, partBytes), {
      maxBytes: Math.max(MAX_SINGLE_BYTES, partBytes * MAX_PARTS),
      hasher: hashByStream,
      onEnd: () => this.#open.delete(open),
    });
    const open = new WeakRef(sink);
    this.#open.add(open);
    return sink;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#open].map((open) => open.deref()?.abort()));
  }

  #target(key: Key, about: About, isSingle: boolean, partBytes: number): Target {
    const { bucket, prefix } = this.#options;
    const objectKey = objectKeyOf(prefix, key);
    if (key.kind === 'document') {
      return documentTarget(bucket, objectKey, key, about.head && structuredClone(about.head));
    }
    const published: Published = (identity) => this.#options.published(key.digest, identity);
    return isSingle
      ? streamTarget(bucket, objectKey, key, about.size as number, published)
      : partsTarget(bucket, objectKey, key, partBytes, published);
  }
}
