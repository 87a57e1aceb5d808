import type { R2Bucket } from '@cloudflare/workers-types';
import { hashByStream } from './digest-stream';
import { checkKey, label } from './key';
import { entriesOf } from './object-entries';
import { pruneObjects } from './object-prune';
import { PiecesReading } from './pieces';
import { Proven } from './proven';
import { type FoundDocument, readDocument } from './r2-documents';
import { r2Error } from './r2-errors';
import { identityOf, isProvenByR2, objectsOf, openObject } from './r2-objects';
import { R2Puts } from './r2-puts';
import { R2Reading } from './r2-reader';
import { answered } from './r2-time';
import { extentOf } from './range';
import { objectKeyOf } from './s3-layout';
import type {
  About,
  BlobKey,
  Entry,
  Key,
  Pruned,
  PruneLimits,
  Range,
  Reading,
  Sink,
  Store,
  StoreOptions,
  Verdict,
} from './store';
import { StoreError } from './store-error';
import { verdictOf } from './verdict';
import { watchDigest } from './watch';

/** Documents read together while they are listed: a Worker has six connections. */
const TOGETHER = 4;

/** Objects removed by one request, at most (Cloudflare R2, "Workers API"). */
const REMOVED_TOGETHER = 1000;

export interface R2Options extends StoreOptions {
  readonly bucket: R2Bucket;
  /** Begins every key; empty, or ends with `/`. */
  readonly prefix?: string;
}

/**
 * Entries as objects of a bucket that is bound to a Worker. The same objects under the same keys as the S3 driver has
 * (s3-layout.ts), so that both may share a bucket. The time of last use is that of writing.
 */
export class R2Store implements Store {
  readonly #bucket: R2Bucket;
  readonly #prefix: string;
  readonly #onFault: (error: Error) => void;
  readonly #proven = new Proven();
  readonly #puts: R2Puts;

  constructor({ bucket, prefix = '', onFault = () => {} }: R2Options) {
    this.#bucket = bucket;
    this.#prefix = prefix;
    this.#onFault = onFault;
    const published = (digest: string, identity: string) => this.#proven.add(digest, identity);
    this.#puts = new R2Puts({ bucket, prefix, published });
  }

  stat(key: Key): Promise<Entry | undefined> {
    return this.#try(key, 'looked up', async (objectKey) => {
      if (key.kind === 'document') return (await this.#document(key, objectKey))?.entry;
      const object = await answered(this.#bucket.head(objectKey));
      return object ? { key, size: object.size, usedAt: object.uploaded.getTime() } : undefined;
    });
  }

  /** Of a blob, an R2Reading. */
  get(key: BlobKey, range?: Range): Promise<R2Reading | undefined>;
  get(key: Key, range?: Range): Promise<Reading | undefined>;
  get(key: Key, range?: Range): Promise<Reading | undefined> {
    return this.#try(key, 'read', async (objectKey) => {
      if (key.kind === 'blob') return await this.#getBlob(key, objectKey, range);
      const found = await this.#document(key, objectKey);
      if (!found) return undefined;
      const extent = extentOf(range, found.entry.size);
      const body = found.body.subarray(extent.first, extent.last + 1);
      return new PiecesReading(found.entry, extent, body.length > 0 ? [body] : []);
    });
  }

  async put(key: Key, about: About = {}): Promise<Sink> {
    return this.#puts.open(key, about);
  }

  delete(key: Key): Promise<boolean> {
    return this.#try(key, 'removed', async (objectKey) => {
      // Removing what is not there is a success, too.
      const found = await answered(this.#bucket.head(objectKey));
      if (found) await this.#remove(key, objectKey);
      return found !== null;
    });
  }

  async *list(kind?: Key['kind']): AsyncIterable<Entry> {
    try {
      yield* entriesOf(
        objectsOf(this.#bucket, this.#prefix, kind),
        (objectKey) => readDocument(this.#bucket, this.#prefix, objectKey),
        TOGETHER,
      );
    } catch (error) {
      throw r2Error(error, 'the store cannot be listed');
    }
  }

  verify(key: Key): Promise<Verdict> {
    return this.#try(key, 'verified', async (objectKey) => {
      if (key.kind === 'document') {
        const found = await readDocument(this.#bucket, this.#prefix, objectKey);
        if (found === 'wrong') await this.#remove(key, objectKey);
        return found === 'wrong' ? 'wrong' : found ? 'right' : 'missing';
      }
      const object = await openObject(this.#bucket, objectKey);
      if (!object) return 'missing';
      const verdict = await verdictOf(key, new R2Reading(key, object, extentOf(undefined, object.size)), hashByStream);
      if (verdict === 'right') this.#proven.add(key.digest, identityOf(object));
      else await this.#remove(key, objectKey);
      return verdict;
    });
  }

  async prune(limits: PruneLimits = {}): Promise<Pruned> {
    const bucket = {
      objects: () => objectsOf(this.#bucket, this.#prefix),
      remove: (objectKeys: readonly string[]) => answered(this.#bucket.delete([...objectKeys])),
      together: REMOVED_TOGETHER,
    };
    try {
      return await pruneObjects(bucket, limits);
    } catch (error) {
      throw r2Error(error, 'room cannot be made');
    }
  }

  close(): Promise<void> {
    return this.#puts.close();
  }

  async #getBlob(key: BlobKey, objectKey: string, range: Range | undefined): Promise<R2Reading | undefined> {
    const object = await openObject(this.#bucket, objectKey, range);
    if (!object) return undefined;
    const extent = extentOf(range, object.size);
    const identity = identityOf(object);
    const isPart = extent.first > 0 || extent.last < object.size - 1;
    if (isPart || isProvenByR2(object, key) || this.#proven.has(key.digest, identity)) {
      return new R2Reading(key, object, extent);
    }
    const watch = watchDigest(key, hashByStream, async (isRight) => {
      if (isRight) this.#proven.add(key.digest, identity);
      else throw await this.#removeWrong(key, objectKey);
    });
    return new R2Reading(key, object, extent, watch);
  }

  /** One that is wrong is removed, and missing: it can be had again. */
  async #document(key: Key, objectKey: string): Promise<FoundDocument | undefined> {
    const found = await readDocument(this.#bucket, this.#prefix, objectKey);
    if (found !== 'wrong') return found;
    await this.#removeWrong(key, objectKey);
    return undefined;
  }

  async #removeWrong(key: Key, objectKey: string): Promise<StoreError> {
    await this.#remove(key, objectKey).catch(() => {});
    const error = new StoreError('corrupt', `${label(key)} is no longer what was stored, and has been removed`);
    this.#onFault(error);
    return error;
  }

  async #remove(key: Key, objectKey: string): Promise<void> {
    if (key.kind === 'blob') this.#proven.delete(key.digest);
    await answered(this.#bucket.delete(objectKey));
  }

  async #try<T>(key: Key, done: string, work: (objectKey: string) => Promise<T>): Promise<T> {
    checkKey(key);
    try {
      return await work(objectKeyOf(this.#prefix, key));
    } catch (error) {
      throw r2Error(error, `${label(key)} cannot be ${done}`);
    }
  }
}
