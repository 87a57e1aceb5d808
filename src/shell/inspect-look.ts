import { textOf } from '../core/doctor/answers';
import type { Seen } from '../core/doctor/evidence';
import { headerOf } from '../core/headers';
import { type ImageManifest, type IndexEntry, readInspected, typeIn } from '../core/inspect/manifest';
import { describePlatform, shareOut } from '../core/inspect/platforms';
import { refusalOf } from '../core/inspect/refusal';
import type { ImageReport, Inspection, PlatformReport, Refusal } from '../core/inspect/report';
import type { Wanted } from '../core/inspect/wanted';
import { type Descriptor, MANIFEST_ACCEPT, MAX_MANIFEST_BYTES, PrefetchFault } from '../core/prefetch';
import { isDigest } from '../core/reference';
import { eachOf } from './each-of';
import type { InspectClient } from './inspect-client';
import type { Inspections } from './inspections';

/** Bytes of an image's config. */
const MAX_CONFIG_BYTES = 1024 * 1024;

/** Requests of one look that are under way at a time. */
const AT_ONCE = 4;

/** Platforms that are told of by no more than their names. */
const MAX_OTHERS = 50;

const LATE = 'no answer came in time';

/** One look at an image: what there is by its name, and what is in it. */
export class Look {
  readonly #wanted: Wanted;
  readonly #client: InspectClient;
  readonly #signal: AbortSignal;
  readonly #inspections: Inspections;
  /** All has been had that was asked for. */
  #isWhole = true;

  constructor(wanted: Wanted, client: InspectClient, signal: AbortSignal, inspections: Inspections) {
    this.#wanted = wanted;
    this.#client = client;
    this.#signal = signal;
    this.#inspections = inspections;
  }

  async look(): Promise<Inspection> {
    const { reference, image, place } = this.#wanted;
    const before = this.#inspections.get(this.#wanted);
    // Docker Hub counts no HEAD, and whether the visitor may see it still has to be asked.
    if (before && (await this.#isStill(before))) return { report: { ...before, image, reference } };
    const seen = await this.#manifest(reference);
    const { gate } = place.config;
    if (seen.failure && this.#signal.aborted) return { refused: { status: 504, code: 'UNAVAILABLE', message: LATE } };
    if (seen.status !== 200) return { refused: refusalOf(seen, gate) };
    const fault = this.#faultOf(seen);
    if (fault) return { refused: fault };
    try {
      const report = await this.#describe(seen);
      // What could not be had this time may be had the next time.
      if (this.#isWhole) this.#inspections.keep(this.#wanted, report);
      return { report };
    } catch (error) {
      if (error instanceof PrefetchFault) return { refused: invalid(error.message) };
      throw error;
    }
  }

  async #isStill({ digest }: ImageReport): Promise<boolean> {
    const { reference } = this.#wanted;
    const { status, headers } = await this.#ask('HEAD', `manifests/${reference}`, digest, MAX_MANIFEST_BYTES);
    return status === 200 && headerOf(headers, 'docker-content-digest') === digest;
  }

  async #describe(seen: Seen): Promise<ImageReport> {
    const { image, registry, repository, reference, place } = this.#wanted;
    const text = textOf(seen.start);
    const manifest = readInspected(text);
    const said = (headerOf(seen.headers, 'content-type') ?? '').split(';')[0]?.trim() ?? '';
    const digest = seen.digest as string;
    const about = {
      ...{ image, registry, repository, reference, digest },
      mediaType: /^application\/[\w.+-]+$/.test(said) && said !== 'application/json' ? said : typeIn(text),
      kind: manifest.kind,
      ...(manifest.artifactType !== undefined && { artifactType: manifest.artifactType }),
    };
    if (manifest.kind !== 'index') {
      const platform = await this.#describeImage(manifest, { digest, platform: '' });
      return { ...about, platforms: [platform], omitted: 0, others: [] };
    }
    const { chosen, others } = shareOut(manifest.entries, place);
    const looked = await eachOf(chosen, AT_ONCE, (entry) => this.#lookInto(entry));
    const missing = chosen.filter((_, index) => looked[index] === undefined);
    if (missing.length > 0) this.#isWhole = false;
    const left = [...missing, ...others];
    return {
      ...about,
      platforms: looked.flatMap((each) => (each ? [each] : [])),
      omitted: left.length,
      others: left
        .map(({ platform }) => platform)
        .filter(Boolean)
        .slice(0, MAX_OTHERS),
    };
  }

  /** @returns undefined where it cannot be had, or is no image */
  async #lookInto(entry: IndexEntry): Promise<PlatformReport | undefined> {
    if (this.#signal.aborted || entry.size > MAX_MANIFEST_BYTES) return undefined;
    const seen = await this.#manifest(entry.digest);
    if (seen.status !== 200 || seen.received !== entry.size || this.#faultOf(seen, entry.digest)) return undefined;
    try {
      const manifest = readInspected(textOf(seen.start));
      return manifest.kind === 'index' ? undefined : await this.#describeImage(manifest, entry);
    } catch (error) {
      if (error instanceof PrefetchFault) return undefined;
      throw error;
    }
  }

  async #describeImage(
    manifest: ImageManifest,
    entry: Pick<IndexEntry, 'digest' | 'platform'>,
  ): Promise<PlatformReport> {
    const config = manifest.kind === 'image' && manifest.config ? await this.#config(manifest.config) : undefined;
    return describePlatform(manifest, entry, config);
  }

  /** Its text; undefined where it cannot be had: without it, less is known of the image. */
  async #config({ digest, size }: Descriptor): Promise<string | undefined> {
    if (this.#signal.aborted || size > MAX_CONFIG_BYTES) return undefined;
    const seen = await this.#ask('GET', `blobs/${digest}`, digest, size);
    const isProven = seen.status === 200 && seen.received === size && seen.digest === digest;
    if (!isProven) this.#isWhole = false;
    return isProven ? textOf(seen.start) : undefined;
  }

  #manifest(reference: string): Promise<Seen> {
    return this.#ask('GET', `manifests/${reference}`, reference, MAX_MANIFEST_BYTES);
  }

  #ask(method: 'GET' | 'HEAD', rest: string, reference: string, limit: number): Promise<Seen> {
    const isManifest = rest.startsWith('manifests/');
    const headers = [
      ...(isManifest ? [['accept', MANIFEST_ACCEPT] as const] : []),
      ['accept-encoding', 'identity'] as const,
    ];
    const hash = isDigest(reference) ? (reference.split(':')[0] as string) : 'sha256';
    return this.#client.ask({ method, rest, headers, limit, hash });
  }

  /** What is wrong with the body of a manifest that came. @param digest which it must have; where absent, as asked for */
  #faultOf(seen: Seen, digest = this.#wanted.reference): Refusal | undefined {
    const said = headerOf(seen.headers, 'docker-content-digest') ?? '';
    if (seen.ending === 'enough') return invalid(`is larger than ${MAX_MANIFEST_BYTES / 1024 / 1024} MiB`);
    if (seen.ending === 'cut') return { status: 502, code: 'UNAVAILABLE', message: 'the manifest broke off' };
    if (seen.digest === undefined) return invalid('has a digest of no known algorithm');
    const expected = isDigest(digest) ? digest : said.startsWith('sha256:') ? said : seen.digest;
    return seen.digest === expected ? undefined : invalid('has another digest than it should have');
  }
}

function invalid(what: string): Refusal {
  return { status: 502, code: 'MANIFEST_INVALID', message: `what the registry has by this name ${what}` };
}
