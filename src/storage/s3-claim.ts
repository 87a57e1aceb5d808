import { Blocks } from './blocks';
import { digestOf, label } from './key';
import { bodyOfBlocks } from './s3-body';
import type { S3Claims } from './s3-claims';
import type { S3Client } from './s3-client';
import { s3Error } from './s3-errors';
import { objectKeyOf } from './s3-layout';
import { MultipartUpload } from './s3-multipart';
import { claimKeyOf, pieceBytesOf, pieceKeyOf, pieceName } from './s3-pieces';
import { putWhole } from './s3-writer';
import type { BlobKey, Claim, Piece } from './store';
import { StoreError } from './store-error';

/** Milliseconds that a piece on its way has to arrive in, when its blob is given up. */
const LAST_PIECE_TIME = 3_000;

export interface ClaimOptions {
  readonly client: S3Client;
  readonly claims: S3Claims;
  readonly key: BlobKey;
  readonly size: number;
  readonly owner: string;
  /** Called with its entity tag when the blob is there. */
  readonly published: (tag: string) => void;
  /** Removes all that there is of it, the claim too. */
  readonly remove: () => Promise<void>;
  readonly onEnd: () => void;
}

/** A claim, and the pieces that its owner stands for. One of them travels while the next one is filled. */
export class S3Claim implements Claim {
  readonly #options: ClaimOptions;
  readonly #pieceBytes: number;
  readonly #pieces: Piece[] = [];
  readonly #abortion = new AbortController();
  #filling = new Blocks();
  /** Bytes of pieces that have arrived. */
  #arrived = 0;
  #travelling: Promise<void> = Promise.resolve();
  #renewing: Promise<unknown> = Promise.resolve();
  #isEnding = false;

  constructor(options: ClaimOptions) {
    this.#options = options;
    this.#pieceBytes = pieceBytesOf(options.size);
  }

  adopt(piece: Piece): void {
    if (piece.first !== this.#begun || this.#filling.size > 0) throw new StoreError('misuse', 'it does not come next');
    this.#pieces.push(piece);
    this.#arrived += piece.size;
  }

  async write(chunk: Uint8Array): Promise<void> {
    const { key, size } = this.#options;
    if (this.#begun + this.#filling.size + chunk.length > size)
      throw new StoreError('length', `${label(key)} was announced with ${size} bytes and has more`);
    for (let taken = 0; taken < chunk.length; ) {
      const bytes = chunk.subarray(taken, taken + this.#pieceBytes - this.#filling.size);
      this.#filling.append(bytes);
      taken += bytes.length;
      // What is whole can be read by others at once; a blob of one piece is put where it belongs.
      if (this.#filling.size === this.#pieceBytes && size > this.#pieceBytes) await this.#send();
    }
  }

  renew(): Promise<boolean> {
    const renewing = this.#renew();
    this.#renewing = renewing;
    return renewing;
  }

  async commit(): Promise<void> {
    const { client, key, published, size, remove } = this.#options;
    // A store that is closed meanwhile drops what is being filled.
    if (this.#begun + this.#filling.size !== size)
      throw new StoreError('length', `${label(key)} was announced with ${size} bytes and has fewer`);
    try {
      if (this.#filling.size > 0 && size > this.#pieceBytes) await this.#send();
      await this.#travelling;
      const objectKey = objectKeyOf(client.prefix, key);
      const tag = size > this.#pieceBytes ? await this.#assemble(objectKey) : await this.#putWhole(objectKey);
      published(tag);
    } catch (error) {
      throw s3Error(error, `${label(key)} cannot be stored`);
    }
    await this.#settle();
    await remove().catch(() => {});
    this.#end();
  }

  async release(): Promise<void> {
    const { client, claims, key, owner } = this.#options;
    // What is on its way is of use to who goes on.
    const late = setTimeout(() => this.#abortion.abort(), LAST_PIECE_TIME);
    await this.#travelling.catch(() => {});
    clearTimeout(late);
    this.#end();
    await this.#settle();
    await claims.remove(claimKeyOf(client, key), owner).catch(() => {});
  }

  async discard(): Promise<void> {
    this.#end();
    await this.#travelling.catch(() => {});
    await this.#settle();
    await this.#options.remove().catch(() => {});
  }

  async #renew(): Promise<boolean> {
    const { client, claims, key, size, owner } = this.#options;
    const objectKey = claimKeyOf(client, key);
    try {
      const found = await claims.read(objectKey);
      // Stale, or gone: nobody has taken over yet.
      if (found && found.owner !== owner) return false;
      if (!this.#isEnding) await claims.write(objectKey, { owner, size, written: this.#arrived });
      return true;
    } catch (error) {
      throw s3Error(error, `that ${label(key)} is being fetched cannot be said`);
    }
  }

  /** Nothing more is written about it. */
  async #settle(): Promise<void> {
    this.#isEnding = true;
    await this.#renewing.catch(() => {});
  }

  /** The first byte of what is being filled. */
  get #begun(): number {
    const last = this.#pieces.at(-1);
    return last ? last.first + last.size : 0;
  }

  #end(): void {
    this.#abortion.abort();
    this.#filling = new Blocks();
    this.#options.onEnd();
  }

  /** Resolves when the piece before this one has arrived. */
  async #send(): Promise<void> {
    const { client, key, size, owner } = this.#options;
    const blocks = this.#filling;
    try {
      await this.#travelling;
    } catch (error) {
      throw s3Error(error, `${label(key)} cannot be written`);
    }
    const piece = { name: pieceName(size, this.#begun, owner), first: this.#begun, size: blocks.size };
    this.#filling = new Blocks();
    this.#pieces.push(piece);
    const { signal } = this.#abortion;
    const headers = [['content-type', 'application/octet-stream']] as const;
    const request = { method: 'PUT', key: pieceKeyOf(client, key, piece), headers, signal } as const;
    this.#travelling = client.ask({ ...request, body: bodyOfBlocks(blocks) }).then(() => {
      this.#arrived += piece.size;
    });
    // Who waits for it next gets the error.
    this.#travelling.catch(() => {});
  }

  async #assemble(objectKey: string): Promise<string> {
    const { client, key } = this.#options;
    const upload = await MultipartUpload.begin(client, objectKey);
    try {
      await upload.copy(this.#pieces.map((piece) => ({ key: pieceKeyOf(client, key, piece), size: piece.size })));
      return await upload.complete();
    } catch (error) {
      await upload.abort();
      throw error;
    }
  }

  #putWhole(objectKey: string): Promise<string> {
    const { client, key } = this.#options;
    const { algorithm, hex } = digestOf(key);
    return putWhole(client, objectKey, bodyOfBlocks(this.#filling, algorithm === 'sha256' ? hex : undefined));
  }
}
