import type { Miniflare } from 'miniflare';
import type {
  About,
  Entry,
  Key,
  Pruned,
  PruneLimits,
  Range,
  Reading,
  Sink,
  Store,
  Verdict,
} from '../../src/storage/store';
import { StoreError, type StoreFault } from '../../src/storage/store-error';
import { type Call, pack, type Reply, unpack } from './far-calls';

/** Bytes of one message to workerd at most: a larger one closes the connection. */
const MAX_MESSAGE = 512 * 1024;

interface Waiting {
  resolve(answer: { value: unknown; bytes: Uint8Array }): void;
  reject(error: Error): void;
}

/** A store in a Worker (r2-worker.ts). All of it lives in one request, as its streams must. */
export class FarStore implements Store {
  readonly #send: (calls: Call[], bytes: Uint8Array[]) => void;
  readonly #waiting = new Map<number, Waiting>();
  #calls: Call[] = [];
  #bytes: Uint8Array[] = [];
  #last = 0;

  private constructor(send: (message: Uint8Array<ArrayBuffer>) => void) {
    this.#send = (calls, bytes) => {
      const whole = pack(calls, ...bytes);
      // The first byte says whether there is more.
      for (let at = 0; at < whole.length; at += MAX_MESSAGE) {
        const piece = whole.subarray(at, at + MAX_MESSAGE);
        send(Buffer.concat([Buffer.from([at + MAX_MESSAGE < whole.length ? 1 : 0]), piece]));
      }
    };
  }

  /** @param query `prefix` of all keys, `fault` of the bucket */
  static async open(miniflare: Miniflare, query: Record<string, string>, onFault?: (error: Error) => void) {
    const url = `http://worker/?${new URLSearchParams(query)}`;
    const { webSocket } = await miniflare.dispatchFetch(url, { headers: { upgrade: 'websocket' } });
    if (!webSocket) throw new Error('the worker opens no store');
    const store = new FarStore((message) => webSocket.send(message));
    webSocket.addEventListener('message', ({ data }) => {
      const { message, bytes } = unpack<Reply>(new Uint8Array(data as ArrayBuffer));
      const error = message.fault && new StoreError(message.fault as StoreFault, message.message ?? '');
      const waiting = store.#waiting.get(message.id ?? 0);
      store.#waiting.delete(message.id ?? 0);
      if (error) (waiting ? waiting.reject : onFault)?.(error);
      else waiting?.resolve({ value: message.value, bytes });
    });
    webSocket.addEventListener('close', () => {
      for (const { reject } of store.#waiting.values()) reject(new Error('the worker is gone'));
    });
    webSocket.accept();
    return store;
  }

  async stat(key: Key): Promise<Entry | undefined> {
    return (await this.#call('stat', [key])).value as Entry | undefined;
  }

  async get(key: Key, range?: Range): Promise<Reading | undefined> {
    const { value } = await this.#call('get', [key, range]);
    if (!value) return undefined;
    const { on, ...about } = value as { on: number; entry: Entry; first: number; last: number };
    const close = async () => {
      await this.#call('close', [], on);
    };
    const next = () => this.#call('next', [], on);
    return { ...about, close, [Symbol.asyncIterator]: () => chunks(next, close) };
  }

  async put(key: Key, about: About = {}): Promise<Sink> {
    // JSON has no such numbers.
    const size = Number.isNaN(about.size) ? 'NaN' : about.size;
    const on = (await this.#call('put', [key, { ...about, size }])).value as number;
    let written = 0;
    return {
      get written() {
        return written;
      },
      write: async (chunk) => {
        written = (await this.#call('write', [], on, chunk)).value as number;
      },
      commit: async () => {
        await this.#call('commit', [], on);
      },
      abort: async () => {
        await this.#call('abort', [], on);
      },
    };
  }

  async delete(key: Key): Promise<boolean> {
    return (await this.#call('delete', [key])).value as boolean;
  }

  async *list(kind?: Key['kind']): AsyncIterable<Entry> {
    yield* (await this.#call('list', [kind])).value as Entry[];
  }

  async verify(key: Key): Promise<Verdict> {
    return (await this.#call('verify', [key])).value as Verdict;
  }

  async prune(limits?: PruneLimits): Promise<Pruned> {
    return (await this.#call('prune', [limits])).value as Pruned;
  }

  async close(): Promise<void> {
    await this.#call('end', []);
  }

  /** What is called at once is called at once over there, too: the order of calls counts. */
  #call(name: string, args: readonly unknown[], on?: number, bytes?: Uint8Array) {
    return new Promise<{ value: unknown; bytes: Uint8Array }>((resolve, reject) => {
      this.#last += 1;
      this.#waiting.set(this.#last, { resolve, reject });
      if (this.#calls.length === 0) setImmediate(() => this.#flush());
      this.#calls.push({ id: this.#last, on, name, args, ...(bytes && { bytes: bytes.length }) });
      if (bytes) this.#bytes.push(Buffer.from(bytes));
    });
  }

  #flush(): void {
    this.#send(this.#calls, this.#bytes);
    this.#calls = [];
    this.#bytes = [];
  }
}

async function* chunks(
  next: () => Promise<{ value: unknown; bytes: Uint8Array }>,
  close: () => Promise<void>,
): AsyncGenerator<Uint8Array> {
  try {
    for (;;) {
      const { value, bytes } = await next();
      if (value === 'end') return;
      yield bytes;
    }
  } finally {
    await close();
  }
}
