import { probe } from '../shell/probing';
import type { Users } from '../shell/users';
import { carryOut, type Hands, internalError } from '../shell/verb-loop';
import { readClientText } from './client-text';
import { carrierOf, obtainLogin } from './errand';
import type { Incoming } from './incoming';
import { relay } from './relay';
import { answer, replyHead } from './reply';
import { contentOf, serveKept } from './serving';
import { end, type Session } from './session';

/** Serves one request: carries out the core's verbs. */
export async function serve(session: Session): Promise<Response> {
  const { context, exchange, head, record } = session;
  try {
    const first = context.guard.admit(head, context.config);
    const response = await carryOut(first, exchange, record, handsOf(session));
    probeOpenness(session, response?.status);
    return response ?? forNobody(session);
  } catch (error) {
    if (session.request.signal?.aborted) return forNobody(session);
    record.why = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return answer(session, internalError(record));
  }
}

/** nginx's status for a client that left before it got one; nobody reads it. */
const CLIENT_CLOSED_REQUEST = 499;

function forNobody(session: Session): Response {
  end(session, { status: CLIENT_CLOSED_REQUEST, isWhole: false, hasLeft: true });
  return replyHead(CLIENT_CLOSED_REQUEST, []);
}

function handsOf(session: Session): Hands<Response, Incoming> {
  const { context, exchange, head, record, signal } = session;
  return {
    carrier: carrierOf(session),
    isGone: () => session.request.signal?.aborted ?? false,
    answer: (verb) => answer(session, verb),
    readForm: (limit) => readClientText(session, limit, context.config.timeouts.response),
    find: (verb) => contentOf(session).find(verb),
    // A bound bucket has no signed URLs, so nothing is ever copied there for somebody to be sent to it.
    await: async () => 'failed',
    place: () =>
      context.guard.place({
        head,
        config: context.config,
        route: exchange.route,
        signal,
        record,
        onEnd: session.onEnd,
      }),
    serve: (verb) => serveKept(session, verb),
    relay: (sent, incoming, verb) => relay(session, sent, incoming, verb),
    obtainLogin: (verb) => obtainLogin(session, verb),
    identify: (authorization) => usersOf(session).identify(authorization),
    issue: ({ user, lifetime }) => usersOf(session).issue(user, lifetime),
  };
}

/** Whether everybody may pull here is found out when somebody has. */
function probeOpenness(session: Session, status: number | undefined): void {
  const { context, exchange, keepAlive } = session;
  const asked = status === 200 ? exchange.probe() : undefined;
  if (!asked || !context.content) return;
  keepAlive(context.content.probe(asked, () => probe(carrierOf({ ...session, record: { ...session.record } }), asked)));
}

function usersOf({ context }: Session): Users {
  if (!context.users) throw new Error('there is a gate, and nobody knows its users');
  return context.users;
}
