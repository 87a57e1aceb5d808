import type { CacheDocument, Note } from '../core/cache-verbs';
import { inTime } from '../shell/deadline';
import type { Hot } from '../shell/hot';
import type { PatientStore } from '../shell/patient-store';
import { named } from '../storage/key';
import { STORE_TIME } from './deposit';
import type { Pending } from './pending';

/** Says that a document is not there, which is as good to know as what it says. */
const ABSENT = Symbol('absent');

interface Latest {
  readonly document: CacheDocument | undefined;
}

/** The documents of a store, and what was just read of them or written. Faults are told, and otherwise as if there were none. */
export class Documents {
  readonly #store: PatientStore;
  readonly #hot: Hot;
  readonly #pending: Pending;
  readonly #onFault: (error: Error) => void;
  /** What is to be written last under each name that is being written. */
  readonly #writing = new Map<string, Latest>();

  constructor(store: PatientStore, hot: Hot, pending: Pending, onFault: (error: Error) => void) {
    this.#store = store;
    this.#hot = hot;
    this.#pending = pending;
    this.#onFault = onFault;
  }

  async find(name: string): Promise<CacheDocument | undefined> {
    const held = this.#hot.get<CacheDocument | typeof ABSENT>(`d ${name}`);
    if (held !== undefined) return held === ABSENT ? undefined : (held as CacheDocument);
    const found = await this.#read(name);
    // It may have been written meanwhile.
    if (this.#hot.get(`d ${name}`) === undefined) this.#heat(name, found);
    return found;
  }

  /** Writes what was learnt, each name in the order of what is told of it: of two at once, a store may keep the older one. */
  note(notes: readonly Note[]): void {
    for (const { name, document } of notes) {
      this.#heat(name, document);
      const isWriting = this.#writing.has(name);
      this.#writing.set(name, { document });
      if (!isWriting) this.#pending.add(this.#write(name), this.#onFault);
    }
  }

  #heat(name: string, document: CacheDocument | undefined): void {
    const bytes = 2 * name.length + (document ? JSON.stringify(document).length : 0);
    this.#hot.set(`d ${name}`, document ?? ABSENT, bytes);
  }

  async #read(name: string): Promise<CacheDocument | undefined> {
    try {
      const reading = await this.#store.get(named(name));
      await reading?.close();
      return reading?.entry.head;
    } catch (error) {
      this.#onFault(error as Error);
      return undefined;
    }
  }

  async #write(name: string): Promise<void> {
    try {
      let written: Latest | undefined;
      for (let latest = this.#writing.get(name); latest !== written; latest = this.#writing.get(name)) {
        written = latest;
        await this.#put(name, latest?.document);
      }
    } finally {
      this.#writing.delete(name);
    }
  }

  async #put(name: string, document: CacheDocument | undefined): Promise<void> {
    if (!document) return void (await this.#store.delete(named(name)));
    const sink = await this.#store.put(named(name), { head: document });
    await inTime(sink.commit(), STORE_TIME, 'the store does not finish');
  }
}
