import type { S3Client } from './s3-client';
import { incomingOfBlob } from './s3-layout';
import type { BlobKey, Piece } from './store';

const MIB = 1024 * 1024;

/** Bytes of a piece, and of a blob that needs none: those that S3 takes as parts of an upload have at least 5 MiB. */
const PIECE_BYTES = 8 * MIB;

/** Pieces of a blob at most, as one page of a list shows them; larger blobs have larger ones. */
const MAX_PIECES = 1000;

/** The same for all that fetch a blob: what one has begun another one goes on with. */
export function pieceBytesOf(size: number): number {
  return Math.max(PIECE_BYTES, Math.ceil(size / MAX_PIECES / MIB) * MIB);
}

/** Bytes of the piece that begins here. */
export function pieceSizeAt(size: number, first: number): number {
  return Math.min(pieceBytesOf(size), size - first);
}

/** Behind all pieces, so that a list from a piece on shows it, too. */
export function claimKeyOf(client: S3Client, key: BlobKey): string {
  return `${incomingOfBlob(client.prefix, key)}claim`;
}

export function pieceKeyOf(client: S3Client, key: BlobKey, { name }: Pick<Piece, 'name'>): string {
  return `${incomingOfBlob(client.prefix, key)}${name}`;
}

/** Names sort as pieces do, and are of one writer each. */
export function pieceName(size: number, first: number, owner: string): string {
  return `${beforePieces(size, first)}${owner}`;
}

/** What sorts behind all pieces before this one, and before its own. */
export function beforePieces(size: number, first: number): string {
  return `${size}-${String(first / pieceBytesOf(size)).padStart(5, '0')}-`;
}

/** Undefined for any other object, and for a piece of a blob of another size. */
export function parsePiece(name: string, bytes: number, size: number): Piece | undefined {
  const [, whole, index] = /^(\d{1,15})-(\d{5})-[0-9a-f]{16}$/.exec(name) ?? [];
  if (Number(whole) !== size) return undefined;
  const first = Number(index) * pieceBytesOf(size);
  return first < size && bytes === pieceSizeAt(size, first) ? { name, first, size: bytes } : undefined;
}
