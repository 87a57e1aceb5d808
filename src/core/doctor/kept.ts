import { printBytes } from '../bytes-text';
import { isCacheHit } from '../cache-hit';
import { linkName, tagName } from '../cache-names';
import { CacheQuestion, isStorable } from '../cache-question';
import type { Find, Findings } from '../cache-verbs';
import type { HeaderList } from '../headers';
import type { Place } from '../location';
import type { Memory } from '../memory';
import { MANIFEST_ACCEPT } from '../prefetch';
import { variantOf } from '../tag-document';
import type { BlobSeen, Evidence } from './evidence';
import { type Finding, findingsOf } from './finding';

/** What a cache has of an image. */
export interface Kept {
  /** Where things are kept: `disk`, `s3`. */
  readonly store: string;
  /** Under which names `registry-proxy cache ls` lists what is known. */
  readonly names: readonly string[];
  readonly tag?: {
    readonly digest: string;
    /** Seconds since the registry said so, and for which it is served without asking again. */
    readonly age: number;
    readonly fresh: number;
  };
  /** Bytes of the manifest; absent where it is not there. */
  readonly manifest?: number;
  readonly isManifestKept: boolean;
}

const ACCEPT: HeaderList = [['accept', MANIFEST_ACCEPT]];

/**
 * Looks up what there is before anything is asked.
 * @param find looks into the store
 */
export async function lookUp(
  place: Place,
  memory: Memory,
  find: (verb: Find) => Promise<Findings>,
): Promise<Kept | undefined> {
  const { cache } = place.config;
  if (!cache) return undefined;
  const { route } = place;
  const target = `/v2/${route.typed}/manifests/${route.reference}`;
  const head = { method: 'GET', target, headers: ACCEPT, peer: { address: '', secure: true } };
  const question = new CacheQuestion(place, head, memory.cache);
  const tags = question.isTag ? [tagName(route)] : [];
  const { documents, now } = await find({ verb: 'find', documents: tags });
  const variant = question.isTag ? variantOf(documents[tagName(route)], question.accept) : undefined;
  const digest = question.isTag ? variant?.digest : route.reference;
  const link = digest === undefined ? undefined : linkName(route, digest);
  const stored =
    digest !== undefined && link !== undefined && isStorable(digest)
      ? (await find({ verb: 'find', documents: [link], blob: { digest, link, lead: false } })).blob
      : undefined;
  const age = variant ? Math.abs(now - variant.checkedAt) : 0;
  const seconds = (time: number) => Math.round(time / 1000);
  return {
    store: cache.place.kind,
    names: [...tags, ...(link === undefined ? [] : [link])],
    ...(variant && {
      tag: { digest: variant.digest, age: seconds(age), fresh: Math.max(0, seconds(question.lifetime - age)) },
    }),
    ...(stored && { manifest: stored.size }),
    isManifestKept: stored !== undefined,
  };
}

/** In words; of blobs their answers have said whether they were there. */
export function tellKept(kept: Kept | undefined, { image, config, layer }: Evidence): readonly Finding[] {
  const { good } = findingsOf('kept');
  if (!kept) return [good('kept.no')];
  const { tag, manifest } = kept;
  const what = image.reference;
  const known = tag ? [good('kept.tag', { what, digest: tag.digest, age: tag.age, left: tag.fresh })] : [];
  const there =
    manifest === undefined
      ? good('kept.absent', { what: 'manifest' })
      : good('kept.there', { what: 'manifest', bytes: printBytes(manifest) });
  return [...known, there, ...tellBlob('config', config), ...tellBlob('layer', layer)];
}

function tellBlob(what: string, blob: BlobSeen | undefined): readonly Finding[] {
  const isHit = isKept(blob);
  if (!blob || isHit === undefined) return [];
  const { good } = findingsOf('kept');
  return [isHit ? good('kept.there', { what, bytes: printBytes(blob.size) }) : good('kept.absent', { what })];
}

/** Whether a blob came out of the cache; undefined where nothing says so. */
export function isKept(blob: BlobSeen | undefined): boolean | undefined {
  return blob?.hops[0] && isCacheHit(blob.hops[0].headers);
}
