import type { CacheDocument, Find, Findings, KeepBlob, Note } from '../core/cache-verbs';
import type { PublicProbe } from '../core/public-probe';
import { Hot } from '../shell/hot';
import { PATIENCE, type Patience, PatientStore } from '../shell/patient-store';
import { blob } from '../storage/key';
import type { R2Store } from '../storage/r2';
import { DEPOSIT_TIMES, Deposit, type DepositTimes } from './deposit';
import { Documents } from './documents';
import { Filling } from './filling';
import { Kept, type Part, type Source } from './kept';
import { keepNearby } from './nearby';
import type { KeepAlive } from './platform';

/** What is stored as it comes, and may be noted once it is. */
export type Large = Pick<KeepBlob, 'digest' | 'size' | 'notes'>;

export interface ContentOptions {
  readonly patience?: Patience;
  readonly times?: DepositTimes;
  /**
   * Bytes of a blob at most that is hashed on its way to a client, where R2 has not proven it: 10 ms of a processor for each 2 MB, which
   * the free plan has not.
   */
  readonly hashUpTo?: number;
}

/**
 * The cache of an isolate: R2, the Cache API for what is small, and what was just read of either. Nothing that belongs to a request is kept beyond
 * it, and nobody follows another one's fetch: the runtime forbids both. A fault is told to `onFault` and otherwise as if nothing were
 * there: it never fails a pull.
 */
export class Content {
  readonly #patient: PatientStore;
  readonly #onFault: (error: Error) => void;
  readonly #times: DepositTimes;
  readonly #hot = new Hot();
  readonly #filling = new Filling();
  readonly #documents: Documents;
  readonly #kept: Kept;

  constructor(store: R2Store, onFault: (error: Error) => void, options: ContentOptions = {}) {
    const { patience = PATIENCE, times = DEPOSIT_TIMES, hashUpTo = Number.POSITIVE_INFINITY } = options;
    this.#patient = new PatientStore(store, patience);
    this.#onFault = onFault;
    this.#times = times;
    this.#documents = new Documents(this.#patient, this.#hot, onFault);
    this.#kept = new Kept({ store, patient: this.#patient, hot: this.#hot, onFault, hashUpTo });
  }

  async find({ documents, blob: question }: Find): Promise<Findings> {
    const found: Record<string, CacheDocument | undefined> = {};
    const [state] = await Promise.all([
      question && this.#kept.find(question),
      ...documents.map(async (name) => {
        found[name] = await this.#documents.find(name);
      }),
    ]);
    return { now: Date.now(), documents: found, blob: state };
  }

  /** Writes what was learnt; the request is to be kept alive for it. Never fails. */
  note(notes: readonly Note[]): Promise<void> {
    return this.#documents.note(notes);
  }

  /** The bytes of a part; undefined where they are gone. */
  open(digest: string, part: Part, keepAlive: KeepAlive = () => {}): Promise<Source | undefined> {
    return this.#kept.open(digest, part, keepAlive);
  }

  /** Keeps a small body whose digest has been proven; the request is to be kept alive for it. Never fails. */
  async keep(digest: string, body: Uint8Array, notes: readonly Note[]): Promise<void> {
    this.#hot.set(digest, body, body.length);
    const storing = this.#quietly(async () => {
      const sink = await this.#patient.put(blob(digest), { size: body.length, proof: 'caller' });
      await sink.write(body);
      await sink.commit();
    });
    // Where the body does not become stored, the notes lead to asking for it again, which harms nobody.
    await Promise.all([storing, this.note(notes), keepNearby(digest, body)]);
  }

  /**
   * Gives what comes to who asks for it and writes it to the store at the same time, at the pace of the slower one. The last piece is kept back
   * until R2 has proven all of it. A store that fails is done without, and then the client alone proves it. A piece is not to
   * be changed, nor its buffer given away, before the next one is asked for. Whoever leaves the loop ends the put.
   * @throws Error where the body is not what its digest and size say, and what `source` throws
   */
  async *fetch({ digest, size, notes }: Large, source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const deposit = await this.#deposit(digest, size);
    let received = 0;
    try {
      for await (const chunk of source) {
        received += chunk.length;
        if (received > size) throw new Error(`${digest} has more than the ${size} bytes that were announced`);
        const writing = deposit?.write(chunk);
        if (deposit) this.#filling.goOn(digest);
        if (received === size) {
          await writing;
          const isStored = (await deposit?.commit()) ?? false;
          const noting = isStored ? this.#stored(digest, size, notes) : undefined;
          yield chunk;
          await noting;
          return;
        }
        yield chunk;
        await writing;
      }
      throw new Error(`${digest} ends after ${received} of ${size} bytes`);
    } finally {
      deposit?.abort();
      if (deposit) this.#filling.end(digest);
    }
  }

  /**
   * Finds out what a probe asks, unless somebody did a moment ago; the request is to be kept alive for it. Never fails.
   * @param ask gives the status of the registry's answer
   */
  async probe(probe: PublicProbe, ask: () => Promise<number | undefined>): Promise<void> {
    if (this.#hot.get(`p ${probe.name}`) !== undefined) return;
    this.#hot.set(`p ${probe.name}`, true, 0);
    await this.#quietly(async () => this.note(probe.notes(await ask())));
  }

  async #deposit(digest: string, size: number): Promise<Deposit | undefined> {
    if (!this.#filling.begin(digest)) return undefined;
    const sink = await this.#quietly(() => this.#patient.put(blob(digest), { size, proof: 'caller' }));
    if (sink) return new Deposit(sink, this.#times, this.#onFault);
    this.#filling.end(digest);
    return undefined;
  }

  async #stored(digest: string, size: number, notes: readonly Note[]): Promise<void> {
    this.#hot.delete(`x ${digest}`);
    this.#hot.set(`s ${digest}`, size, 0);
    await this.note(notes);
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
