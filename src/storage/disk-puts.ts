import type { Incoming } from './disk-incoming';
import { writeLayout } from './disk-layout';
import type { DiskProofs } from './disk-proofs';
import type { DiskSpace } from './disk-space';
import { BlobTarget, documentTarget, type Events } from './disk-writer';
import { hashNatively } from './native-hash';
import { ProvingSink, type Target } from './sink';
import type { About, Key, Sink } from './store';
import { StoreError } from './store-error';

export interface PutsOptions {
  readonly folder: string;
  /** Bytes of an entry at most. */
  readonly largest: number;
  readonly now: () => number;
  readonly incoming: Incoming;
  readonly space: DiskSpace;
  readonly proofs: DiskProofs;
}

/** The puts of one store that have not ended. */
export class DiskPuts {
  readonly #options: PutsOptions;
  readonly #open = new Set<Sink>();
  #layout: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: PutsOptions) {
    this.#options = options;
  }

  /** @throws what node:fs throws, and StoreErrors */
  async open(key: Key, about: About, path: string): Promise<Sink> {
    const { folder, incoming, largest, space } = this.#options;
    this.#refuseIfClosed();
    const lease = await space.lease(about.size ?? 0);
    const place = { root: folder, incoming: await incoming.acquire(), path };
    const end = () => {
      lease.end();
      incoming.release();
    };
    let target: Target;
    try {
      const events = this.#events(key, lease.wrote);
      target =
        key.kind === 'blob'
          ? await BlobTarget.open(key, place, events)
          : documentTarget(key, about.head && structuredClone(about.head), place, events);
    } catch (error) {
      end();
      throw error;
    }
    const sink: Sink = new ProvingSink(key, about, target, {
      maxBytes: largest,
      hasher: hashNatively,
      onEnd: () => {
        end();
        this.#open.delete(sink);
      },
    });
    this.#open.add(sink);
    this.#layout ??= this.#writeLayout();
    await this.#layout;
    if (this.#isClosed) await sink.abort();
    this.#refuseIfClosed();
    return sink;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#open].map((sink) => sink.abort()));
  }

  #events(key: Key, wrote: Events['wrote']): Events {
    const { now, proofs, space } = this.#options;
    return {
      now,
      wrote,
      published({ size, replaced, inode }) {
        space.added(size, replaced);
        if (key.kind === 'blob') proofs.add(key, { ino: inode, size });
      },
    };
  }

  #refuseIfClosed(): void {
    if (this.#isClosed) throw new StoreError('closed', 'the store has been closed');
  }

  /** Only other tools need it; what hinders it hinders the put that follows, too. */
  async #writeLayout(): Promise<void> {
    try {
      await this.#options.incoming.make();
      await writeLayout(this.#options.folder, await this.#options.incoming.own());
    } catch {}
  }
}
