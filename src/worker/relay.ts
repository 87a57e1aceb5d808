import type { Keep } from '../core/cache-verbs';
import type { Config } from '../core/config';
import { corsHeaders } from '../core/cors';
import { answerError } from '../core/errors';
import { cutAnswerError, unreadableList } from '../core/failure';
import { type HeaderList, headerOf, withHeader } from '../core/headers';
import { contentLength, parseContentRange } from '../core/range';
import { MAX_COLLECTED } from '../core/relay';
import type { Resumption } from '../core/resume';
import type { Forward, Relay, RequestVerb } from '../core/verbs';
import { continueBody } from '../shell/continuation';
import type { Over } from '../shell/verb-loop';
import { carrierOf } from './errand';
import { discard, failureOf, type Incoming, readBody, readSmallBody, type SmallBody } from './incoming';
import { relayKept } from './keeping';
import type { BodyInit } from './platform';
import { answer, over, reply, replyDirectly, replyHead, replyStream } from './reply';
import { end, type Session } from './session';

/** Hands an upstream's response to the client. */
export async function relay(
  session: Session,
  sent: Forward,
  incoming: Incoming,
  verb: Relay,
): Promise<Over<Response> | RequestVerb> {
  const { head, context, record, keepAlive } = session;
  const headers = [...verb.headers, ...corsHeaders(head.headers, context.config)];
  record.cache = verb.outcome;
  if (verb.notes && context.content) keepAlive(context.content.note(verb.notes));
  if (verb.keep && context.content && isSeen(verb.keep, context.config)) {
    return relayKept({ session, sent, incoming, verb, headers }, verb.keep);
  }
  switch (verb.body) {
    case 'none':
      discard(incoming);
      end(session, { status: verb.status, isWhole: true });
      return over(replyHead(verb.status, headers));
    case 'collect':
      return over(await collect(session, incoming, verb, headers));
    case 'stream':
      return over(stream(session, sent, incoming, await withLength(session, sent, verb), headers));
  }
}

/** What the platform hands on by itself is not seen by us. */
function isSeen(keep: Keep, { directAbove }: Config): boolean {
  return keep.kind === 'manifest' || keep.size <= directAbove;
}

/** Reads a small body whole to send it with its length; one that turns out long goes on chunked. */
async function collect(session: Session, incoming: Incoming, verb: Relay, headers: HeaderList): Promise<Response> {
  const { record, exchange } = session;
  let body: SmallBody;
  try {
    body = await readSmallBody(incoming, MAX_COLLECTED, exchange.timeouts.response);
  } catch (error) {
    return answer(session, answerError(cutAnswerError(failureOf(error))));
  }
  const { bytes, rest } = body;
  const start = verb.edit ? edited(body, verb.edit) : bytes;
  if (start === undefined) {
    await rest?.return(undefined);
    return answer(session, answerError(unreadableList(exchange.route?.kind)));
  }
  if (rest) return replyStream(session, verb.status, headers, both(bytes, rest), undefined);
  record.bytes = start.length;
  end(session, { status: verb.status, isWhole: true });
  return reply(verb.status, headers, start as unknown as BodyInit);
}

async function* both(start: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield start;
  yield* rest;
}

/** Undefined for a list that is none. */
function edited({ bytes, rest }: SmallBody, edit: (text: string) => string): Uint8Array | undefined {
  if (rest) return undefined;
  try {
    return new TextEncoder().encode(edit(new TextDecoder().decode(bytes)));
  } catch {
    return undefined;
  }
}

/** Streams a body and, where it is cut and can be continued, the rest of it. */
function stream(session: Session, sent: Forward, incoming: Incoming, verb: Relay, headers: HeaderList): Response {
  const { span } = verb;
  // Read by us it would be decoded, and is relayed as it comes.
  if (headerOf(verb.headers, 'content-encoding') !== undefined) {
    end(session, { status: verb.status, isWhole: true });
    return reply(verb.status, headers, incoming.body);
  }
  const length = span?.last === undefined ? contentLength(incoming.head.headers) : span.last - span.first + 1;
  if (length !== undefined && length > session.context.config.directAbove && incoming.body) {
    return replyDirectly(session, verb.status, headers, incoming.body, length);
  }
  return replyStream(session, verb.status, headers, bodyOf(session, sent, incoming, verb), length);
}

/**
 * workerd ends a response without a length cleanly whatever happens, so a blob that comes without one is asked for its
 * first byte, with which its length comes (RFC 9110 section 14.4). Where that is of no use, only the digest tells a
 * client that bytes are missing.
 */
async function withLength(session: Session, sent: Forward, verb: Relay): Promise<Relay> {
  const { span } = verb;
  if (!span || span.last !== undefined || span.first !== 0 || verb.status !== 200) return verb;
  const carrier = carrierOf(session);
  try {
    const first = await carrier.send({ ...sent, headers: withHeader(sent.headers, 'range', 'bytes=0-0') });
    carrier.discard(first);
    const { status, headers } = carrier.headOf(first);
    const total = status === 206 ? parseContentRange(headerOf(headers, 'content-range'))?.total : undefined;
    return total === undefined ? verb : { ...verb, span: { ...span, last: total - 1, total } };
  } catch {
    return verb;
  }
}

/**
 * The bytes of a body, over one connection after the other where it is cut.
 * @throws Error where they cannot all be had; its message may be logged
 */
export async function* bodyOf(
  session: Session,
  sent: Forward,
  first: Incoming,
  verb: Relay,
): AsyncGenerator<Uint8Array> {
  const { exchange, record } = session;
  const { span } = verb;
  const total = span?.last === undefined ? Number.POSITIVE_INFINITY : span.last - span.first + 1;
  const resumption = span && exchange.resumptions(verb, sent)?.(span);
  let received = 0;
  let source: { response: Incoming; skip: number } | undefined = { response: first, skip: 0 };
  if (total === 0) return discard(first);
  while (source) {
    let { skip } = source;
    try {
      for await (const chunk of readBody(source.response, exchange.timeouts.stall)) {
        const wanted = chunk.subarray(Math.min(skip, chunk.length)).subarray(0, total - received);
        skip -= Math.min(skip, chunk.length);
        received += wanted.length;
        if (wanted.length > 0) yield wanted;
        if (received === total) return;
      }
      if (!Number.isFinite(total)) return;
      record.why = 'the upstream ended early';
    } catch (error) {
      record.why = failureOf(error).message;
    }
    source = resumption && (await proceed(session, resumption, received));
  }
  throw new Error(record.why);
}

async function proceed(session: Session, resumption: Resumption, received: number) {
  const { record, signal } = session;
  const found = await continueBody({ carrier: carrierOf(session), record, signal, resumption, received });
  if (found.verb === 'give-up') return undefined;
  record.resumed += 1;
  return found;
}
