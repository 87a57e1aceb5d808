import type { IncomingMessage } from 'node:http';
import type { KeepBlob, KeepManifest } from '../core/cache-verbs';
import { answerError, RegistryError } from '../core/errors';
import { type HeaderList, withoutHeaders } from '../core/headers';
import { MAX_COLLECTED } from '../core/relay';
import type { Forward, Relay, Span } from '../core/verbs';
import { openBody } from './body';
import { type Content, digestOf } from './content';
import { failureOf } from './failures';
import { writeHead } from './heads';
import { answer } from './proxy';
import { cutAnswer } from './relay';
import { sendBody } from './send-body';
import type { Session } from './session';
import { readSmallBody, type SmallBody } from './small-body';

/** Hands a manifest to the client once it is proven, and keeps it. */
export async function keepManifest(
  session: Session,
  response: IncomingMessage,
  verb: Relay,
  headers: HeaderList,
  keep: KeepManifest,
): Promise<void> {
  const { res, record, signal, exchange, context } = session;
  let body: SmallBody;
  try {
    body = await readSmallBody(response, MAX_COLLECTED, exchange.timeouts.response, signal);
  } catch (error) {
    response.destroy();
    if (!signal.aborted) answer(session, answerError(cutAnswer(failureOf(error))));
    return;
  }
  const bytes = Buffer.concat(body.chunks);
  const digest = digestOf(bytes, keep.digest);
  if (body.isLonger || (keep.digest !== undefined && digest !== keep.digest)) {
    response.destroy();
    const why = body.isLonger ? 'a manifest that is too long' : 'a manifest of another digest';
    const about = { digest: keep.digest };
    return answer(session, answerError(new RegistryError(502, 'UNAVAILABLE', `the registry sends ${why}`, about)));
  }
  const content = context.content as Content;
  content.keep(digest, bytes, keep.notes(digest, bytes.length));
  await content.written();
  record.bytes = bytes.length;
  writeHead(res, verb.status, [...withoutHeaders(headers, 'content-length'), ['content-length', String(bytes.length)]]);
  res.end(bytes);
}

/** Lets the client follow the one fetch of a blob, which this response is, where nobody has begun one. */
export async function keepBlob(
  session: Session,
  sent: Forward,
  response: IncomingMessage,
  verb: Relay,
  headers: HeaderList,
  keep: KeepBlob,
): Promise<void> {
  const { res, record, exchange, context } = session;
  const { stall, response: within, client } = exchange.timeouts;
  const content = context.content as Content;
  // It may outlive this request, and has a record of its own then.
  const { signal } = new AbortController();
  const { source, isOwn } = content.fetch(keep, () =>
    openBody({
      errand: { context, signal, within, record },
      response,
      span: verb.span as Span,
      resumption: exchange.resumptions(verb, sent),
      stall,
      connections: context.config.downloadConnections,
    }),
  );
  if (!isOwn) {
    response.destroy();
    record.cache = 'joined';
  }
  writeHead(res, verb.status, headers);
  await sendBody({ res, expected: keep.size, client, record }, source);
}
