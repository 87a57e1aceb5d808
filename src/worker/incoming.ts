import type { Failure, ResponseHead } from '../core/verbs';
import { TransportError } from '../shell/transport-error';
import { Buffers, MIN_BUFFER } from './buffers';
import { Patience } from './patience';

/** An upstream's response whose body has not been read. */
export interface Incoming {
  readonly head: ResponseHead;
  readonly body: ReadableStream<Uint8Array> | null;
  /** Ends the request, whatever is under way of it. */
  readonly abort: (why: Error) => void;
  /** To be told how many bytes of it have come. */
  readonly onBytes?: (bytes: number) => void;
}

/** Of all bodies that are read in an isolate. */
const buffers = new Buffers();

/** Bytes that are waited for at most: what of them has come when a body is cut is lost. */
const MAX_GATHERED = 128 * 1024;

/** Milliseconds that a fast body is waited for, to take more of it at once. */
const GATHER_TIME = 50;

/** What workerd's reader can do beside the standard: wait until so many bytes are there. */
interface Reader {
  readAtLeast(least: number, view: Uint8Array): Promise<{ value?: Uint8Array<ArrayBuffer>; done: boolean }>;
}

/**
 * The bytes of a body, as they come. The memory of a chunk is used again once the next one is asked for: new memory for each costs
 * more than all the rest. Leaving the loop ends the request.
 * @param stall milliseconds without a byte
 * @throws TransportError `timeout`, or `reset` where it is cut
 */
export async function* readBody({ body, abort, onBytes }: Incoming, stall: number): AsyncGenerator<Uint8Array> {
  if (!body) return;
  const reader = body.getReader({ mode: 'byob' }) as unknown as Reader;
  let least = 1;
  let gathered = 0;
  let buffer = new ArrayBuffer(MIN_BUFFER);
  let late: TransportError | undefined;
  const patience = new Patience(stall, () => {
    late = new TransportError('timeout', `no byte for ${stall / 1000} s`);
    abort(late);
  });
  const close = buffers.open(patience);
  let isWhole = false;
  try {
    for (;;) {
      patience.begin();
      const since = performance.now();
      const { value, done } = await reader.readAtLeast(least, new Uint8Array(buffer));
      const time = Math.max(performance.now() - since, 1);
      patience.end();
      if (value && value.length > 0) {
        onBytes?.(value.length);
        gathered = Math.min(Math.floor((value.length / time) * GATHER_TIME), MAX_GATHERED);
        yield value;
      }
      if (done || !value) break;
      buffer = bufferFor(gathered, value.buffer);
      least = Math.max(1, Math.min(gathered, buffer.byteLength / 2));
    }
    isWhole = true;
  } catch (error) {
    throw late ?? error;
  } finally {
    patience.close();
    close();
    if (!isWhole) abort(new Error('nobody waits for the body any more'));
  }
}

/** The one at hand, or another one where more comes than it takes, or others need its memory. */
function bufferFor(gathered: number, used: ArrayBuffer): ArrayBuffer {
  const { size } = buffers;
  const isShort = gathered > MIN_BUFFER / 2 && used.byteLength < size;
  return isShort || used.byteLength > size ? new ArrayBuffer(size) : used;
}

/** A body read up to a limit. */
export interface SmallBody {
  readonly bytes: Uint8Array;
  /** True where the body is longer than the limit: `rest` goes on behind `bytes` then. */
  readonly rest?: AsyncGenerator<Uint8Array>;
}

/**
 * @param limit bytes
 * @param within milliseconds for all of it
 * @throws TransportError `timeout`, or `reset` where it is cut
 */
export async function readSmallBody(incoming: Incoming, limit: number, within: number): Promise<SmallBody> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const late = new TransportError('timeout', 'the body did not come in time');
  let isLate = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  // A client's body cannot be aborted while it is read: its read is left behind, and ends with the request.
  const timeUp = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      isLate = true;
      incoming.abort(late);
      reject(late);
    }, within);
  });
  const source = readBody(incoming, within);
  try {
    for (;;) {
      const { value, done } = await Promise.race([source.next(), timeUp]);
      if (done) return { bytes: joined(chunks, size) };
      chunks.push(value.slice());
      size += value.length;
      if (size > limit) return { bytes: joined(chunks, size), rest: source };
    }
  } catch (error) {
    throw isLate ? late : error;
  } finally {
    clearTimeout(timer);
  }
}

export function joined(chunks: readonly Uint8Array[], size: number): Uint8Array {
  if (chunks.length === 1) return chunks[0] as Uint8Array;
  const all = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

/** For bodies that nobody wants: their connection is one of six. */
export function discard({ body, abort }: Incoming): void {
  body?.cancel().catch(() => {});
  abort(new Error('nobody wants the body'));
}

/** What an error of workerd's fetch or streams means; its own words say little, and name no addresses. */
export function failureOf(error: unknown): Failure {
  if (error instanceof TransportError) return error.failure;
  const { message } = error as Error;
  if (/Network connection lost/.test(message)) return { kind: 'reset', message: 'connection refused, or lost' };
  return { kind: 'unknown', message: 'the request failed' };
}
