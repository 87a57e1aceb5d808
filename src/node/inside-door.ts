import type { UpstreamHop } from '../core/doctor/evidence';
import { requestHeaders } from '../core/headers';
import type { Place } from '../core/location';
import { isSameOrigin, type Url } from '../core/url';
import type { Forward } from '../core/verbs';
import { type Door, OVERSPENT, type Question } from '../shell/doctor-door';
import { TransportError } from '../shell/transport-error';
import { CLIENT_FIELDS } from './client-fields';
import { sendRequest } from './client-request';
import { seeAnswer, seeFailure } from './doctor-door';
import { openInside } from './inside';
import { serve } from './proxy';
import { tellReceived } from './received';
import { type Context, openSession, type Session } from './session';

/** Milliseconds to an answer of our own: each of its upstreams has its own deadlines. */
const ANSWER_TIME = 60_000;

export interface InsideDoor {
  /** On whose behalf everything is asked. */
  readonly session: Session;
  /** What requests inside are served by. */
  readonly context: Context;
  readonly place: Place;
  /** It is nobody's pull: what it takes is no client's budget. */
  readonly isOwn?: boolean;
  /** Ends what is under way; where it is absent, the client's leaving does. */
  readonly signal?: AbortSignal;
}

/** Asks this process by its own URL, as the client of a request, and beyond it as the proxy asks. */
export function openInsideDoor({ session, context, place, isOwn, signal = session.signal }: InsideDoor): Door {
  const { head, record } = session;
  let hops: UpstreamHop[] = [];
  const connect = openInside(
    (req, res) => {
      const inner = openSession(context, req, res);
      inner.record.hops = hops;
      serve(inner).catch(() => res.destroy());
    },
    { remoteAddress: head.peer.address, encrypted: head.peer.secure, isOwn },
  );
  const own = [...head.headers.filter(([name]) => CLIENT_FIELDS.test(name)), ['x-request-id', record.id] as const];
  const inside = ({ method, url, headers }: Question) =>
    sendRequest({ method, url: plain(url), headers: [...headers, ...own], signal, connect, within: ANSWER_TIME });
  const outside = async (question: Question) => {
    // Where its budget is spent, clients are sent there without us, and so is the visitor.
    if (!isOwn && session.spending?.upstreamExcess(place.route.upstream))
      throw new TransportError('unknown', OVERSPENT);
    const meter = session.spending?.meter(place.route.upstream);
    meter?.request();
    const response = await context.transport.fetch(forwardTo(question, place), signal);
    return meter ? tellReceived(response, meter.received) : response;
  };
  return {
    async ask(question) {
      const begun = performance.now();
      const isInside = isSameOrigin(question.url, { ...place.origin, path: '', query: '' });
      hops = [];
      try {
        const seen = await seeAnswer(question, await (isInside ? inside(question) : outside(question)), begun);
        return isInside ? { ...seen, hops } : seen;
      } catch (error) {
        return { ...seeFailure(question, error, begun), ...(isInside && { hops }) };
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
