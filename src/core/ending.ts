import type { CacheMemory } from './cache-memory';
import type { Caching } from './caching';
import { bodySize, handOver, isHeadSmall, undeliverable, wayOf } from './delivery';
import { answerError } from './errors';
import { headerOf } from './headers';
import type { Place } from './location';
import { budgetError } from './spending';
import { uncached } from './uncached';
import type { Forward, Relay, RequestHead, RequestVerb, ResponseHead } from './verbs';

/** The end of a conversation with upstreams. */
interface Ending {
  readonly sent: Forward;
  readonly head: ResponseHead;
  /** The client's. */
  readonly asked: RequestHead;
  readonly place: Place;
  readonly caching: Caching | undefined;
}

/** What becomes of the answer that a conversation has come to: what is kept of it, and how its body comes to the client. */
export function endOf(relay: Relay, ending: Ending, memory: CacheMemory): Relay | RequestVerb {
  const { sent, head, asked, place, caching } = ending;
  const verb = caching?.onRelay(relay, sent, head) ?? uncached(relay, asked, place.route, memory);
  const isBody = verb.verb === 'relay' && verb.body === 'stream' && sent.method === 'GET' && verb.status < 300;
  return isBody ? deliver(verb, ending) : verb;
}

/** A body takes the way on which it can come to its client here. */
function deliver(relay: Relay, { sent, place, caching }: Ending): Relay | RequestVerb {
  const size = bodySize(relay);
  const isOpen = sent.purpose === 'hop' && headerOf(sent.headers, 'authorization') === undefined;
  const isElsewhere = isOpen && isHeadSmall(handOver(sent, relay).headers, place.config);
  const isKeepable = caching?.mayCopy(relay) ?? false;
  switch (wayOf({ size, isElsewhere, isKeepable }, place)) {
    case 'stream':
      return relay;
    case 'hand-over':
      return handOver(sent, relay);
    case 'offload':
      return (caching as Caching).copy(relay);
    case 'none':
      return answerError(place.excess ? budgetError(place.excess) : undeliverable(size ?? 0, place));
  }
}
