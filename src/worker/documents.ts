import type { CacheDocument, Note } from '../core/cache-verbs';
import type { Hot } from '../shell/hot';
import type { PatientStore } from '../shell/patient-store';
import { named } from '../storage/key';

/** Says that a document is not there, which is as good to know as what it says. */
const ABSENT = Symbol('absent');

/**
 * The documents of a store, and what was just read of them or written. Each request does its own work, since that of another one
 * may end with it: of two that write one document at once, either may be the one that stays.
 */
export class Documents {
  readonly #store: PatientStore;
  readonly #hot: Hot;
  readonly #onFault: (error: Error) => void;

  constructor(store: PatientStore, hot: Hot, onFault: (error: Error) => void) {
    this.#store = store;
    this.#hot = hot;
    this.#onFault = onFault;
  }

  /** A fault is told, and otherwise as if there were none. */
  async find(name: string): Promise<CacheDocument | undefined> {
    const held = this.#hot.get<CacheDocument | typeof ABSENT>(`d ${name}`);
    if (held !== undefined) return held === ABSENT ? undefined : (held as CacheDocument);
    try {
      const found = (await this.#store.stat(named(name)))?.head;
      // It may have been written meanwhile.
      if (this.#hot.get(`d ${name}`) === undefined) this.#heat(name, found);
      return found;
    } catch (error) {
      this.#onFault(error as Error);
      return undefined;
    }
  }

  /** Writes what was learnt; never fails. */
  async note(notes: readonly Note[]): Promise<void> {
    for (const { name, document } of notes) this.#heat(name, document);
    await Promise.all(notes.map((each) => this.#write(each).catch(this.#onFault)));
  }

  async #write({ name, document }: Note): Promise<void> {
    if (!document) return void (await this.#store.delete(named(name)));
    const sink = await this.#store.put(named(name), { head: document });
    await sink.commit();
  }

  #heat(name: string, document: CacheDocument | undefined): void {
    const bytes = 2 * name.length + (document ? JSON.stringify(document).length : 0);
    this.#hot.set(`d ${name}`, document ?? ABSENT, bytes);
  }
}
