import { corsHeaders } from '../core/cors';
import { type HeaderList, withoutHeaders } from '../core/headers';
import type { Answer } from '../core/verbs';
import type { Over } from '../shell/verb-loop';
import { headersOf } from './heads';
import { failureOf } from './incoming';
import { linger } from './lingering';
import { Patience } from './patience';
import { type BodyInit, FixedLengthStream, IdentityTransformStream } from './platform';
import { end, type Session } from './session';

/** Statuses whose responses have no body (Fetch standard, "null body status"). */
const BODILESS = [204, 205, 304];

export function answer(session: Session, { status, headers, body, why, sameOrigin }: Answer): Response {
  const { head, record, context } = session;
  record.why = why;
  const bytes = new TextEncoder().encode(body ?? '');
  const isHead = head.method === 'HEAD';
  record.bytes = isHead ? 0 : bytes.length;
  const cors = sameOrigin ? [] : corsHeaders(head.headers, context.config);
  const more: HeaderList = status === 204 ? [] : [['content-length', String(bytes.length)], ...cors];
  linger(session);
  end(session, { status, isWhole: true });
  return bodiless(status, isHead)
    ? replyHead(status, [...headers, ...more])
    : reply(status, [...headers, ...more], bytes);
}

export function over(reply: Response): Over<Response> {
  return { verb: 'over', reply };
}

/** A response without a body: to HEAD it says the length of what GET would bring. */
export function replyHead(status: number, headers: HeaderList): Response {
  return reply(status, headers, null);
}

export function reply(status: number, headers: HeaderList, body: BodyInit | null): Response {
  return new Response(body, { status, headers: headersOf(headers) });
}

/** The platform says the length of a stream when it sends it; before that nobody sees it. */
const lengths = new WeakMap<Response, number>();

function measured(response: Response, length: number | undefined): Response {
  if (length !== undefined) lengths.set(response, length);
  return response;
}

/** Bytes of a response's body that will be said; undefined where its fields say them by now, or nothing does. */
export function lengthOf(response: Response): number | undefined {
  return lengths.get(response);
}

function bodiless(status: number, isHead: boolean): boolean {
  return isHead || BODILESS.includes(status);
}

/**
 * A response whose body comes from a loop, at the client's pace. Where the loop fails, or brings another number of bytes than was said, the client's connection breaks:
 * never a clean end on a short body (invariant 2).
 * @param length bytes, where known
 */
export function replyStream(
  session: Session,
  status: number,
  headers: HeaderList,
  source: AsyncIterable<Uint8Array>,
  length: number | undefined,
): Response {
  const { readable, writable } = length === undefined ? new IdentityTransformStream() : new FixedLengthStream(length);
  session.keepAlive(pump(session, status, source, writable as unknown as WritableStream<Uint8Array>));
  return measured(reply(status, withoutHeaders(headers, 'content-length'), readable as unknown as BodyInit), length);
}

/**
 * A response whose body the platform hands on by itself, without a turn of ours: what breaks off is broken off, and not continued.
 */
export function replyDirectly(
  session: Session,
  status: number,
  headers: HeaderList,
  body: ReadableStream<Uint8Array>,
  length: number,
): Response {
  const { readable, writable } = new FixedLengthStream(length);
  const { record } = session;
  // Nothing is seen of it between its beginning and its end: who leaves in the middle would have cost nothing.
  record.bytes = length;
  const whole = body.pipeTo(writable as unknown as WritableStream<Uint8Array>).then(
    () => end(session, { status, isWhole: true }),
    (error: Error) => {
      record.why = failureOf(error).message;
      end(session, { status, isWhole: false });
    },
  );
  session.keepAlive(whole);
  return measured(reply(status, withoutHeaders(headers, 'content-length'), readable as unknown as BodyInit), length);
}

async function pump(
  session: Session,
  status: number,
  source: AsyncIterable<Uint8Array>,
  writable: WritableStream<Uint8Array>,
): Promise<void> {
  const { record, exchange } = session;
  const { client } = exchange.timeouts;
  const writer = writable.getWriter();
  let isStalled = false;
  const patience = new Patience(client, () => {
    isStalled = true;
    writer.abort(new Error('the client stands still')).catch(() => {});
  });
  let isClients = false;
  try {
    for await (const chunk of source) {
      patience.begin();
      isClients = true;
      await writer.write(chunk);
      isClients = false;
      patience.end();
      record.bytes += chunk.length;
    }
    isClients = true;
    patience.begin();
    await writer.close();
    end(session, { status, isWhole: true });
  } catch (error) {
    if (isStalled) record.why = `the client took no byte for ${client / 1000} s`;
    else if (!isClients) record.why = (error as Error).message;
    await writer.abort(error).catch(() => {});
    end(session, { status, isWhole: false, hasLeft: isClients && !isStalled });
  } finally {
    patience.close();
  }
}
