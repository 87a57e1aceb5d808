import type { Serve } from '../core/cache-verbs';
import { corsHeaders } from '../core/cors';
import { withoutHeaders } from '../core/headers';
import type { RequestVerb } from '../core/verbs';
import { writeHead } from './heads';
import { sendBody } from './send-body';
import type { Session } from './session';

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
    writeHead(res, verb.status, headers);
    res.end();
    return undefined;
  }
  const location = redirect === undefined ? undefined : await content?.sign(digest, size, redirect);
  if (location !== undefined) {
    const kept = withoutHeaders(headers, 'content-length', 'content-range', 'content-type', 'cache-control');
    writeHead(res, 307, [...kept, ['location', location], ['cache-control', 'no-store'], ['content-length', '0']]);
    res.end();
    return undefined;
  }
  const renew = async () => (await import('./renewed-source')).renewedSource(session, size);
  const source = await content?.open(digest, { ...range, size }, renew);
  if (!source) return exchange.onGone();
  writeHead(res, verb.status, headers);
  await sendBody({ res, expected: range.last - range.first + 1, client: exchange.timeouts.client, record }, source);
  return undefined;
}
