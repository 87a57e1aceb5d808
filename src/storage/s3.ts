import type { AwsKeys } from '../core/aws-account';
import type { S3Place } from '../core/s3-place';
import { checkKey, digestOf, label } from './key';
import { hashNatively } from './native-hash';
import { entriesOf } from './object-entries';
import { pruneObjects } from './object-prune';
import { PiecesReading } from './pieces';
import { Proven } from './proven';
import { extentOf } from './range';
import { S3Client } from './s3-client';
import { readDocument } from './s3-documents';
import { s3Error, unlessAbsent } from './s3-errors';
import { S3Incoming } from './s3-incoming';
import { objectKeyOf } from './s3-layout';
import { objectsOf } from './s3-list';
import { S3Puts } from './s3-puts';
import { openObject, S3Reading, timeOf } from './s3-reader';
import type { Patience } from './s3-transport';
import { MAX_BLOB_BYTES } from './s3-writer';
import { checkPut } from './sink';
import type {
  About,
  BlobKey,
  DocumentKey,
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
import { type Watch, watchDigest } from './watch';

/** Requests at a time, where there are many: of documents that are listed, of what is pruned. */
const TOGETHER = 8;

export interface S3Options extends StoreOptions {
  readonly place: S3Place;
  /** For a place without keys: those of its role (node/role-keys.ts). Asked before every request. */
  readonly keys?: () => Promise<AwsKeys>;
  readonly patience?: Partial<Patience>;
}

/**
 * Entries as objects of one bucket; see s3-layout.ts for their keys, docs/decisions.md for why. The time of last use is that of writing, and
 * no limit is kept by itself: a rule of the bucket or `prune` removes what is old.
 */
export class S3Store implements Store {
  readonly #client: S3Client;
  readonly #onFault: (error: Error) => void;
  readonly #proven = new Proven();
  readonly #puts: S3Puts;
  readonly incoming: S3Incoming;

  constructor({ place, keys, now = Date.now, onFault = () => {}, patience }: S3Options) {
    this.#client = new S3Client({ place, keys, now, patience });
    this.#onFault = onFault;
    const published = (digest: string, tag: string, size: number) => this.#proven.add(digest, `${tag} ${size}`);
    this.incoming = new S3Incoming({ client: this.#client, now, onFault, published });
    this.#puts = new S3Puts({ client: this.#client, now, onFault, published });
  }

  stat(key: Key): Promise<Entry | undefined> {
    return this.#try(key, 'looked up', async (objectKey) => {
      if (key.kind === 'document') return (await this.#document(key, objectKey))?.entry;
      const answer = await unlessAbsent(this.#client.ask({ method: 'HEAD', key: objectKey }));
      const size = Number(answer?.headers['content-length'] ?? Number.NaN);
      if (answer && !Number.isSafeInteger(size)) throw new StoreError('io', 'the object store gives no length');
      return answer && { key, size, usedAt: timeOf(answer.headers['last-modified']) };
    });
  }

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
    checkPut(key, about, MAX_BLOB_BYTES);
    return this.#puts.open(key, about);
  }

  delete(key: Key): Promise<boolean> {
    return this.#try(key, 'removed', async (objectKey) => {
      // Removing what is not there is a success, too.
      const found = await unlessAbsent(this.#client.ask({ method: 'HEAD', key: objectKey }));
      if (found) await this.#remove(key, objectKey);
      return found !== undefined;
    });
  }

  async *list(kind?: Key['kind']): AsyncIterable<Entry> {
    try {
      yield* entriesOf(objectsOf(this.#client, kind), (objectKey) => readDocument(this.#client, objectKey), TOGETHER);
    } catch (error) {
      throw s3Error(error, 'the store cannot be listed');
    }
  }

  verify(key: Key): Promise<Verdict> {
    return this.#try(key, 'verified', async (objectKey) => {
      if (key.kind === 'document') {
        const found = await readDocument(this.#client, objectKey);
        if (found === 'wrong') await this.#remove(key, objectKey);
        return found === 'wrong' ? 'wrong' : found ? 'right' : 'missing';
      }
      const object = await openObject(this.#client, objectKey);
      if (!object) return 'missing';
      const verdict = await verdictOf(key, new S3Reading(this.#client, objectKey, key, object), hashNatively);
      if (verdict === 'right') this.#proven.add(key.digest, `${object.tag} ${object.size}`);
      else await this.#remove(key, objectKey);
      return verdict;
    });
  }

  async prune(limits: PruneLimits = {}): Promise<Pruned> {
    try {
      if (limits.maxBytes !== undefined || limits.usedBefore !== undefined) await this.incoming.removeAbandoned();
      return await pruneObjects(
        {
          objects: () => objectsOf(this.#client),
          remove: async (keys) => {
            await Promise.all(keys.map((key) => this.#client.ask({ method: 'DELETE', key })));
          },
          together: TOGETHER,
        },
        limits,
      );
    } catch (error) {
      throw s3Error(error, 'room cannot be made');
    }
  }

  /**
   * An address at which anybody can get this blob for so long, at most 7 days, and no longer than temporary keys are good.
   * @throws StoreError `key`, and `denied` where the keys of a role have not been needed before
   */
  sign(key: BlobKey, milliseconds: number): string {
    digestOf(key);
    return this.#client.presign(objectKeyOf(this.#client.prefix, key), milliseconds);
  }

  async close(): Promise<void> {
    await Promise.all([this.#puts.close(), this.incoming.close()]);
    this.#client.close();
  }

  async #getBlob(key: BlobKey, objectKey: string, range: Range | undefined): Promise<Reading | undefined> {
    const object = await openObject(this.#client, objectKey, range);
    if (!object) return undefined;
    const identity = `${object.tag} ${object.size}`;
    const isWhole = object.first === 0 && object.last === object.size - 1;
    const watch =
      isWhole && !this.#proven.has(key.digest, identity) ? this.#watch(key, objectKey, identity) : undefined;
    return new S3Reading(this.#client, objectKey, key, object, watch);
  }

  #watch(key: BlobKey, objectKey: string, identity: string): Watch {
    return watchDigest(key, hashNatively, async (isRight) => {
      if (isRight) this.#proven.add(key.digest, identity);
      else throw await this.#removeWrong(key, objectKey);
    });
  }

  /** One that is wrong is removed, and missing: it can be had again. */
  async #document(key: DocumentKey, objectKey: string) {
    const found = await readDocument(this.#client, objectKey);
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
    await this.#client.ask({ method: 'DELETE', key: objectKey });
  }

  async #try<T>(key: Key, done: string, work: (objectKey: string) => Promise<T>): Promise<T> {
    checkKey(key);
    try {
      return await work(objectKeyOf(this.#client.prefix, key));
    } catch (error) {
      throw s3Error(error, `${label(key)} cannot be ${done}`);
    }
  }
}
