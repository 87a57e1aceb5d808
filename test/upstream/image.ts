import { createCipheriv, createHash } from 'node:crypto';

export interface Content {
  digest: string;
  type: string;
  bytes: Buffer;
}

export interface Image {
  manifest: Content;
  config: Content;
  layers: Content[];
}

const TYPES = {
  oci: {
    manifest: 'application/vnd.oci.image.manifest.v1+json',
    config: 'application/vnd.oci.image.config.v1+json',
    layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  },
  docker: {
    manifest: 'application/vnd.docker.distribution.manifest.v2+json',
    config: 'application/vnd.docker.container.image.v1+json',
    layer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  },
};

export const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json';

export function sha256(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

export function contentOf(type: string, bytes: Buffer): Content {
  return { digest: sha256(bytes), type, bytes };
}

/** Bytes in which every window differs, so that a piece put in the wrong place shows; equal seeds give equal bytes. */
export function payload(size: number, seed = 1): Buffer {
  const key = createHash('sha256').update(`payload ${seed}`).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size));
}

export function makeImage(layerSizes: number[], kind: keyof typeof TYPES = 'oci', seed = 1): Image {
  const types = TYPES[kind];
  const layers = layerSizes.map((size, index) => contentOf(types.layer, payload(size, seed * 100 + index)));
  const config = contentOf(
    types.config,
    json({
      architecture: 'amd64',
      os: 'linux',
      seed,
      rootfs: { type: 'layers', diff_ids: layers.map((l) => l.digest) },
    }),
  );
  const manifest = contentOf(
    types.manifest,
    json({
      schemaVersion: 2,
      mediaType: types.manifest,
      config: descriptor(config),
      layers: layers.map(descriptor),
    }),
  );
  return { manifest, config, layers };
}

/** Something that points at an image: a signature, an SBOM. */
export function makeReferrer(subject: Content, artifactType: string): Content {
  const manifest = {
    schemaVersion: 2,
    mediaType: TYPES.oci.manifest,
    artifactType,
    config: descriptor(contentOf('application/vnd.oci.empty.v1+json', Buffer.from('{}'))),
    layers: [],
    subject: descriptor(subject),
  };
  return contentOf(TYPES.oci.manifest, json(manifest));
}

export function descriptor(content: Content) {
  return { mediaType: content.type, digest: content.digest, size: content.bytes.length };
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value, null, 3));
}
