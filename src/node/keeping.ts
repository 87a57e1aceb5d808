import type { IncomingMessage } from 'node:http';
import type { Keep, KeepBlob } from '../core/cache-verbs';
import { type HeaderList, withoutHeaders } from '../core/headers';
import { MAX_COLLECTED } from '../core/relay';
import type { Forward, Relay, RequestVerb } from '../core/verbs';
import { MAX_HOT_ENTRY } from '../shell/hot';
import { TransportError } from '../shell/transport-error';
import { blobSource } from './blob-source';
import type { Content } from './content';
import { digestOf } from './digest-of';
import { failureOf } from './failures';
import { sendBody } from './send-body';
import { beginAnswer, type Session } from './session';
import { readSmallBody } from './small-body';

/** An upstream's response, as far as it goes to a client. */
export interface Arrival {
  readonly session: Session;
  readonly sent: Forward;
  readonly response: IncomingMessage;
  readonly verb: Relay;
  /** The client's. */
  readonly headers: HeaderList;
}

/** Bytes of a blob up to which it is proven before a byte of it is sent, as manifests are: configurations of images, above all. */
const SMALL_BLOB = MAX_HOT_ENTRY;

/**
 * Hands what is kept to the client, and keeps it.
 * @returns what to do instead, where what came is cut or wrong, and nothing of it has been sent
 */
export async function relayKept(arrival: Arrival, keep: Keep): Promise<RequestVerb | undefined> {
  if (keep.kind === 'manifest' || keep.size <= SMALL_BLOB) return keepSmall(arrival, keep);
  await keepBlob(arrival, keep);
  return undefined;
}

/** Sent once it is proven. */
async function keepSmall(
  { session, sent, response, verb, headers }: Arrival,
  keep: Keep,
): Promise<RequestVerb | undefined> {
  const { res, record, signal, exchange, context } = session;
  // What is too slow has taken the time that retries have; it is asked for again all the same.
  const since = performance.now();
  let bytes: Buffer;
  let digest: string;
  try {
    bytes = await readWhole(response, exchange.timeouts.stall, signal);
    digest = digestOf(bytes, keep.digest);
    if (keep.digest !== undefined && digest !== keep.digest)
      throw new TransportError('reset', 'the body is not what its digest says');
  } catch (error) {
    response.destroy();
    if (signal.aborted) return undefined;
    const failure = failureOf(error);
    record.why = failure.message;
    return exchange.onFailure(sent, failure, since - record.startedAt - record.waited);
  }
  const content = context.content as Content;
  content.keep(digest, bytes, keep.kind === 'manifest' ? keep.notes(digest, bytes.length) : keep.notes);
  session.settle?.();
  await content.written();
  record.bytes = bytes.length;
  record.why = undefined;
  beginAnswer(session, verb.status, [
    ...withoutHeaders(headers, 'content-length'),
    ['content-length', String(bytes.length)],
  ]);
  res.end(bytes);
  return undefined;
}

async function readWhole(response: IncomingMessage, within: number, signal: AbortSignal): Promise<Buffer> {
  const { chunks, isLonger } = await readSmallBody(response, MAX_COLLECTED, within, signal);
  if (isLonger) throw new TransportError('reset', `the body has more than ${MAX_COLLECTED} bytes`);
  return Buffer.concat(chunks);
}

/** Lets the client follow the one fetch of a blob, which this response is, where nobody has begun one. */
async function keepBlob(arrival: Arrival, keep: KeepBlob): Promise<void> {
  const { res, record, exchange, context } = arrival.session;
  const { source, isOwn } = (context.content as Content).fetch(keep, blobSource(arrival));
  if (!isOwn) record.cache = 'joined';
  beginAnswer(arrival.session, arrival.verb.status, arrival.headers);
  await sendBody({ res, expected: keep.size, client: exchange.timeouts.client, record }, source);
}

/** Copies a blob into the store, and sends nothing of it: its client waits for that. */
export function copyKept(arrival: Arrival, keep: KeepBlob): void {
  const { record, context } = arrival.session;
  const isOwn = (context.content as Content).begin(keep, blobSource(arrival));
  record.cache = isOwn ? 'miss' : 'joined';
}
