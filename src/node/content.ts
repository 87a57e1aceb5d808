import type { BlobQuestion, CacheDocument, Find, Findings, FoundBlob, KeepBlob, Note } from '../core/cache-verbs';
import type { PublicProbe } from '../core/public-probe';
import { inTime } from '../shell/deadline';
import { Hot, MAX_HOT_ENTRY } from '../shell/hot';
import { PATIENCE, PatientStore } from '../shell/patient-store';
import { blob } from '../storage/key';
import type { Reading, Store } from '../storage/store';
import type { BlobSource } from './blob-source';
import { STORE_TIME } from './deposit';
import { Documents } from './documents';
import type { Fate } from './download';
import type { Part } from './downloads';
import { Fetching } from './fetching';
import { only } from './only';
import { Pending } from './pending';

type Source = AsyncIterable<Uint8Array | readonly Uint8Array[]>;

/**
 * The cache of a process: a store, what was just read from it, and what is being fetched into it. A fault of the store is told to
 * `onFault` and otherwise as if nothing were there: it never fails a pull.
 */
export class Content {
  readonly #store: PatientStore;
  readonly #onFault: (error: Error) => void;
  readonly #hot = new Hot();
  readonly #fetching: Fetching;
  readonly #pending = new Pending();
  readonly #documents: Documents;
  readonly #isFrozenSoon: boolean;

