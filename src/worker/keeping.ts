import type { Keep } from '../core/cache-verbs';
import { type HeaderList, withoutHeaders } from '../core/headers';
import { contentLength } from '../core/range';
import { MAX_COLLECTED } from '../core/relay';
import type { Forward, Relay, RequestVerb } from '../core/verbs';
import { MAX_HOT_ENTRY } from '../shell/hot';
import { TransportError } from '../shell/transport-error';
import type { Over } from '../shell/verb-loop';
import type { Large } from './content';
import { failureOf, type Incoming, readSmallBody } from './incoming';
import { bodyOf } from './relay';
import { over, reply, replyStream } from './reply';
import { contentOf } from './serving';
import { end, type Session } from './session';

/** An upstream's response, as far as it goes to a client. */
export interface Arrival {
  readonly session: Session;
  readonly sent: Forward;
  readonly incoming: Incoming;
  readonly verb: Relay;
  /** The client's. */
  readonly headers: HeaderList;
}

/**
 * Bytes of a manifest that is read whole before it is sent, at most. An isolate has 128 MB for all its requests, and registries take
 * manifests of 4 MB: whoever asked for thirty of them at once would end every transfer in it.
 */
const MAX_WHOLE = 1024 * 1024;

/**
 * Hands what is kept to the client, and keeps it.
 * @returns what to do instead, where what came is cut or wrong, and nothing of it has been sent
 */
export async function relayKept(arrival: Arrival, keep: Keep): Promise<Over<Response> | RequestVerb> {
  const large = largeOf(keep, arrival.incoming);
  return large ? over(keepLarge(arrival, large)) : keepSmall(arrival, keep);
}

/** What is sent as it comes; a manifest only where it is known before what it is to be. */
function largeOf(keep: Keep, { head }: Incoming): Large | undefined {
  if (keep.kind === 'blob') return keep.size > MAX_HOT_ENTRY ? keep : undefined;
  const size = contentLength(head.headers) ?? 0;
  if (keep.digest === undefined || size <= MAX_WHOLE) return undefined;
  return { digest: keep.digest, size, notes: keep.notes(keep.digest, size) };
}

/** Sent once it is proven. */
async function keepSmall(arrival: Arrival, keep: Keep): Promise<Over<Response> | RequestVerb> {
  const { session, sent, incoming, verb, headers } = arrival;
  const { record, exchange, keepAlive } = session;
  // What is too slow has taken the time that retries have; it is asked for again all the same.
  const since = performance.now();
  let bytes: Uint8Array<ArrayBuffer>;
  let digest: string;
  try {
    bytes = await readWhole(incoming, exchange.timeouts.stall);
    digest = await digestOf(bytes, keep.digest);
    if (keep.digest !== undefined && digest !== keep.digest)
      throw new TransportError('reset', 'the body is not what its digest says');
  } catch (error) {
    const failure = failureOf(error);
    record.why = failure.message;
    return exchange.onFailure(sent, failure, since - record.startedAt - record.waited);
  }
  const notes = keep.kind === 'manifest' ? keep.notes(digest, bytes.length) : keep.notes;
  keepAlive(contentOf(session).keep(digest, bytes, notes));
  record.bytes = bytes.length;
  record.why = undefined;
  end(session, { status: verb.status, isWhole: true });
  return over(reply(verb.status, withoutHeaders(headers, 'content-length'), bytes));
}

async function readWhole(incoming: Incoming, within: number): Promise<Uint8Array<ArrayBuffer>> {
  const { bytes, rest } = await readSmallBody(incoming, MAX_COLLECTED, within);
  await rest?.return(undefined);
  if (rest) throw new TransportError('reset', `the body has more than ${MAX_COLLECTED} bytes`);
  return bytes as Uint8Array<ArrayBuffer>;
}

/** What goes to the client goes to the store as well, at the pace of the slower one. */
function keepLarge({ session, sent, incoming, verb, headers }: Arrival, keep: Large): Response {
  const source = contentOf(session).fetch(keep, bodyOf(session, sent, incoming, verb));
  return replyStream(session, verb.status, headers, source, keep.size);
}

/** The digest of a body, by the algorithm of another one. */
async function digestOf(bytes: Uint8Array<ArrayBuffer>, like = 'sha256:'): Promise<string> {
  const algorithm = like.slice(0, like.indexOf(':'));
  const hash = await crypto.subtle.digest(algorithm === 'sha512' ? 'SHA-512' : 'SHA-256', bytes);
  return `${algorithm}:${[...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
