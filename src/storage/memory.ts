import { Blocks } from './blocks';
import { checkKey, idOf } from './key';
import { hashNatively } from './native-hash';
import { eachOf, PiecesReading } from './pieces';
import { extentOf } from './range';
import { checkPut, ProvingSink, type Target } from './sink';
import type {
  About,
  Entry,
  Head,
  Key,
  Occupied,
  Pruned,
  PruneLimits,
  Range,
  Reading,
  Sink,
  Store,
  StoreOptions,
  Verdict,
} from './store';
import { StoreError } from './store-error';
import { verdictOf } from './verdict';

/** Bytes that an entry costs beside its body and head: objects, keys, the map. */
const OVERHEAD = 512;

/** No entry may be larger than this part of the store: one large layer would push out everything else. */
const LARGEST_PART = 1 / 4;

export interface MemoryOptions extends StoreOptions {
  /** What all entries, and all that are being written, may cost together. */
  readonly maxBytes: number;
}

interface Held {
  readonly key: Key;
  readonly blocks: Blocks;
  readonly head: Head | undefined;
  readonly cost: number;
  usedAt: number;
}

/** Entries in the memory of the process. The map's order is that of their last use. */
export class MemoryStore implements Store {
  readonly #held = new Map<string, Held>();
  readonly #open = new Set<Sink>();
  readonly #maxBytes: number;
  readonly #now: () => number;
  /** Of what can be read. */
  #cost = 0;
  /** Of what is being written. */
  #openCost = 0;
  #isClosed = false;

  constructor({ maxBytes, now = Date.now }: MemoryOptions) {
    this.#maxBytes = maxBytes;
    this.#now = now;
  }

  get occupied(): Occupied {
    return { entries: this.#held.size, bytes: this.#cost };
  }

  async stat(key: Key): Promise<Entry | undefined> {
    checkKey(key);
    const held = this.#held.get(idOf(key));
    return held && entryOf(held);
  }

  async get(key: Key, range?: Range): Promise<Reading | undefined> {
    checkKey(key);
    const held = this.#held.get(idOf(key));
    if (!held) return undefined;
    const extent = extentOf(range, held.blocks.size);
    this.#held.delete(idOf(key));
    this.#held.set(idOf(key), held);
    held.usedAt = this.#now();
    return new PiecesReading(entryOf(held), extent, held.blocks.read(extent));
  }

  async put(key: Key, about: About = {}): Promise<Sink> {
    const largest = Math.floor(this.#maxBytes * LARGEST_PART);
    checkPut(key, about, largest);
    if (this.#isClosed) throw new StoreError('closed', 'the store has been closed');
    const target = this.#target(key, about.head && structuredClone(about.head));
    const sink: Sink = new ProvingSink(key, about, target, {
      maxBytes: largest,
      hasher: hashNatively,
      onEnd: () => this.#open.delete(sink),
    });
    this.#open.add(sink);
    return sink;
  }

  async delete(key: Key): Promise<boolean> {
    checkKey(key);
    return this.#remove(idOf(key));
  }

  async *list(kind?: Key['kind']): AsyncIterable<Entry> {
    for (const held of [...this.#held.values()]) {
      if (kind === undefined || held.key.kind === kind) yield entryOf(held);
    }
  }

  async verify(key: Key): Promise<Verdict> {
    checkKey(key);
    const held = this.#held.get(idOf(key));
    if (!held) return 'missing';
    const verdict = await verdictOf(key, held.blocks.read(extentOf(undefined, held.blocks.size)), hashNatively);
    if (verdict === 'wrong' && this.#held.get(idOf(key)) === held) this.#remove(idOf(key));
    return verdict;
  }

  async prune({ maxBytes = this.#maxBytes, usedBefore = Number.NEGATIVE_INFINITY }: PruneLimits = {}): Promise<Pruned> {
    const pruned = { entries: 0, bytes: 0 };
    for (const [id, held] of this.#held) {
      if (this.#cost <= maxBytes && held.usedAt >= usedBefore) break;
      this.#remove(id);
      pruned.entries += 1;
      pruned.bytes += held.blocks.size;
    }
    return pruned;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#open].map((sink) => sink.abort()));
    this.#held.clear();
    this.#cost = 0;
  }

  #target(key: Key, head: Head | undefined): Target {
    const blocks = new Blocks();
    let cost = OVERHEAD + 2 * idOf(key).length + (head ? 2 * JSON.stringify(head).length : 0);
    this.#openCost += cost;
    return {
      write: async (chunk) => {
        cost += chunk.length;
        this.#openCost += chunk.length;
        this.#makeRoom();
        blocks.append(chunk);
      },
      publish: async () => {
        this.#makeRoom();
        blocks.trim();
        this.#remove(idOf(key));
        this.#openCost -= cost;
        this.#cost += cost;
        this.#held.set(idOf(key), { key, blocks, head, cost, usedAt: this.#now() });
      },
      discard: async () => {
        this.#openCost -= cost;
      },
      read: ({ first, last = blocks.size - 1 }) => eachOf(blocks.read({ first, last })),
      // They are there as long as somebody knows them.
      hold: () => () => {},
    };
  }

  /** What is being written counts: the limit is about the memory of a process, which ends where it is passed. */
  #makeRoom(): void {
    const room = this.#maxBytes - this.#openCost;
    if (room < 0) throw new StoreError('full', 'all memory of the store is being written to');
    for (const id of this.#held.keys()) {
      if (this.#cost <= room) return;
      this.#remove(id);
    }
  }

  #remove(id: string): boolean {
    const held = this.#held.get(id);
    if (held) this.#cost -= held.cost;
    return this.#held.delete(id);
  }
}

function entryOf({ key, blocks, head, usedAt }: Held): Entry {
  return { key, size: blocks.size, usedAt, head };
}
