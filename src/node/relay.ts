import type { IncomingMessage } from 'node:http';
import { corsHeaders } from '../core/cors';
import { answerError, RegistryError } from '../core/errors';
import type { HeaderList } from '../core/headers';
import { MAX_COLLECTED } from '../core/relay';
import type { Failure, Forward, Relay } from '../core/verbs';
import { type Continuation, continueBody } from './continuation';
import { discard } from './discard';
import { errandOf } from './errand';
import { failureOf } from './failures';
import { writeHead } from './heads';
import { answer, send } from './proxy';
import { pump } from './pump';
import type { Session } from './session';
import { readSmallBody, type SmallBody } from './small-body';

/** Hands an upstream's response to the client. */
export async function relay(session: Session, sent: Forward, response: IncomingMessage, verb: Relay): Promise<void> {
  const { res, head, context, record } = session;
  const headers = [...verb.headers, ...corsHeaders(head.headers, context.config)];
  record.cache = verb.outcome;
  if (verb.notes) context.content?.note(verb.notes);
  if (verb.keep && context.content) {
    const { keepBlob, keepManifest } = await import('./keeping');
    if (verb.keep.kind === 'manifest') return keepManifest(session, response, verb, headers, verb.keep);
    return keepBlob(session, sent, response, verb, headers, verb.keep);
  }
  switch (verb.body) {
    case 'none':
      writeHead(res, verb.status, headers);
      res.end();
      return discard(response);
    case 'collect':
      return collect(session, response, verb, headers);
    case 'stream':
      writeHead(res, verb.status, headers);
      return stream(session, sent, response, verb);
  }
}

/** Reads a small body whole to send it with its length; one that turns out long goes on chunked. */
async function collect(session: Session, response: IncomingMessage, verb: Relay, headers: HeaderList): Promise<void> {
  const { res, record, signal, exchange } = session;
  let body: SmallBody;
  try {
    body = await readSmallBody(response, MAX_COLLECTED, exchange.timeouts.response, signal);
  } catch (error) {
    response.destroy();
    if (!signal.aborted) answer(session, answerError(cutAnswer(failureOf(error))));
    return;
  }
  const start =
    verb.edit && !body.isLonger ? edited(Buffer.concat(body.chunks), verb.edit) : Buffer.concat(body.chunks);
  if (start === undefined || (verb.edit && body.isLonger)) {
    response.destroy();
    return answer(session, answerError(new RegistryError(502, 'UNAVAILABLE', "the registry's list cannot be read")));
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

export function cutAnswer({ kind, message }: Failure): RegistryError {
  return new RegistryError(kind === 'timeout' ? 504 : 502, 'UNAVAILABLE', `the registry's answer: ${message}`);
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
  const resumption = sent && exchange.resumption(verb, sent);
  let received = 0;
  let source: Continuation | undefined = { response, skip: 0 };
  if (total === 0) {
    discard(response);
    return void res.end();
  }
  while (source) {
    const { response: body, skip } = source;
    const result = await pump(body, res, { skip, limit: total - received, stall, client });
    received += result.bytes;
    record.bytes += result.bytes;
    const isWhole = result.end === 'complete' && (received === total || !Number.isFinite(total));
    if (!isWhole || !body.readableEnded) body.destroy();
    if (isWhole) return void res.end();
    record.why = result.why ?? 'the upstream ended early';
    if (result.end === 'client-left') return;
    if (result.end === 'client-stalled') break;
    source =
      resumption && (await continueBody(errandOf(session), resumption, received, (forward) => send(session, forward)));
  }
  // Never a clean end on a short body: containerd and podman continue only after a broken connection (invariant 2).
  res.destroy();
}
