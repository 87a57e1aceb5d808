import type { IncomingMessage } from 'node:http';
import { corsHeaders } from '../core/cors';
import { answerError } from '../core/errors';
import { cutAnswerError, unreadableList } from '../core/failure';
import type { HeaderList } from '../core/headers';
import { isWorthSpreading, MIN_REST, Pace, type Sight } from '../core/parallel';
import { MAX_COLLECTED } from '../core/relay';
import type { Resumption } from '../core/resume';
import type { Forward, Relay, RequestVerb } from '../core/verbs';
import { type Continuation, continueBody } from '../shell/continuation';
import type { BodyOptions } from './body';
import { discard } from './discard';
import { errandOf } from './errand';
import { failureOf } from './failures';
import { writeHead } from './heads';
import { lanes } from './lanes';
import { answer, carrierFor } from './proxy';
import { pump } from './pump';
import type { Session } from './session';
import { readSmallBody, type SmallBody } from './small-body';

/**
 * Hands an upstream's response to the client.
 * @returns what to do instead, where it turned out to be of no use before a byte of it was sent
 */
export async function relay(
  session: Session,
  sent: Forward,
  response: IncomingMessage,
  verb: Relay,
): Promise<RequestVerb | undefined> {
  const { res, head, context, record } = session;
  const headers = [...verb.headers, ...corsHeaders(head.headers, context.config)];
  record.cache = verb.outcome;
  if (verb.notes) context.content?.note(verb.notes);
  // What is not kept is read at this client's pace, for which nobody else has to wait.
  if (!verb.keep) session.settle?.();
  if (verb.keep && context.content) {
    const { copyKept, relayKept } = await import('./keeping');
    const arrival = { session, sent, response, verb, headers };
    if (!verb.offload || verb.keep.kind !== 'blob') return relayKept(arrival, verb.keep);
    copyKept(arrival, verb.keep);
    return verb.offload;
  }
  switch (verb.body) {
    case 'none':
      writeHead(res, verb.status, headers);
      res.end();
      discard(response);
      break;
    case 'collect':
      await collect(session, response, verb, headers);
      break;
    case 'stream':
      writeHead(res, verb.status, headers);
      await stream(session, sent, response, verb);
      break;
  }
  return undefined;
}

/** Reads a small body whole to send it with its length; one that turns out long goes on chunked. */
async function collect(session: Session, response: IncomingMessage, verb: Relay, headers: HeaderList): Promise<void> {
  const { res, record, signal, exchange } = session;
  let body: SmallBody;
  try {
    body = await readSmallBody(response, MAX_COLLECTED, exchange.timeouts.response, signal);
  } catch (error) {
    response.destroy();
    if (!signal.aborted) answer(session, answerError(cutAnswerError(failureOf(error))));
    return;
  }
  const start =
    verb.edit && !body.isLonger ? edited(Buffer.concat(body.chunks), verb.edit) : Buffer.concat(body.chunks);
  if (start === undefined || (verb.edit && body.isLonger)) {
    response.destroy();
    return answer(session, answerError(unreadableList(exchange.route?.kind)));
  }
  record.bytes = start.length;
  writeHead(res, verb.status, body.isLonger ? headers : [...headers, ['content-length', String(start.length)]]);
  if (!body.isLonger) return void res.end(start);
  res.write(start);
  await stream(session, undefined, response, verb);
}

/** Undefined for a list that is none. */
function edited(body: Buffer, edit: (text: string) => string): Buffer | undefined {
  try {
    return Buffer.from(edit(body.toString()));
  } catch {
    return undefined;
  }
}

/** Streams a body and, where it is cut and can be continued, the rest of it. */
async function stream(
  session: Session,
  sent: Forward | undefined,
  response: IncomingMessage,
  verb: Relay,
): Promise<void> {
  const { res, record, exchange } = session;
  const { stall, client } = exchange.timeouts;
  const total = verb.span?.last === undefined ? Number.POSITIVE_INFINITY : verb.span.last - verb.span.first + 1;
  const resumptions = sent && exchange.resumptions(verb, sent);
  const resumption = verb.span && resumptions?.(verb.span);
  const pace = resumptions && paceOf(session, total);
  let received = 0;
  let source: Continuation<IncomingMessage> | undefined = { verb: 'continue', response, skip: 0 };
  if (total === 0) {
    discard(response);
    return void res.end();
  }
  while (source) {
    const { response: body, skip } = source;
    const rest = total - received;
    const isOver = pace && ((sight: Sight, bytes: number) => isSlow(session, pace, sight, rest - bytes));
    const result = await pump(body, res, { skip, limit: rest, stall, client, isOver });
    received += result.bytes;
    record.bytes += result.bytes;
    if (result.end === 'handed-over' && verb.span) {
      const span = { ...verb.span, first: verb.span.first + received };
      return spread(session, total, { response: body, span, resumption: resumptions, pace });
    }
    const isWhole = result.end === 'complete' && (received === total || !Number.isFinite(total));
    if (!isWhole || !body.readableEnded) body.destroy();
    if (isWhole) return void res.end();
    record.why = result.why ?? 'the upstream ended early';
    if (result.end === 'client-left') return;
    if (result.end === 'client-stalled') break;
    source = resumption && (await proceed(session, resumption, received));
  }
  // Never a clean end on a short body: containerd and podman continue only after a broken connection (invariant 2).
  res.destroy();
}

async function proceed(
  session: Session,
  resumption: Resumption,
  received: number,
): Promise<Continuation<IncomingMessage> | undefined> {
  const { record, signal } = session;
  const found = await continueBody({ carrier: carrierFor(session), record, signal, resumption, received });
  if (found.verb === 'give-up') return undefined;
  record.resumed += 1;
  return found;
}

/** Looked at where the body may come over several connections. */
function paceOf({ exchange, context }: Session, total: number): Pace | undefined {
  const isLarge = exchange.route?.kind === 'blob' && Number.isFinite(total) && total >= MIN_REST;
  return isLarge && context.config.downloadConnections > 1 ? new Pace() : undefined;
}

function isSlow({ record }: Session, pace: Pace, sight: Sight, rest: number): boolean {
  pace.look(sight);
  return isWorthSpreading(pace, rest) && !lanes.futile.has(record.upstream ?? '', performance.now());
}

/** The rest of a body over several connections, and no hop of the client's own request any more. */
async function spread(
  session: Session,
  expected: number,
  rest: Pick<BodyOptions, 'response' | 'span' | 'resumption' | 'pace'>,
): Promise<void> {
  const { res, record, exchange, context } = session;
  const { stall, client } = exchange.timeouts;
  const [{ openBody }, { sendBody }] = await Promise.all([import('./body'), import('./send-body')]);
  const body = openBody({ errand: errandOf(session), stall, connections: context.config.downloadConnections, ...rest });
  await sendBody({ res, expected, client, record }, body);
}
