import { choosePlatforms, type ImagePlatform, type ImagePlatforms, printImagePlatform } from './image-platform';
import { isDigest } from './reference';

/** Bytes of a manifest; the limit that registries have as well (OCI distribution spec, "Pushing Manifests"). */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

/** Manifests and blobs of one image with all its platforms. */
export const MAX_DESCRIPTORS = 5000;

/** Indexes inside indexes. */
export const MAX_INDEX_DEPTH = 4;

/** Characters of what an upstream wrote that get into an error text. */
const MAX_SHOWN = 200;

/** What containerd sends where it asks for a tag (core/remotes/docker, "resolver.go"). */
export const MANIFEST_ACCEPT = [
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
  '*/*',
].join(', ');

/** Content that a manifest names (OCI image spec, "Content Descriptors"). */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
}

/** What a client asks for next. */
export interface Wanted {
  readonly manifests: readonly Descriptor[];
  readonly blobs: readonly Descriptor[];
}

/** Why something cannot be prefetched; the message is a sentence for people. */
export class PrefetchFault extends Error {}

/** An index that has other platforms than the wanted ones. */
export class PlatformFault extends PrefetchFault {}

/** Clients are sent elsewhere for it. */
export class ElsewhereFault extends PrefetchFault {}

/**
 * What a client goes on to ask for that has got this manifest or index, of OCI or docker's schema 2: from an index the
 * manifests of its platforms, and those of which nobody says what they run on; from a manifest its config and layers.
 * @throws PrefetchFault for what is no manifest, and for an index without a wanted platform
 */
export function readManifest(text: string, platforms: ImagePlatforms): Wanted {
  const document = parseFields(text);
  const { manifests, layers, config, blobs } = document;
  const isIndex = Array.isArray(manifests);
  // Clients disagree about what such a document is (CVE-2021-41190).
  if (isIndex && (layers !== undefined || config !== undefined))
    throw new PrefetchFault('is index and manifest at once');
  if (isIndex) return { manifests: ofPlatforms(checkCount(manifests), platforms), blobs: [] };
  if (document.schemaVersion === 1) throw new PrefetchFault('is of docker schema 1, which clients no longer take');
  // `blobs`: the artifact manifest of OCI 1.1's release candidates, still to be found.
  const parts = [config === undefined ? [] : [config], layers ?? [], blobs ?? []];
  if (!parts.every(Array.isArray) || (config ?? layers ?? blobs) === undefined)
    throw new PrefetchFault('is no manifest');
  const named = checkCount(parts.flat()).filter((part) => !isElsewhere(part));
  return { manifests: [], blobs: withoutRepeats(named.map(readDescriptor)) };
}

/** An object of JSON. */
export type Fields = Readonly<Record<string, unknown>>;

/** @throws PrefetchFault for what is no object of JSON */
export function parseFields(text: string): Fields {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw new PrefetchFault('is no JSON');
  }
  if (!isFields(document)) throw new PrefetchFault('is no manifest');
  return document;
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @throws PrefetchFault for more than anybody has */
export function checkCount(all: readonly unknown[]): readonly unknown[] {
  if (all.length <= MAX_DESCRIPTORS) return all;
  throw new PrefetchFault(`names ${all.length} others, more than the ${MAX_DESCRIPTORS} that are taken`);
}

/** Windows' base layers, which clients get from where their `urls` say, and what the manifest itself carries. */
function isElsewhere(part: unknown): boolean {
  if (!isFields(part)) return false;
  const isForeign = /\.foreign\.|\.nondistributable\./.test(String(part.mediaType));
  return (isForeign && Array.isArray(part.urls) && part.urls.length > 0) || typeof part.data === 'string';
}

interface Offer {
  readonly descriptor: Descriptor;
  readonly platform: ImagePlatform;
}

function ofPlatforms(all: readonly unknown[], platforms: ImagePlatforms): readonly Descriptor[] {
  if (platforms === 'all') return withoutRepeats(all.map(readDescriptor));
  const useful = all.filter((each) => !isAbout(each));
  const unsaid = useful.filter((each) => platformOf(each) === undefined).map(readDescriptor);
  const offers = useful.flatMap((each): Offer[] => {
    const platform = platformOf(each);
    return platform ? [{ descriptor: readDescriptor(each), platform }] : [];
  });
  const chosen = platforms.map((wanted) => ({ wanted, found: choosePlatforms(offers, wanted) }));
  const missing = chosen.filter(({ found }) => found.length === 0).map(({ wanted }) => printImagePlatform(wanted));
  if (missing.length > 0 && unsaid.length === 0) {
    const offered = [...new Set(offers.map(({ platform }) => printImagePlatform(platform)))].join(', ');
    throw new PlatformFault(`has no ${missing.join(', ')}, only ${shorten(offered) || 'nothing'}`);
  }
  return withoutRepeats([...chosen.flatMap(({ found }) => found.map(({ descriptor }) => descriptor)), ...unsaid]);
}

/** Attestations, which BuildKit puts beside the images of an index. */
export function isAbout(entry: unknown): boolean {
  if (!isFields(entry)) return false;
  const { annotations } = entry;
  return platformOf(entry)?.os === 'unknown' || (isFields(annotations) && 'vnd.docker.reference.type' in annotations);
}

/** What an entry of an index says of what its image runs on; undefined where it says nothing. */
export function platformOf(entry: unknown): ImagePlatform | undefined {
  const platform = isFields(entry) ? entry.platform : undefined;
  if (!isFields(platform)) return undefined;
  const { os, architecture, variant } = platform;
  if (typeof os !== 'string' || typeof architecture !== 'string') return undefined;
  return { os, architecture, ...(typeof variant === 'string' && variant !== '' && { variant }) };
}

/** @throws PrefetchFault for what names nothing that could be asked for and checked */
export function readDescriptor(value: unknown): Descriptor {
  const { mediaType, digest, size } = isFields(value) ? value : {};
  const isKnown = typeof digest === 'string' && isDigest(digest) && /^sha(256|384|512):/.test(digest);
  if (!isKnown) throw new PrefetchFault(`names something by no digest: ${shorten(String(digest))}`);
  if (!Number.isSafeInteger(size) || (size as number) < 0)
    throw new PrefetchFault(`does not say how long ${digest} is`);
  return { mediaType: typeof mediaType === 'string' ? mediaType : '', digest, size: size as number };
}

function withoutRepeats(descriptors: readonly Descriptor[]): Descriptor[] {
  return [...new Map(descriptors.map((each) => [each.digest, each])).values()];
}

/** Words of an upstream fit for an error text: no control characters, and not many. */
export function shorten(text: string, most = MAX_SHOWN): string {
  // A slice keeps all of its text in memory for as long as itself, and some are remembered: it is put together anew.
  return [...text.slice(0, most)].join('').replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ');
}
