// Runs in workerd: one R2Store for each WebSocket, called by far-store.ts.
import type { R2Bucket, Request, WebSocket, WebSocketPair } from '@cloudflare/workers-types';
import { R2Store } from '../../src/storage/r2';
import type { About, Entry, Key, Range, Reading, Sink } from '../../src/storage/store';
import { StoreError } from '../../src/storage/store-error';
import { type Call, pack, type Reply, unpack } from './far-calls';
import { faulty } from './r2-faults';

interface Opened {
  readonly sink?: Sink;
  readonly reading?: Reading;
  readonly bytes?: AsyncIterator<Uint8Array>;
}

type Answer = { value?: unknown; bytes?: Uint8Array };

export default {
  fetch({ url }: Request, { BUCKET }: { BUCKET: R2Bucket }) {
    const query = new URL(url).searchParams;
    const Pair = (globalThis as unknown as { WebSocketPair: typeof WebSocketPair }).WebSocketPair;
    const { 0: client, 1: server } = new Pair();
    (server as { binaryType?: string }).binaryType = 'arraybuffer';
    server.accept();
    const tell = (reply: Reply, bytes: Uint8Array = new Uint8Array(0)) => server.send(pack(reply, bytes));
    const store = new R2Store({
      bucket: faulty(BUCKET, query.get('fault') ?? ''),
      prefix: query.get('prefix') ?? '',
      onFault: (error) => tell(replyOf(error)),
    });
    serve(server, callsOf(store), tell);
    return new Response(null, { status: 101, webSocket: client } as ResponseInit);
  },
};

function serve(
  server: WebSocket,
  run: (call: Call, bytes: Uint8Array) => Promise<Answer>,
  tell: (reply: Reply, bytes?: Uint8Array) => void,
): void {
  let pieces: Uint8Array[] = [];
  server.addEventListener('message', ({ data }) => {
    const piece = new Uint8Array(data as ArrayBuffer);
    pieces.push(piece.subarray(1));
    if (piece[0] === 1) return;
    const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const each of pieces) {
      whole.set(each, at);
      at += each.length;
    }
    pieces = [];
    const { message: calls, bytes } = unpack<Call[]>(whole);
    let taken = 0;
    for (const call of calls) {
      const own = bytes.slice(taken, taken + (call.bytes ?? 0));
      taken += call.bytes ?? 0;
      run(call, own).then(
        (answer) => {
          tell({ id: call.id, value: answer.value }, answer.bytes);
          // Whoever gave them may use them for something else by now.
          own.fill(0);
        },
        (error) => tell({ id: call.id, ...replyOf(error) }),
      );
    }
  });
}

function replyOf(error: unknown): Reply {
  const fault = error instanceof StoreError ? error.fault : 'no StoreError';
  return { fault, message: String((error as Error).message) };
}

function callsOf(store: R2Store): (call: Call, bytes: Uint8Array) => Promise<Answer> {
  const opened = new Map<number, Opened>();
  return async ({ id, on = 0, name, args, bytes: given }, bytes) => {
    const { sink, reading, bytes: iterator } = opened.get(on) ?? {};
    const [first, second] = args;
    switch (name) {
      case 'stat':
        return { value: await store.stat(first as Key) };
      case 'get': {
        const found = await store.get(first as Key, rangeOf(second));
        if (!found) return {};
        opened.set(id, { reading: found, bytes: found[Symbol.asyncIterator]() });
        return { value: { on: id, entry: found.entry, first: found.first, last: found.last } };
      }
      case 'next': {
        const next = await (iterator as AsyncIterator<Uint8Array>).next();
        return next.done ? { value: 'end' } : { bytes: next.value };
      }
      case 'close':
        await iterator?.return?.();
        await reading?.close();
        return {};
      case 'put': {
        const { size, ...about } = second as Omit<About, 'size'> & { size?: number | 'NaN' };
        const known = size === 'NaN' ? Number.NaN : size;
        opened.set(id, { sink: await store.put(first as Key, { ...about, size: known }) });
        return { value: id };
      }
      case 'write':
        if (given === undefined) throw new Error('nothing was given');
        await sink?.write(bytes);
        return { value: sink?.written };
      case 'commit':
        await sink?.commit();
        return {};
      case 'abort':
        await sink?.abort();
        return {};
      case 'delete':
        return { value: await store.delete(first as Key) };
      case 'list': {
        const entries: Entry[] = [];
        for await (const entry of store.list((first as Key['kind']) ?? undefined)) entries.push(entry);
        return { value: entries };
      }
      case 'verify':
        return { value: await store.verify(first as Key) };
      case 'prune':
        return { value: await store.prune((first as object) ?? undefined) };
      case 'end':
        await store.close();
        return {};
      default:
        throw new Error(`${name} is no call`);
    }
  };
}

/** JSON has no NaN, and knows null for it. */
function rangeOf(range: unknown): Range | undefined {
  const { first, last } = (range ?? {}) as { first?: number | null; last?: number };
  return range ? { first: first ?? Number.NaN, ...(last !== undefined && last !== null && { last }) } : undefined;
}
