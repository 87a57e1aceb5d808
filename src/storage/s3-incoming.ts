import { label } from './key';
import { S3Claim } from './s3-claim';
import { S3Claims } from './s3-claims';
import type { S3Client } from './s3-client';
import { s3Error } from './s3-errors';
import { incomingOf, incomingOfBlob } from './s3-layout';
import { pagesOf } from './s3-list';
import { beforePieces, claimKeyOf, parsePiece, pieceBytesOf, pieceKeyOf } from './s3-pieces';
import { openObject, S3Reading } from './s3-reader';
import type { BlobKey, Claim, Fetcher, Incoming, Piece, Remains } from './store';
import { StoreError } from './store-error';

/** Pieces that are removed at a time. */
const TOGETHER = 8;

/** Milliseconds after which what nobody went on with is removed. */
const ABANDONED = 24 * 3600 * 1000;

export interface IncomingOptions {
  readonly client: S3Client;
  readonly now: () => number;
  readonly onFault: (error: Error) => void;
  /** The entity tag of a blob that has just been proven and stored. */
  readonly published: (digest: string, tag: string, size: number) => void;
}

/** Blobs on their way: `incoming/<algorithm>/<hex>/` with a claim, and pieces of `<size>-<index>-<owner>`. */
export class S3Incoming implements Incoming {
  readonly #options: IncomingOptions;
  readonly #client: S3Client;
  readonly #claims: S3Claims;
  readonly #open = new Set<Claim>();
  #cleaning: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: IncomingOptions) {
    this.#options = options;
    this.#client = options.client;
    this.#claims = new S3Claims(options.client, options.now);
  }

  fetcher(key: BlobKey): Promise<Fetcher | undefined> {
    return this.#try(key, async () => {
      const found = await this.#claims.read(claimKeyOf(this.#client, key));
      return found && { size: found.size, written: found.written };
    });
  }

  claim(key: BlobKey, size: number): Promise<Claim | undefined> {
    return this.#try(key, async () => {
      if (this.#isClosed) throw new StoreError('closed', 'the store has been closed');
      const owner = await this.#claims.make(claimKeyOf(this.#client, key), size);
      if (owner === undefined) return undefined;
      const claim: Claim = new S3Claim({
        client: this.#client,
        claims: this.#claims,
        key,
        size,
        owner,
        published: (tag) => this.#options.published(key.digest, tag, size),
        remove: () => this.#remove(key),
        onEnd: () => this.#open.delete(claim),
      });
      this.#open.add(claim);
      // Once is enough: what this process leaves unfinished, others go on with.
      this.#cleaning ??= this.#clean();
      return claim;
    });
  }

  look(key: BlobKey, size: number, first: number): Promise<Remains> {
    return this.#try(key, async () => {
      const prefix = incomingOfBlob(this.#client.prefix, key);
      const pieces: Piece[] = [];
      let [next, isFetched] = [first - (first % pieceBytesOf(size)), false];
      for await (const { objects, now } of pagesOf(this.#client, prefix, prefix + beforePieces(size, next))) {
        for (const { objectKey, size: bytes, writtenAt } of objects) {
          if (objectKey === claimKeyOf(this.#client, key)) isFetched = this.#claims.isFresh(writtenAt, now);
          const piece = parsePiece(objectKey.slice(prefix.length), bytes, size);
          if (piece?.first !== next) continue;
          pieces.push(piece);
          next += piece.size;
        }
      }
      return { pieces, isFetched };
    });
  }

  read(key: BlobKey, piece: Piece, skip = 0): Promise<AsyncIterable<Uint8Array> | undefined> {
    return this.#try(key, async () => {
      const objectKey = pieceKeyOf(this.#client, key, piece);
      const object = await openObject(this.#client, objectKey, { first: skip, last: piece.size - 1 });
      if (!object) return undefined;
      if (object.size === piece.size) return new S3Reading(this.#client, objectKey, key, object);
      object.response.destroy();
      throw new StoreError('corrupt', `a piece of ${label(key)} is not what it was`);
    });
  }

  /** Removes what nobody has gone on with for a day. @throws as S3Client does */
  async removeAbandoned(): Promise<void> {
    for await (const { objects, now = this.#options.now() } of pagesOf(this.#client, incomingOf(this.#client.prefix))) {
      const old = objects.filter(({ writtenAt }) => writtenAt < now - ABANDONED);
      await this.#removeAll(old.map(({ objectKey }) => objectKey));
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#open].map((claim) => claim.release()));
    await this.#cleaning;
  }

  async #clean(): Promise<void> {
    await this.removeAbandoned().catch((error) => {
      if (!this.#isClosed) this.#options.onFault(s3Error(error, 'pieces that were given up cannot be removed'));
    });
  }

  async #remove(key: BlobKey): Promise<void> {
    // First: who waits for more looks for the blob itself then.
    await this.#client.ask({ method: 'DELETE', key: claimKeyOf(this.#client, key) });
    for await (const { objects } of pagesOf(this.#client, incomingOfBlob(this.#client.prefix, key)))
      await this.#removeAll(objects.map(({ objectKey }) => objectKey));
  }

  async #removeAll(keys: readonly string[]): Promise<void> {
    for (let index = 0; index < keys.length; index += TOGETHER) {
      const some = keys.slice(index, index + TOGETHER);
      await Promise.all(some.map((key) => this.#client.ask({ method: 'DELETE', key })));
    }
  }

  async #try<T>(key: BlobKey, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw s3Error(error, `what there is of ${label(key)} cannot be told`);
    }
  }
}
