import type { UpstreamHop } from '../core/doctor/evidence';
import { requestHeaders } from '../core/headers';
import type { Place } from '../core/location';
import { isSameOrigin, type Url } from '../core/url';
import type { Forward } from '../core/verbs';
import { attemptsOf } from '../shell/admin-entrance';
import type { Door, Question } from '../shell/doctor-door';
import { explain } from '../shell/explain-api';
import { CLIENT_FIELDS } from './client-fields';
import { sendRequest } from './client-request';
import { seeAnswer, seeFailure } from './doctor-door';
import { openInside } from './inside';
import { answer, serve } from './proxy';
import { tellReceived } from './received';
import { type Context, openSession, type Session } from './session';

/** Milliseconds to an answer of our own: each of its upstreams has its own deadlines. */
const ANSWER_TIME = 60_000;

/** `GET /-/explain` of a process. */
export async function serveExplain(session: Session): Promise<void> {
  const { head, record, context } = session;
  const { config, guard, log, memory, content } = context;
  const refused = guard.admit(head, config);
  if (refused) return answer(session, refused);
  return answer(
    session,
    await explain(head, record.id, {
      config,
      memory,
      attempts: attemptsOf(guard),
      log,
      find: async (verb) => content?.find(verb, () => {}) ?? { now: Date.now(), documents: {} },
      open: (open, place) => openDoor(session, { ...context, config: open, guard: guard.inside() }, place),
    }),
  );
}

/** @param context what requests inside are served by */
function openDoor({ head, record, signal, spending }: Session, context: Context, place: Place): Door {
  let hops: UpstreamHop[] = [];
  const connect = openInside(
    (req, res) => {
      const inner = openSession(context, req, res);
      inner.record.hops = hops;
      serve(inner).catch(() => res.destroy());
    },
    { remoteAddress: head.peer.address, encrypted: head.peer.secure, isOwn: true },
  );
  const own = [...head.headers.filter(([name]) => CLIENT_FIELDS.test(name)), ['x-request-id', record.id] as const];
  const inside = ({ method, url, headers }: Question) =>
    sendRequest({ method, url: plain(url), headers: [...headers, ...own], signal, connect, within: ANSWER_TIME });
  const outside = async (question: Question) => {
    const meter = spending?.meter(place.route.upstream);
    meter?.request();
    const response = await context.transport.fetch(forwardTo(question, place), signal);
    return meter ? tellReceived(response, meter.received) : response;
  };
  return {
    async ask(question) {
      const begun = performance.now();
      const isOwn = isSameOrigin(question.url, { ...place.origin, path: '', query: '' });
      hops = [];
      try {
        const seen = await seeAnswer(question, await (isOwn ? inside(question) : outside(question)), begun);
        return isOwn ? { ...seen, hops } : seen;
      } catch (error) {
        return { ...seeFailure(question, error, begun), ...(isOwn && { hops }) };
      }
    },
  };
}

/** Inside of a process nothing is encrypted, whatever clients call by. */
function plain(url: Url): Url {
  return { ...url, scheme: 'http' };
}

/** What a redirect leads to is asked as the proxy asks it, at addresses that it may call. */
function forwardTo({ method, url, headers }: Question, { route }: Place): Forward {
  const { reach, connection } = route.upstream;
  const fields = requestHeaders(headers, 'registry-proxy');
  return { verb: 'forward', method, url, headers: fields, body: 'none', reach, connection, purpose: 'hop' };
}
