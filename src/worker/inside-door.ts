import type { Seen, UpstreamHop } from '../core/doctor/evidence';
import { type HeaderList, requestHeaders } from '../core/headers';
import type { Place } from '../core/location';
import { isSameOrigin } from '../core/url';
import type { Forward } from '../core/verbs';
import { type Door, OVERSPENT, type Question } from '../shell/doctor-door';
import { TransportError } from '../shell/transport-error';
import { countOne } from './errand';
import { headerList, headersOf } from './heads';
import { failureOf, type Incoming, joined, readBody } from './incoming';
import { serve } from './proxy';
import { lengthOf } from './reply';
import { type Context, openSession, type Session } from './session';
import { send } from './transport';

/** Fields of the caller's that make it the client of what is asked inside. */
const CLIENT_FIELDS = /^(host|forwarded|cf-connecting-ip|x-forwarded-[a-z-]+)$/;

/** Names of algorithms, as the platform has them. */
const HASHES: Readonly<Record<string, string>> = { sha256: 'SHA-256', sha384: 'SHA-384', sha512: 'SHA-512' };

export interface InsideDoor {
  /** On whose behalf everything is asked. */
  readonly session: Session;
  /** What requests inside are served by. */
  readonly context: Context;
  readonly place: Place;
  /** It is nobody's pull: what it takes is no client's budget. */
  readonly isOwn?: boolean;
  /** After it nothing more is asked. */
  readonly signal?: AbortSignal;
}

/** Asks this isolate by its own URL, as the client of a request, and beyond it as the proxy asks. */
export function openInsideDoor({ session, context, place, isOwn, signal }: InsideDoor): Door {
  const own = headerList(session.request.headers).filter(([name]) => CLIENT_FIELDS.test(name));
  const inside = async ({ method, url, headers }: Question, hops: UpstreamHop[]): Promise<Incoming> => {
    const { origin } = new URL(session.request.url);
    const request = new Request(origin + url.path + url.query, { method, headers: headersOf([...headers, ...own]) });
    const inner = openSession(context, request, session.keepAlive, isOwn);
    // The platform counts all of them as this one request's.
    inner.asked = session.asked;
    inner.record.hops = hops;
    const response = await serve(inner);
    const abort = () => void response.body?.cancel().catch(() => {});
    const length = lengthOf(response);
    const said: HeaderList = length === undefined ? [] : [['content-length', String(length)]];
    const fields = [...headerList(response.headers), ...said];
    return { head: { status: response.status, headers: fields }, body: response.body, abort };
  };
  const outside = async (question: Question): Promise<Incoming> => {
    // Where its budget is spent, clients are sent there without us, and so is the visitor.
    if (!isOwn && session.spending?.upstreamExcess(place.route.upstream))
      throw new TransportError('unknown', OVERSPENT);
    countOne(session);
    const meter = session.spending?.meter(place.route.upstream);
    meter?.request();
    const incoming = await send({ forward: forwardTo(question, place), timeouts: context.config.timeouts });
    return { ...incoming, onBytes: meter?.received };
  };
  return {
    async ask(question) {
      const { method, url } = question;
      const begun = performance.now();
      const isInside = isSameOrigin(url, { ...place.origin, path: '', query: '' });
      const hops: UpstreamHop[] = [];
      const more = isInside ? { hops } : {};
      try {
        if (signal?.aborted) throw new TransportError('timeout', 'no time left');
        const incoming = await (isInside ? inside(question, hops) : outside(question));
        const wait = performance.now() - begun;
        const body = await readStart(incoming, question, context.config.timeouts.stall);
        return { method, url, wait, at: Date.now(), ...incoming.head, ...body, ...more };
      } catch (error) {
        const nothing = { headers: [], received: 0, duration: 0, ending: 'cut', start: new Uint8Array() } as const;
        const wait = performance.now() - begun;
        return { method, url, wait, at: Date.now(), failure: failureOf(error), ...nothing, ...more };
      }
    },
  };
}

type BodySeen = Pick<Seen, 'received' | 'duration' | 'ending' | 'start' | 'digest'>;

async function readStart(incoming: Incoming, { take, keep, hash }: Question, stall: number): Promise<BodySeen> {
  const begun = performance.now();
  const chunks: Uint8Array[] = [];
  let received = 0;
  let ending: Seen['ending'] = 'whole';
  try {
    for await (const chunk of readBody(incoming, stall)) {
      chunks.push(chunk.slice());
      received += chunk.length;
      if (received > take) {
        ending = 'enough';
        break;
      }
    }
  } catch {
    ending = 'cut';
  }
  const bytes = joined(chunks, received);
  const algorithm = HASHES[hash ?? ''];
  const isHashed = ending === 'whole' && algorithm !== undefined;
  const digest = isHashed
    ? { digest: `${hash}:${hexOf(await crypto.subtle.digest(algorithm, bytes as Uint8Array<ArrayBuffer>))}` }
    : {};
  return { received, duration: performance.now() - begun, ending, start: bytes.subarray(0, keep), ...digest };
}

function hexOf(buffer: ArrayBuffer): string {
  return [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** What a redirect leads to is asked as the proxy asks it. */
function forwardTo({ method, url, headers }: Question, { route }: Place): Forward {
  const { reach, connection } = route.upstream;
  const fields = requestHeaders(headers, 'registry-proxy');
  return { verb: 'forward', method, url, headers: fields, body: 'none', reach, connection, purpose: 'hop' };
}
