/** Milliseconds that a transfer waits for its turn: no client gives up sooner, and docker takes a 429 on a layer as final. */
export const PLACE_TIMEOUT = 10_000;

/** Transfers of one client that wait at once; a further one is refused without. */
export const MAX_WAITING = 100;

/** Who has a place. */
export interface Holder {
  /** Changes as long as its transfer goes on. */
  readonly bytes: number;
}

export interface PlaceTimes {
  /** Milliseconds in the queue. */
  readonly patience: number;
  /** Milliseconds without a byte after which a holder is taken to be gone; Infinity where every end is seen. */
  readonly lease: number;
}

const TIMES: PlaceTimes = { patience: PLACE_TIMEOUT, lease: Number.POSITIVE_INFINITY };

interface Place {
  readonly holder: Holder;
  /** As many as it had when it was looked at. */
  bytes: number;
  /** Of performance.now(), from when on it has had them. */
  since: number;
}

interface Queue {
  readonly taken: Set<Place>;
  /** In the order they came, with the limit that held then. */
  readonly waiting: Map<() => void, number>;
}

/** So many places for each client, and a short queue before them. */
export class Places {
  readonly #queues = new Map<string, Queue>();
  readonly #times: PlaceTimes;

  constructor(times: PlaceTimes = TIMES) {
    this.#times = times;
  }

  /** Clients that have a place or wait for one. */
  get size(): number {
    return this.#queues.size;
  }

  /** Transfers that wait for a place. */
  get waiting(): number {
    return [...this.#queues.values()].reduce((sum, { waiting }) => sum + waiting.size, 0);
  }

  /**
   * Takes a place.
   * @param signal the client has left
   * @returns what gives it back; undefined where none came free in time, or nobody waits for it any more
   */
  take(client: string, limit: number, signal: AbortSignal, holder: Holder): Promise<(() => void) | undefined> {
    const queue = this.#queues.get(client) ?? { taken: new Set(), waiting: new Map() };
    this.#queues.set(client, queue);
    if (queue.taken.size >= limit) this.#sweep(queue);
    if (queue.taken.size < limit) return Promise.resolve(this.#enter(client, queue, holder));
    if (queue.waiting.size >= MAX_WAITING || signal.aborted) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const end = (giveBack?: () => void) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', leave);
        queue.waiting.delete(enter);
        resolve(giveBack);
      };
      const enter = () => end(this.#enter(client, queue, holder));
      const leave = () => end();
      const giveUp = () => {
        this.#sweep(queue);
        // It may be its turn now.
        leave();
      };
      const timer = setTimeout(giveUp, this.#times.patience);
      signal.addEventListener('abort', leave, { once: true });
      queue.waiting.set(enter, limit);
    });
  }

  #enter(client: string, queue: Queue, holder: Holder): () => void {
    const place: Place = { holder, bytes: holder.bytes, since: performance.now() };
    queue.taken.add(place);
    return () => {
      queue.taken.delete(place);
      handOn(queue);
      if (queue.taken.size === 0 && this.#queues.get(client) === queue) this.#queues.delete(client);
    };
  }

  /** Takes back the places of those who are gone without a word. */
  #sweep(queue: Queue): void {
    const now = performance.now();
    for (const place of queue.taken) {
      const { bytes } = place.holder;
      if (bytes !== place.bytes) Object.assign(place, { bytes, since: now });
      else if (now - place.since >= this.#times.lease) queue.taken.delete(place);
    }
    handOn(queue);
  }
}

function handOn(queue: Queue): void {
  for (const [enter, limit] of queue.waiting) {
    if (queue.taken.size >= limit) return;
    enter();
  }
}
