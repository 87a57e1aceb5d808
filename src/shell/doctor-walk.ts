import type { Capabilities, Platform } from '../core/capabilities';
import { textOf } from '../core/doctor/answers';
import type { BlobSeen, Evidence, Reach, Seen } from '../core/doctor/evidence';
import { type HeaderList, headerOf } from '../core/headers';
import type { ImageName } from '../core/image-name';
import type { ImagePlatforms } from '../core/image-platform';
import {
  type Descriptor,
  MANIFEST_ACCEPT,
  MAX_MANIFEST_BYTES,
  PlatformFault,
  PrefetchFault,
  readManifest,
} from '../core/prefetch';
import { isDigest } from '../core/reference';
import type { Url } from '../core/url';
import { DoctorClient, type Gathered } from './doctor-client';
import type { Door } from './doctor-door';
import { probePushes } from './doctor-push';

export interface WalkOptions {
  /** Where clients find the registry; `path` without a slash at its end. */
  readonly target: Url;
  readonly image: ImageName;
  readonly platforms: ImagePlatforms;
  /** A whole `Authorization` field. */
  readonly login?: string;
  /** Uploads are begun, and given up. */
  readonly push?: boolean;
  /** What is known of the target, by this very instance. */
  readonly known?: { readonly platform: Platform; readonly limits: Capabilities };
  readonly door: Door;
}

/** Bytes of a layer up to which it is read whole. */
const MAX_WHOLE_LAYER = 32 * 1024 * 1024;

/** Bytes of a larger layer that are read. */
const LAYER_PART = 1024 * 1024;

/** Bytes of each blob that an instance reads of what it serves itself. */
const BLOB_START = 64 * 1024;

/** Bytes that a layer should have, so that its speed says something. */
const FAIR_LAYER = 256 * 1024;

/** Bytes of a config that are read. */
const MAX_CONFIG = 4 * 1024 * 1024;

/** Bytes of a layer that are asked for alone. */
const RANGE_BYTES = 1000;

/** Goes every step of a pull, and takes note of what comes of each; one that fails ends only those that need it. */
export async function walk(options: WalkOptions): Promise<Evidence> {
  const { target, image, door, known, login } = options;
  const evidence: Gathered = {
    target,
    image,
    isOurs: known !== undefined,
    ...known,
    hasLogin: login !== undefined,
    now: Date.now(),
  };
  if (door.reach) evidence.reach = await door.reach(target);
  if (evidence.reach && !isReached(evidence.reach)) return evidence;
  const client = new DoctorClient(door, evidence, login);
  if (!known) {
    evidence.health = await client.plain('GET', '/-/healthz');
    evidence.isOurs = evidence.health.status === 200 && textOf(evidence.health.start).trim() === 'ok';
  }
  evidence.ping = await client.plain('GET', '/v2/');
  if (evidence.ping.failure) return evidence;
  await new Walk(client, evidence, options).pull();
  return evidence;
}

function isReached({ dials, handshake }: Reach): boolean {
  const isTrusted = !handshake || (handshake.failure === undefined && handshake.distrust === undefined);
  return dials.some(({ failure }) => !failure) && isTrusted;
}

class Walk {
  readonly #client: DoctorClient;
  readonly #evidence: Gathered;
  readonly #options: WalkOptions;
  readonly #isBrief: boolean;

  constructor(client: DoctorClient, evidence: Gathered, options: WalkOptions) {
    this.#client = client;
    this.#evidence = evidence;
    this.#options = options;
    this.#isBrief = options.known !== undefined;
  }

  async pull(): Promise<void> {
    const evidence = this.#evidence;
    const { reference } = evidence.image;
    evidence.manifestHead = await this.#manifest('HEAD', reference);
    evidence.manifest = await this.#manifest('GET', reference);
    const digest = evidence.manifest.digest;
    if (evidence.manifest.status === 200 && digest !== undefined && !this.#isBrief) {
      if (!isDigest(reference)) evidence.byDigest = await this.#manifest('GET', digest);
    }
    const blobs = await this.#blobs(evidence.manifest);
    const [config, ...layers] = blobs;
    if (config) await this.#readBlobs(config, layers);
    if (this.#options.push) evidence.pushes = evidence.hasLogin ? await probePushes(this.#client, this.#path('')) : [];
  }

  /** As Go's clients ask, which a proxy in front may take for leave to compress. */
  #manifest(method: 'GET' | 'HEAD', reference: string): Promise<Seen> {
    const hash = isDigest(reference) ? reference.split(':')[0] : 'sha256';
    const headers: HeaderList = [
      ['accept', MANIFEST_ACCEPT],
      ['accept-encoding', 'gzip'],
    ];
    const size = { take: MAX_MANIFEST_BYTES, keep: MAX_MANIFEST_BYTES };
    return this.#client.ask({ method, at: this.#path(`manifests/${reference}`), headers, hash, ...size });
  }

