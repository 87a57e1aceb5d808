import type { Serve } from '../core/cache-verbs';
import { corsHeaders } from '../core/cors';
import { isHeadSmall } from '../core/delivery';
import { type HeaderList, withoutHeaders } from '../core/headers';
import type { RequestVerb } from '../core/verbs';
import { sendBody } from './send-body';
import { beginAnswer, type Session } from './session';

/**
 * Sends what is kept.
 * @returns what to do instead where it is gone
 */
export async function serveKept(session: Session, verb: Serve): Promise<RequestVerb | undefined> {
  const { context, exchange, head, record, res } = session;
  const { content, config } = context;
  const { digest, size, range, redirect, notes, outcome } = verb;
  const headers = [...verb.headers, ...corsHeaders(head.headers, config)];
  content?.note(notes);
  record.cache = outcome;
  if (!range) {
    beginAnswer(session, verb.status, headers);
    res.end();
    return undefined;
  }
  const expected = range.last - range.first + 1;
  const location = redirect === undefined ? undefined : await content?.sign(digest, size, redirect);
  const led = location === undefined ? undefined : headerTo(location, headers);
  if (led && isHeadSmall(led, config)) {
    beginAnswer(session, 307, led);
    res.end();
    return undefined;
  }
  // The platform would cut it.
  if (redirect !== undefined && expected > config.maxResponse) return exchange.onGone();
  const renew = async () => (await import('./renewed-source')).renewedSource(session, size);
  const source = await content?.open(digest, { ...range, size }, renew);
  if (!source) return exchange.onGone();
  beginAnswer(session, verb.status, headers);
  await sendBody({ res, expected, client: exchange.timeouts.client, record }, source);
  return undefined;
}

/** The head that leads a client to the object store. */
function headerTo(location: string, headers: HeaderList): HeaderList {
  const kept = withoutHeaders(headers, 'content-length', 'content-range', 'content-type', 'cache-control');
  return [...kept, ['location', location], ['cache-control', 'no-store'], ['content-length', '0']];
}
