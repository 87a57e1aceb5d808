import type { ImageName } from '../core/image-name';
import type { ImagePlatforms } from '../core/image-platform';
import {
  type Descriptor,
  MAX_DESCRIPTORS,
  MAX_INDEX_DEPTH,
  PrefetchFault,
  readManifest,
  shorten,
} from '../core/prefetch';
import { failureOf } from './failures';
import { prefetchBlob } from './prefetch-blob';
import { fetchManifest, type ManifestNode } from './prefetch-manifest';
import { type ProxyAddress, ProxyClient } from './proxy-client';
import type { Login } from './proxy-login';

export interface PrefetchOptions {
  /** The proxy that is pulled through. */
  readonly base: ProxyAddress;
  readonly images: readonly ImageName[];
  readonly platforms: ImagePlatforms;
  /** A whole `Authorization` field, shown where the proxy asks for it; a token is shown always. */
  readonly authorization?: Login;
  readonly signal: AbortSignal;
  /** Blobs under way at once. */
  readonly parallel?: number;
  readonly onProgress?: (progress: PrefetchProgress) => void;
}

/** Bytes of a whole run. */
export interface PrefetchProgress {
  /** The image under way. */
  readonly image: string;
  readonly fetched: number;
  /** The cache had them. */
  readonly present: number;
  /** As far as manifests have been read. */
  readonly total: number;
  /** Set once for each image, when it is over. */
  readonly result?: ImageResult;
}

export interface ImageResult {
  /** As it was typed. */
  readonly image: string;
  /** Of the manifest or index that the name stands for. */
  readonly digest?: string;
  readonly fetched: number;
  readonly present: number;
  /** Sentences; empty where all of it is there now. */
  readonly errors: readonly string[];
  /** Whether the proxy said anything of a cache. */
  readonly isCached: boolean;
}

const PARALLEL = 3;

/** Sentences kept for one image. */
const MAX_ERRORS = 10;

/**
 * Fills the cache of a proxy by pulling through it, one image after the other. What was there already is not fetched again, so
 * a run that was broken off goes on where it was.
 * @returns one result an image, in their order
 * @throws the reason of `signal`, when it is aborted
 */
export async function prefetch(options: PrefetchOptions): Promise<readonly ImageResult[]> {
  const client = new ProxyClient(options.base, options.authorization, options.signal);
  const run = new Run(client, options);
  try {
    const results: ImageResult[] = [];
    for (const image of options.images) results.push(await run.pull(image));
    return results;
  } finally {
    client.close();
  }
}

/** What is counted for one image. */
interface Count {
  digest: string | undefined;
  fetched: number;
  present: number;
  isCached: boolean;
  readonly errors: string[];
}

class Run {
  readonly #client: ProxyClient;
  readonly #options: PrefetchOptions;
  /** Blobs by repository that are there now: images share their layers. */
  readonly #done = new Set<string>();
  #sums = { fetched: 0, present: 0, total: 0 };

  constructor(client: ProxyClient, options: PrefetchOptions) {
    this.#client = client;
    this.#options = options;
  }

  async pull(image: ImageName): Promise<ImageResult> {
    const count: Count = { digest: undefined, fetched: 0, present: 0, isCached: false, errors: [] };
    try {
      await this.#readBlobs(image, await this.#readManifests(image, count), count);
    } catch (error) {
      this.#note(count, error);
    }
    const result: ImageResult = { image: image.text, ...count };
    this.#report(image, result);
    return result;
  }

  /** @returns blobs of all manifests, those with errors left out */
  async #readManifests(image: ImageName, count: Count): Promise<readonly Descriptor[]> {
    const waiting: ManifestNode[] = [{ reference: image.reference, depth: 0 }];
    const seen = new Set<string>();
    const blobs = new Map<string, Descriptor>();
    for (let node = waiting.shift(); node; node = waiting.shift()) {
      const { depth } = node;
      try {
        const wanted = readManifest(await this.#readManifest(image, node, count), this.#options.platforms);
        if (wanted.manifests.length > 0 && depth === MAX_INDEX_DEPTH) {
          throw new PrefetchFault(`has indexes inside each other more than ${MAX_INDEX_DEPTH} deep`);
        }
        const fresh = wanted.manifests.filter(({ digest }) => !seen.has(digest));
        for (const { digest } of fresh) seen.add(digest);
        for (const blob of wanted.blobs) blobs.set(blob.digest, blob);
        if (seen.size + blobs.size > MAX_DESCRIPTORS) {
          waiting.length = 0;
          throw new PrefetchFault(`has more than ${MAX_DESCRIPTORS} parts`);
        }
        waiting.push(...fresh.map((each) => ({ ...each, reference: each.digest, depth: depth + 1 })));
      } catch (error) {
        this.#note(count, error, depth === 0 ? '' : `${node.reference} `);
      }
    }
    return [...blobs.values()];
  }

  async #readManifest(image: ImageName, node: ManifestNode, count: Count): Promise<string> {
    const { bytes, digest, isHit } = await fetchManifest(this.#client, image, node);
    if (node.depth === 0) count.digest = digest;
    if (isHit !== undefined) count.isCached = true;
    this.#add(image, count, isHit ? 'present' : 'fetched', bytes.length, bytes.length);
    return bytes.toString();
  }

  async #readBlobs(image: ImageName, blobs: readonly Descriptor[], count: Count): Promise<void> {
    const keyOf = ({ digest }: Descriptor) => `${image.registry ?? ''}/${image.repository}@${digest}`;
    const waiting = blobs.filter((blob) => !this.#done.has(keyOf(blob)));
    for (const { size } of waiting) this.#sums.total += size;
    const work = async () => {
      for (let blob = waiting.shift(); blob; blob = waiting.shift()) {
        try {
          await this.#readBlob(image, blob, count);
          this.#done.add(keyOf(blob));
        } catch (error) {
          this.#note(count, error, `${blob.digest} `);
        }
      }
    };
    await Promise.all(Array.from({ length: this.#options.parallel ?? PARALLEL }, work));
  }

  async #readBlob(image: ImageName, blob: Descriptor, count: Count): Promise<void> {
    let came = 0;
    const isPresent = await prefetchBlob(this.#client, image, blob, this.#options.signal, (bytes) => {
      came += bytes;
      this.#add(image, count, 'fetched', bytes);
    });
    if (!isPresent) return;
    // Of a blob that turned out to be there only when it was read, nothing came from the registry.
    this.#add(image, count, 'fetched', -came);
    this.#add(image, count, 'present', blob.size);
  }

  #add(image: ImageName, count: Count, kind: 'fetched' | 'present', bytes: number, more = 0): void {
    count[kind] += bytes;
    this.#sums[kind] += bytes;
    this.#sums.total += more;
    this.#report(image);
  }

  #report(image: ImageName, result?: ImageResult): void {
    this.#options.onProgress?.({ image: image.text, ...this.#sums, ...(result && { result }) });
  }

  #note({ errors }: Count, error: unknown, what = ''): void {
    this.#options.signal.throwIfAborted();
    const why = error instanceof PrefetchFault ? error.message : failureOf(error).message;
    if (errors.length < MAX_ERRORS) errors.push(shorten(what) + why);
  }
}
