import { createCipheriv, createHash } from 'node:crypto';

/** What has a digest and can be read in parts. */
export interface Content {
  readonly type: string;
  readonly digest: string;
  readonly size: number;
  read(first: number, length: number): Buffer;
}

export interface NoiseImage {
  readonly manifest: Content;
  readonly config: Content;
  readonly layers: readonly Content[];
}

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const CONFIG = 'application/vnd.oci.image.config.v1+json';
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';
const PIECE = 1024 * 1024;
const NOTHING = Buffer.alloc(PIECE);

/** An image of so many layers of so many bytes; equal names give equal images. No layer is ever held in memory. */
export function imageOf(name: string, sizes: readonly number[]): NoiseImage {
  const layers = sizes.map((size, index) => noise(`${name} ${index}`, size));
  const config = contentOf(CONFIG, { architecture: 'amd64', os: 'linux', name });
  const manifest = contentOf(MANIFEST, {
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: descriptor(config),
    layers: layers.map(descriptor),
  });
  return { manifest, config, layers };
}

/** Bytes that differ at every offset, so that a piece put in the wrong place shows. */
function noise(seed: string, size: number): Content {
  const key = createHash('sha256').update(seed).digest().subarray(0, 16);
  const read = (first: number, length: number): Buffer => {
    const counter = Buffer.alloc(16);
    counter.writeUInt32BE(Math.floor(first / 16), 12);
    const cipher = createCipheriv('aes-128-ctr', key, counter);
    cipher.update(Buffer.alloc(first % 16));
    return cipher.update(length > PIECE ? Buffer.alloc(length) : NOTHING.subarray(0, length));
  };
  const hash = createHash('sha256');
  for (let first = 0; first < size; first += PIECE) hash.update(read(first, Math.min(PIECE, size - first)));
  return { type: LAYER, digest: `sha256:${hash.digest('hex')}`, size, read };
}

function contentOf(type: string, value: object): Content {
  const bytes = Buffer.from(JSON.stringify(value));
  return {
    type,
    digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
    size: bytes.length,
    read: (first, length) => bytes.subarray(first, first + length),
  };
}

function descriptor({ type, digest, size }: Content): object {
  return { mediaType: type, digest, size };
}
