import type { Resumption } from '../core/resume';
import type { Forward, GiveUp, ResumeVerb } from '../core/verbs';
import type { Carrier } from './carrier';
import type { ErrandRecord } from './record';

/** A response that goes on where a body broke off, after `skip` bytes that are here already. */
export interface Continuation<Response> {
  readonly verb: 'continue';
  readonly response: Response;
  readonly skip: number;
}

export interface Asking<Response> {
  readonly carrier: Carrier<Response>;
  readonly record: ErrandRecord;
  /** Aborted when nobody wants the body any more. */
  readonly signal: AbortSignal;
  readonly resumption: Resumption;
  /** Bytes that are here already. */
  readonly received: number;
  /** What the resumption says first; by default, that the body was cut. */
  readonly first?: ResumeVerb;
}

/**
 * Carries out the verbs of a resumption.
 * @returns what goes on behind the bytes that are here, unread; else the reason, which is in the record, too
 */
export async function continueBody<Response>(asking: Asking<Response>): Promise<Continuation<Response> | GiveUp> {
  const { carrier, record, signal, resumption, received } = asking;
  let response: Response | undefined;
  const drop = () => {
    if (response) carrier.discard(response);
    response = undefined;
  };
  let verb: ResumeVerb = asking.first ?? resumption.onCut(received);
  while (!signal.aborted) {
    switch (verb.verb) {
      case 'splice':
        return { verb: 'continue', response: response as Response, skip: verb.skip };
      case 'give-up':
        record.why = verb.why;
        drop();
        if (verb.final) return verb;
        verb = resumption.onCut(received);
        break;
      case 'authorize':
        drop();
        verb = resumption.onToken(await carrier.fetchToken(verb));
        break;
      case 'forward': {
        drop();
        const sent: Forward = verb;
        try {
          response = await carrier.send(sent);
          verb = resumption.onResponse(sent, carrier.headOf(response));
        } catch (error) {
          verb = resumption.onFailure(carrier.failureOf(error));
        }
        break;
      }
    }
  }
  drop();
  return { verb: 'give-up', why: 'nobody waits for it any more', final: true };
}
