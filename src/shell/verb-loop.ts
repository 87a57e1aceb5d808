import type { Identity } from '../core/admission';
import type { Await, Copied, Find, Findings, Serve } from '../core/cache-verbs';
import { answerError, RegistryError } from '../core/errors';
import type { Exchange } from '../core/exchange';
import type { Answer, Forward, Issue, ObtainLogin, Relay, RequestVerb, ResponseVerb } from '../core/verbs';
import type { Carrier } from './carrier';
import { hopOf, tokenHop } from './hops';
import type { RequestRecord } from './record';

/** A request is over, and this is what came of it. */
export interface Over<Reply> {
  readonly verb: 'over';
  readonly reply: Reply;
}

/** What a runtime can do for one request. */
export interface Hands<Reply, Response> {
  readonly carrier: Carrier<Response>;
  /** Whether nobody waits for the reply any more. */
  readonly isGone: () => boolean;
  answer(answer: Answer): Reply;
  /** The client's small body. @throws RegistryError 413 for one that is too large, 408 for one that does not come */
  readForm(limit: number): Promise<string>;
  find(verb: Find): Promise<Findings>;
  /** Waits for what is being copied into the store. */
  await(verb: Await): Promise<Copied>;
  /** Waits for a place among its client's transfers. @returns the answer to a request that got none */
  place(): Promise<Answer | undefined>;
  /** @returns what to do instead, where what was to be sent is gone */
  serve(verb: Serve): Promise<Over<Reply> | RequestVerb>;
  /** @returns what to do instead, where the response turned out to be of no use before a byte of it was sent */
  relay(sent: Forward, response: Response, verb: Relay): Promise<Over<Reply> | RequestVerb>;
  /** Whether it could be had. */
  obtainLogin(verb: ObtainLogin): Promise<boolean>;
  identify(authorization: string): Promise<Identity>;
  issue(verb: Issue): string | Promise<string>;
}

/**
 * Carries out the core's verbs, one after the other, and decides nothing.
 * @param first what to do before anything is asked of the core
 * @returns undefined where the client left meanwhile
 */
export async function carryOut<Reply, Response>(
  first: Answer | undefined,
  exchange: Exchange,
  record: RequestRecord,
  hands: Hands<Reply, Response>,
): Promise<Reply | undefined> {
  let verb: Over<Reply> | RequestVerb = first ?? exchange.onRequest();
  let isPlaced = false;
  const placed = async (carryOn: () => Promise<Over<Reply> | RequestVerb>) => {
    const refused = isPlaced ? undefined : await hands.place();
    isPlaced = true;
    return refused ?? carryOn();
  };
  while (!hands.isGone()) {
    switch (verb.verb) {
      case 'over':
        return verb.reply;
      case 'answer':
        return hands.answer(verb);
      case 'read':
        verb = await readForm(verb.limit, exchange, hands);
        break;
      case 'find':
        verb = exchange.onFound(await hands.find(verb));
        break;
      case 'await':
        verb = exchange.onAwaited(await hands.await(verb));
        break;
      case 'serve': {
        const kept: Serve = verb;
        verb = await placed(() => hands.serve(kept));
        break;
      }
      case 'forward': {
        const sent: Forward = verb;
        verb = await placed(() => forward(sent, exchange, record, hands));
        break;
      }
      case 'authorize': {
        const begun = performance.now();
        const document = await hands.carrier.fetchToken(verb);
        record.hops?.push(tokenHop(verb.request, document, record, begun));
        verb = exchange.onToken(document);
        break;
      }
      case 'login':
        verb = exchange.onLogin(await hands.obtainLogin(verb));
        break;
      case 'identify':
        verb = exchange.onIdentity(await hands.identify(verb.authorization));
        break;
      case 'issue':
        return hands.answer(exchange.onIssued(await hands.issue(verb)));
    }
  }
  return undefined;
}

async function readForm<Reply, Response>(
  limit: number,
  exchange: Exchange,
  hands: Hands<Reply, Response>,
): Promise<RequestVerb> {
  try {
    return exchange.onBody(await hands.readForm(limit));
  } catch (error) {
    if (error instanceof RegistryError) return answerError(error);
    throw error;
  }
}

/** Sends one request; a relay is carried out here, where its response is at hand. */
async function forward<Reply, Response>(
  sent: Forward,
  exchange: Exchange,
  record: RequestRecord,
  hands: Hands<Reply, Response>,
): Promise<Over<Reply> | RequestVerb> {
  const { carrier, isGone } = hands;
  const elapsed = () => performance.now() - record.startedAt - record.waited;
  const begun = performance.now();
  let response: Response;
  try {
    response = await carrier.send(sent);
  } catch (error) {
    if (isGone()) throw error;
    const failure = carrier.failureOf(error);
    record.why = failure.message;
    record.hops?.push(hopOf(sent, exchange.route, begun, { failure }));
    return exchange.onFailure(sent, failure, elapsed());
  }
  const head = carrier.headOf(response);
  record.hops?.push(hopOf(sent, exchange.route, begun, { head }));
  const verb: ResponseVerb = exchange.onResponse(sent, head, elapsed());
  if (verb.verb !== 'relay') {
    carrier.discard(response);
    return verb;
  }
  record.why = undefined;
  return hands.relay(sent, response, verb);
}

/** The answer where something went wrong that nobody thought of. */
export function internalError(record: RequestRecord): Answer {
  const { id, why } = record;
  return answerError(new RegistryError(500, 'UNKNOWN', 'internal error; the log has more', { id }), why);
}