  /** Config first; of an index, those of the manifest for the platform. */
  async #blobs(seen: Seen): Promise<readonly Descriptor[]> {
    const evidence = this.#evidence;
    if (seen.status !== 200 || seen.ending !== 'whole') return [];
    try {
      const wanted = readManifest(textOf(seen.start), this.#options.platforms);
      const [manifest] = wanted.manifests;
      if (!manifest) return wanted.blobs;
      evidence.chosen = await this.#manifest('GET', manifest.digest);
      if (evidence.chosen.status !== 200) return [];
      return readManifest(textOf(evidence.chosen.start), this.#options.platforms).blobs;
    } catch (error) {
      if (!(error instanceof PrefetchFault)) throw error;
      // One that came encoded is told as such.
      if (headerOf(seen.headers, 'content-encoding') === undefined) {
        evidence.misfit = { why: error.message, isPlatform: error instanceof PlatformFault };
      }
      return [];
    }
  }

  async #readBlobs(config: Descriptor, layers: readonly Descriptor[]): Promise<void> {
    const evidence = this.#evidence;
    evidence.config = await this.#blob(config, true, MAX_CONFIG);
    const layer = fairLayer(layers);
    if (layer) {
      evidence.layerHead = await this.#client.ask({ method: 'HEAD', at: this.#at(layer), take: 0, keep: 0 });
      evidence.layer = await this.#blob(layer, false, layer.size > MAX_WHOLE_LAYER ? LAYER_PART : layer.size + 1);
      const isThere = [200, 206].includes(evidence.layer.hops.at(-1)?.status ?? 0);
      if (isThere && !this.#isBrief && layer.size > 1) evidence.range = await this.#range(layer);
    }
    if (!this.#isBrief)
      evidence.again = await this.#client.ask({ method: 'GET', at: this.#at(config), take: 0, keep: 0 });
  }

  /** An instance that asks itself must not begin to fetch all of it for that. */
  async #blob({ digest, size }: Descriptor, isConfig: boolean, take: number): Promise<BlobSeen> {
    const range: HeaderList = this.#isBrief && size > BLOB_START ? [['range', `bytes=0-${BLOB_START - 1}`]] : [];
    const hops = await this.#client.follow({
      method: 'GET',
      at: this.#path(`blobs/${digest}`),
      headers: [['accept-encoding', 'identity'], ...range],
      hash: digest.split(':')[0],
      take: this.#isBrief ? Math.min(take, BLOB_START) : take,
      keep: RANGE_BYTES * 2,
    });
    return { digest, size, isConfig, hops };
  }

  async #range({ digest, size }: Descriptor): Promise<Evidence['range']> {
    const first = Math.min(RANGE_BYTES, Math.floor(size / 2));
    const last = Math.min(first + RANGE_BYTES, size) - 1;
    const headers: HeaderList = [
      ['accept-encoding', 'identity'],
      ['range', `bytes=${first}-${last}`],
    ];
    const asked = {
      method: 'GET',
      at: this.#path(`blobs/${digest}`),
      headers,
      take: RANGE_BYTES + 1,
      keep: RANGE_BYTES,
    };
    const hops = await this.#client.follow(asked);
    return { first, last, seen: hops[hops.length - 1] as Seen };
  }

  #at({ digest }: Descriptor): string {
    return this.#path(`blobs/${digest}`);
  }

  /** An instance of ours is told the registry as containerd tells it. */
  #path(rest: string): string {
    const { registry, repository } = this.#evidence.image;
    const query = registry !== undefined && this.#evidence.isOurs ? `?ns=${encodeURIComponent(registry)}` : '';
    return `/v2/${repository}/${rest}${query}`;
  }
}

/** The smallest that is fair to judge by, or the largest where none is. */
function fairLayer(layers: readonly Descriptor[]): Descriptor | undefined {
  const bySize = [...layers].sort((one, other) => one.size - other.size);
  return bySize.find(({ size }) => size >= FAIR_LAYER) ?? bySize[bySize.length - 1];
}
