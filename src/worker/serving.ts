import type { Serve } from '../core/cache-verbs';
import { corsHeaders } from '../core/cors';
import type { RequestVerb } from '../core/verbs';
import type { Over } from '../shell/verb-loop';
import type { Content } from './content';
import { over, reply, replyDirectly, replyHead, replyStream } from './reply';
import { end, type Session } from './session';

export function contentOf({ context }: Session): Content {
  if (!context.content) throw new Error('there is a cache, and nothing to keep it in');
  return context.content;
}

/**
 * Sends what is kept.
 * @returns what to do instead where it is gone
 */
export async function serveKept(session: Session, verb: Serve): Promise<Over<Response> | RequestVerb> {
  const { context, exchange, head, record, keepAlive } = session;
  const content = contentOf(session);
  const { status, digest, size, range, notes, outcome } = verb;
  const headers = [...verb.headers, ...corsHeaders(head.headers, context.config)];
  keepAlive(content.note(notes));
  record.cache = outcome;
  if (!range) {
    end(session, { status, isWhole: true });
    return over(replyHead(status, headers));
  }
  const source = await content.open(digest, { ...range, size }, keepAlive);
  if (!source) return exchange.onGone();
  const length = range.last - range.first + 1;
  if (source instanceof Uint8Array) {
    record.bytes = length;
    end(session, { status, isWhole: true });
    return over(reply(status, headers, source as Uint8Array<ArrayBuffer>));
  }
  if ('getReader' in source) return over(replyDirectly(session, status, headers, source as never, length));
  return over(replyStream(session, status, headers, source, length));
}
