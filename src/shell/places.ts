/** Milliseconds that a transfer waits for its turn: no client gives up sooner, and docker takes a 429 on a layer as final. */
export const PLACE_TIMEOUT = 10_000;

/** Transfers of one client that wait at once; a further one is refused without. */
export const MAX_WAITING = 100;

interface Queue {
  taken: number;
  /** In the order they came, with the limit that held then. */
  readonly waiting: Map<() => void, number>;
}

/** So many places for each client, and a short queue before them. */
export class Places {
  readonly #queues = new Map<string, Queue>();
  readonly #patience: number;

  /** @param patience milliseconds in the queue */
  constructor(patience = PLACE_TIMEOUT) {
    this.#patience = patience;
  }

  /** Clients that have a place or wait for one. */
  get size(): number {
    return this.#queues.size;
  }

  /**
   * Takes a place, which must be given back.
   * @param signal the client has left
   * @returns false where none came free in time, or nobody waits for it any more
   */
  take(client: string, limit: number, signal: AbortSignal): Promise<boolean> {
    const queue = this.#queues.get(client) ?? { taken: 0, waiting: new Map() };
    this.#queues.set(client, queue);
    if (queue.taken < limit) {
      queue.taken += 1;
      return Promise.resolve(true);
    }
    if (queue.waiting.size >= MAX_WAITING || signal.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const end = (hasPlace: boolean) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', leave);
        queue.waiting.delete(enter);
        resolve(hasPlace);
      };
      const enter = () => {
        queue.taken += 1;
        end(true);
      };
      const leave = () => end(false);
      const timer = setTimeout(leave, this.#patience);
      signal.addEventListener('abort', leave, { once: true });
      queue.waiting.set(enter, limit);
    });
  }

  giveBack(client: string): void {
    const queue = this.#queues.get(client);
    if (!queue) return;
    queue.taken -= 1;
    const [next] = queue.waiting;
    if (next && queue.taken < next[1]) next[0]();
    if (queue.taken === 0) this.#queues.delete(client);
  }
}