  /** @param isFrozenSoon what goes on after an answer may never go on, so what is to be kept is kept before it ends */
  constructor(store: Store, onFault: (error: Error) => void, patience = PATIENCE, isFrozenSoon = false) {
    this.#isFrozenSoon = isFrozenSoon;
    this.#store = new PatientStore(store, patience);
    this.#onFault = onFault;
    this.#fetching = new Fetching({
      store: this.#store,
      onFault,
      isStoredFirst: isFrozenSoon,
      stored: (digest, part) => this.#stored(digest, part),
      onStored: (digest, notes) => {
        this.#hot.delete(`x ${digest}`);
        this.note(notes);
        return this.written();
      },
    });
    this.#documents = new Documents(this.#store, this.#hot, this.#pending, onFault);
  }

  /** @param onEnd called with what is to be called when the request ends, whether it has led a fetch or not */
  async find({ documents, blob: question }: Find, onEnd: (settle: () => void) => void): Promise<Findings> {
    const now = Date.now();
    const found: Record<string, CacheDocument | undefined> = {};
    // First, since it may wait for somebody who learns what the documents say.
    const state = question && (await this.#findBlob(question, onEnd));
    await Promise.all(
      documents.map(async (name) => {
        found[name] = await this.#documents.find(name);
      }),
    );
    return { now, documents: found, blob: state };
  }

  /** Writes what was learnt. Nobody waits for it. */
  note(notes: readonly Note[]): void {
    this.#documents.note(notes);
  }

  /**
   * The bytes of a part, out of memory, from a fetch under way or from the store; undefined where they are gone.
   * @param renew how to go on with a fetch of another process, if that ends
   */
  async open(digest: string, part: Part, renew?: () => Promise<BlobSource>): Promise<Source | undefined> {
    const held = this.#hot.get<Uint8Array>(digest);
    if (held?.length === part.size) return only(held.subarray(part.first, part.last + 1));
    const coming = this.#fetching.downloads.follow(digest, part);
    if (coming) return coming;
    const reading = await this.#stored(digest, part);
    if (!reading) return this.#fetching.join(digest, part, renew);
    return reading.entry.size <= MAX_HOT_ENTRY ? this.#heated(digest, reading) : reading;
  }

  /** A URL by which a client can get it from the store itself; undefined where there is none, and for what is sent sooner than that. */
  async sign(digest: string, size: number, lifetime: number): Promise<string | undefined> {
    if (size <= MAX_HOT_ENTRY) return undefined;
    return this.#quietly(() => this.#store.sign(blob(digest), lifetime));
  }

  /** Keeps a small body whose digest has been proven. */
  async keep(digest: string, body: Uint8Array, notes: readonly Note[]): Promise<void> {
    this.#hot.set(digest, body, body.length);
    // Where the body does not become stored, these lead to asking for it again, which harms nobody.
    this.note(notes);
    const storing = this.#quietly(async () => {
      const sink = await this.#store.put(blob(digest), { size: body.length, proof: 'caller' });
      await inTime(
        sink.write(body).then(() => sink.commit()),
        STORE_TIME,
        'the store does not finish',
      );
    });
    this.#pending.add(storing, this.#onFault);
    await storing;
  }

  /** Until all that was to be written is, where there is no time for it after an answer. */
  async written(): Promise<void> {
    if (this.#isFrozenSoon) await this.#pending.settle(STORE_TIME);
  }

  /** Until what has come whole is in the store, before that is closed. */
  async settle(): Promise<void> {
    this.#pending.add(this.#fetching.downloads.settle(), this.#onFault);
    await this.#pending.settle(STORE_TIME);
  }

  /** Lets one more follow the fetch of a blob, or begins it. */
  fetch(keep: KeepBlob, source: BlobSource): { source: Source; isOwn: boolean } {
    return this.#fetching.fetch(keep, source);
  }

  /**
   * Begins the fetch of a blob that nobody is going to read from here; `stored` keeps it going.
   * @returns false where it is under way
   */
  begin(keep: KeepBlob, source: BlobSource): boolean {
    return this.#fetching.begin(keep, source);
  }

  /**
   * What becomes of a blob that is being fetched: `coming` where that is not known within so many milliseconds, `failed` where nobody
   * is fetching it. Whoever waits keeps the fetch going, at nobody's pace.
   */
  stored(digest: string, within: number, signal?: AbortSignal): Promise<Fate> {
    return this.#fetching.stored(digest, within, signal);
  }

  /**
   * Finds out what a probe asks, unless somebody did a moment ago. Nobody waits for it.
   * @param ask gives the status of the registry's answer
   */
  probe(probe: PublicProbe, ask: () => Promise<number | undefined>): void {
    if (this.#hot.get(`p ${probe.name}`) !== undefined) return;
    this.#hot.set(`p ${probe.name}`, true, 0);
    ask()
      .then((status) => this.note(probe.notes(status)))
      .catch(this.#onFault);
  }

  async #findBlob(question: BlobQuestion, onEnd: (settle: () => void) => void): Promise<FoundBlob | undefined> {
    const { digest, lead } = question;
    let isWaited = false;
    for (;;) {
      const held = this.#hot.get<Uint8Array>(digest);
      if (held) return stored(held.length);
      const found = this.#fetching.downloads.find(question);
      if (found) return found;
      const coming = isWaited ? undefined : this.#fetching.downloads.coming(question);
      if (coming) {
        await coming;
        isWaited = true;
        continue;
      }
      const entry = this.#isBroken(digest) ? undefined : await this.#quietly(() => this.#store.stat(blob(digest)));
      if (entry) return stored(entry.size);
      const fetcher = await this.#fetching.elsewhere(digest);
      if (fetcher) return { state: 'coming', ...fetcher, isLinked: false };
      // Somebody may have begun while the store was looked into.
      if (!isWaited && (this.#fetching.downloads.coming(question) || this.#fetching.downloads.find(question))) continue;
      if (lead && !isWaited) onEnd(this.#fetching.downloads.lead(question));
      return undefined;
    }
  }

  /** What is small is read before a byte of it is sent, and is at hand for the next one. */
  async #heated(digest: string, reading: Reading): Promise<Source | undefined> {
    const body = await this.#quietly(async () => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of reading) chunks.push(chunk);
      return Buffer.concat(chunks);
    });
    if (body && body.length === reading.entry.size) this.#hot.set(digest, body, body.length);
    return body && only(body);
  }

  /** It could not be read a moment ago: a client that was cut comes again, and must not be cut for ever. */
  #isBroken(digest: string): boolean {
    return this.#hot.get(`x ${digest}`) !== undefined;
  }

  async #stored(digest: string, { first, last, size }: Part): Promise<Reading | undefined> {
    if (this.#isBroken(digest)) return undefined;
    const onFault = (error: Error) => {
      this.#hot.set(`x ${digest}`, true, 0);
      this.#onFault(error);
    };
    const reading = await this.#quietly(() => this.#store.get(blob(digest), { first, last }, onFault));
    if (!reading) return undefined;
    if (reading.last === last && reading.entry.size === size) return reading;
    // Of another size than it was found, or said, to be: another file, or a broken one.
    await reading.close();
    this.#store.verify(blob(digest)).catch(this.#onFault);
    return undefined;
  }

  async #quietly<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      this.#onFault(error as Error);
      return undefined;
    }
  }
}

function stored(size: number): FoundBlob {
  return { state: 'stored', size, written: size, isLinked: false };
}
