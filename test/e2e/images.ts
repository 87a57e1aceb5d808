import { existsSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { type Content, contentOf, descriptor, INDEX_TYPE, payload, sha256 } from '../upstream/image';

/** A real image: layers are tar archives a client can unpack, one of them with a static shell in it. */
export interface RealImage {
  manifest: Content;
  config: Content;
  layers: Content[];
  /** Digests of the unpacked layers, as a client reports them once it has unpacked them. */
  diffIds: string[];
  /** Path and digest of every file a container made of the image sees. */
  files: Record<string, string>;
}

export interface RealIndex {
  index: Content;
  images: RealImage[];
}

export interface File {
  path: string;
  bytes: Buffer;
  mode?: number;
}

interface Layer {
  files: File[];
  gzip: boolean;
}

const DOCKER = {
  manifest: 'application/vnd.docker.distribution.manifest.v2+json',
  index: 'application/vnd.docker.distribution.manifest.list.v2+json',
  config: 'application/vnd.docker.container.image.v1+json',
  gzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  tar: 'application/vnd.docker.image.rootfs.diff.tar',
};

const OCI = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: INDEX_TYPE,
  config: 'application/vnd.oci.image.config.v1+json',
  gzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  tar: 'application/vnd.oci.image.layer.v1.tar',
};

const TYPES = { docker: DOCKER, oci: OCI };

export type Kind = keyof typeof TYPES;

/** One image: a shell, a mark that tells images apart, and random files of the given sizes, a layer each. */
export function realImage(mark: string, sizes: number[], kind: Kind = 'docker', architecture = 'amd64'): RealImage {
  const shell = existsSync('/bin/busybox')
    ? [{ path: 'bin/busybox', bytes: readFileSync('/bin/busybox'), mode: 0o755 }]
    : [];
  const layers: Layer[] = [
    { files: [...shell, { path: 'etc/mark', bytes: Buffer.from(`${mark} ${architecture}\n`) }], gzip: true },
    ...sizes.map((size, index) => ({
      files: [{ path: `data/random-${index}`, bytes: payload(size, seedOf(`${mark} ${architecture} ${index}`)) }],
      // A large layer stays a plain archive: allowed, and quicker to make.
      gzip: kind === 'docker' || size < 16 << 20,
    })),
  ];
  const types = TYPES[kind];
  const archives = layers.map(({ files }) => tar(files));
  const contents = layers.map(({ gzip }, index) => {
    const archive = archives[index] as Buffer;
    return gzip ? contentOf(types.gzip, gzipSync(archive, { level: 1 })) : contentOf(types.tar, archive);
  });
  const diffIds = archives.map(sha256);
  const config = contentOf(
    types.config,
    json({
      architecture,
      os: 'linux',
      created: '2026-01-01T00:00:00Z',
      config: { Env: ['PATH=/bin'], Cmd: ['/bin/busybox', 'sh'], Labels: { mark } },
      rootfs: { type: 'layers', diff_ids: diffIds },
      history: layers.map(({ files }) => ({ created: '2026-01-01T00:00:00Z', created_by: files.at(-1)?.path })),
    }),
  );
  const manifest = contentOf(
    types.manifest,
    json({
      schemaVersion: 2,
      mediaType: types.manifest,
      config: descriptor(config),
      layers: contents.map(descriptor),
    }),
  );
  const files = Object.fromEntries(
    layers.flatMap((layer) => layer.files.map(({ path, bytes }) => [path, sha256(bytes)])),
  );
  return { manifest, config, layers: contents, diffIds, files };
}

/** The same for two architectures, under one index. */
export function realIndex(mark: string, sizes: number[], kind: Kind = 'docker'): RealIndex {
  const architectures = ['amd64', 'arm64'];
  const images = architectures.map((architecture) => realImage(mark, sizes, kind, architecture));
  const index = contentOf(
    TYPES[kind].index,
    json({
      schemaVersion: 2,
      mediaType: TYPES[kind].index,
      manifests: images.map(({ manifest }, at) => ({
        ...descriptor(manifest),
        platform: { architecture: architectures[at], os: 'linux' },
      })),
    }),
  );
  return { index, images };
}

/** A ustar archive: regular files with short names are all that is needed. */
export function tar(files: File[]): Buffer {
  const blocks = files.flatMap(({ path, bytes, mode = 0o644 }) => {
    const header = Buffer.alloc(512);
    header.write(path, 0);
    header.write(octal(mode, 8), 100);
    header.write(octal(0, 8), 108);
    header.write(octal(0, 8), 116);
    header.write(octal(bytes.length, 12), 124);
    header.write(octal(1767225600, 12), 136);
    header.write('        ', 148);
    header.write('0', 156);
    header.write('ustar\u000000', 257);
    header.write(
      octal(
        header.reduce((sum, byte) => sum + byte, 0),
        8,
      ),
      148,
    );
    return [header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

function octal(value: number, width: number): string {
  return `${value.toString(8).padStart(width - 1, '0')}\0`;
}

function seedOf(text: string): number {
  return Number.parseInt(sha256(Buffer.from(text)).slice(7, 15), 16);
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value, null, 2));
}
