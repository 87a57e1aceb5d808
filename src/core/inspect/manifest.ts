import { printImagePlatform } from '../image-platform';
import {
  checkCount,
  type Descriptor,
  type Fields,
  isAbout,
  PrefetchFault,
  parseFields,
  platformOf,
  readDescriptor,
  shorten,
} from '../prefetch';

/** What a manifest says, taken apart. */
export type Manifest = IndexManifest | ImageManifest;

export interface IndexManifest {
  readonly kind: 'index';
  readonly artifactType?: string;
  /** Without what is about the images. */
  readonly entries: readonly IndexEntry[];
}

export interface IndexEntry extends Descriptor {
  /** `linux/arm64/v8`; empty where nobody says. */
  readonly platform: string;
}

export interface ImageManifest {
  readonly kind: 'image' | 'artifact';
  readonly artifactType?: string;
  readonly config?: Descriptor;
  readonly layers: readonly Descriptor[];
}

/** Configs that make an image of a manifest (OCI image spec; docker's schema 2). */
const IMAGE_CONFIGS = new Set([
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
]);

/** The config of an artifact that has none (OCI image spec, "Guidelines for Artifact Usage"). */
const EMPTY_CONFIG = 'application/vnd.oci.empty.v1+json';

/**
 * Reads a manifest or index, of OCI or docker's schema 2.
 * @throws PrefetchFault for what is neither, saying what it is where that is known
 */
export function readInspected(text: string): Manifest {
  const document = parseFields(text);
  const { manifests, layers, config, blobs } = document;
  // Clients disagree about what such a document is (CVE-2021-41190).
  if (Array.isArray(manifests) && (layers !== undefined || config !== undefined))
    throw new PrefetchFault('is index and manifest at once');
  if (Array.isArray(manifests)) return readIndex(document, manifests);
  if (document.schemaVersion === 1)
    throw new PrefetchFault('is of docker schema 1, which clients no longer take: it has to be built or pushed anew');
  const parts = layers ?? blobs ?? [];
  if (!Array.isArray(parts) || (config ?? layers ?? blobs) === undefined) throw new PrefetchFault('is no manifest');
  const said = config === undefined ? undefined : readDescriptor(config);
  const isImage = said !== undefined && IMAGE_CONFIGS.has(said.mediaType) && document.artifactType === undefined;
  const type = textOf(document.artifactType) ?? (said?.mediaType === EMPTY_CONFIG ? undefined : said?.mediaType);
  return {
    kind: isImage ? 'image' : 'artifact',
    ...(!isImage && type && { artifactType: shorten(type) }),
    ...(said && { config: said }),
    layers: checkCount(parts).map(readDescriptor).map(withoutControls),
  };
}

function readIndex(document: Fields, manifests: readonly unknown[]): IndexManifest {
  const type = textOf(document.artifactType);
  const entries = checkCount(manifests).filter((each) => !isAbout(each));
  return { kind: 'index', ...(type && { artifactType: shorten(type) }), entries: entries.map(readEntry) };
}

function readEntry(value: unknown): IndexEntry {
  const platform = platformOf(value);
  return { ...withoutControls(readDescriptor(value)), platform: platform ? shorten(printImagePlatform(platform)) : '' };
}

/** Its type is what an upstream wrote, and is shown. */
function withoutControls(descriptor: Descriptor): Descriptor {
  return { ...descriptor, mediaType: shorten(descriptor.mediaType) };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** What a manifest says of its own type, where the answer that brought it says nothing. */
export function typeIn(text: string): string {
  const { mediaType, manifests } = parseFields(text);
  const usual = Array.isArray(manifests) ? 'index' : 'manifest';
  return shorten(textOf(mediaType) ?? `application/vnd.oci.image.${usual}.v1+json`);
}
