import { checkAddress } from '../core/client-rules';
import type { Config } from '../core/config';
import { textOf } from '../core/doctor/answers';
import type { Seen } from '../core/doctor/evidence';
import { RegistryError } from '../core/errors';
import { headerOf } from '../core/headers';
import { type ImageManifest, type IndexEntry, readInspected, typeIn } from '../core/inspect/manifest';
import { describePlatform, shareOut } from '../core/inspect/platforms';
import { refusalOf, refusalOfError } from '../core/inspect/refusal';
import type { ImageReport, Inspection, PlatformReport, Refusal } from '../core/inspect/report';
import { readWanted, type Wanted } from '../core/inspect/wanted';
import type { Place } from '../core/location';
import type { Memory } from '../core/memory';
import { originOfRequest } from '../core/origin';
import { type Descriptor, MANIFEST_ACCEPT, MAX_MANIFEST_BYTES, PrefetchFault } from '../core/prefetch';
import { isDigest } from '../core/reference';
import type { RequestHead } from '../core/verbs';
import type { Door } from './doctor-door';
import { eachOf } from './each-of';
import { InspectClient } from './inspect-client';
import { Inspections } from './inspections';

/** What somebody looks at an image out of, at the time of a request. */
export interface InspectPlace {
  readonly config: Config;
  readonly memory: Memory;
  /** The visitor's own request. */
  readonly head: RequestHead;
  /** Asks this very instance as the visitor, by its own URL, and whatever a redirect leads to. @param signal ends all of it */
  readonly open: (place: Place, signal: AbortSignal) => Door;
}

/** Milliseconds after which nothing more is asked, and what has come is shown. */
const INSPECT_TIME = 30_000;

/** Bytes of an image's config. */
const MAX_CONFIG_BYTES = 4 * 1024 * 1024;

/** Requests of one look that are under way at a time. */
const AT_ONCE = 4;

/** What images looked at, by the memory of their instance. */
const known = new WeakMap<Memory, Inspections>();

/**
 * Looks at an image the way a pull by the visitor would: by the same rules, limits and cache, and with the visitor's own login.
 * @param text as somebody typed it
 */
export async function inspectImage(text: string, place: InspectPlace): Promise<Inspection> {
  const inspections = known.get(place.memory) ?? new Inspections();
  known.set(place.memory, inspections);
  try {
    return hide(await inspections.take(() => inspect(text, place, inspections)), place.config);
  } catch (error) {
    if (error instanceof RegistryError) return hide({ refused: refusalOfError(error) }, place.config);
    throw error;
  }
}

/** Whoever typed the secret is not to find it on a page. */
function hide(inspection: Inspection, { gate }: Config): Inspection {
  if (!('refused' in inspection) || gate?.secret === undefined) return inspection;
  const { refused } = inspection;
  return { refused: { ...refused, message: refused.message.replaceAll(gate.secret, 'SECRET') } };
}

async function inspect(
  text: string,
  { config, head, open }: InspectPlace,
  inspections: Inspections,
): Promise<Inspection> {
  if (config.gate?.satisfy !== 'any') checkAddress(head, config);
  const origin = originOfRequest(head, config);
  if (!origin) throw new RegistryError(400, 'UNSUPPORTED', 'the request has no usable Host');
  const wanted = readWanted(text, head.target, { config, origin });
  const given = headerOf(head.headers, 'authorization');
  const login = /^basic /i.test(given ?? '') ? given : undefined;
  const ending = new AbortController();
  const timer = setTimeout(() => ending.abort(new Error('no time left')), INSPECT_TIME);
  try {
    const door = open(wanted.place, ending.signal);
    const client = new InspectClient(door, wanted, login, Boolean(config.gate?.users.size));
    return await new Look(wanted, client, ending.signal, inspections).look();
  } finally {
    clearTimeout(timer);
  }
}

class Look {
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
      others: left.map(({ platform }) => platform).filter(Boolean),
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
