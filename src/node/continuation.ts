import type { IncomingMessage } from 'node:http';
import type { Resumption } from '../core/resume';
import type { Forward, GiveUp, ResumeVerb } from '../core/verbs';
import { discard } from './discard';
import { type Errand, fetchToken } from './errand';
import { failureOf } from './failures';
import { responseHead } from './heads';

/** A response that goes on where a body broke off, after `skip` bytes that are here already. */
export interface Continuation {
  readonly verb: 'continue';
  readonly response: IncomingMessage;
  readonly skip: number;
}

export interface Asking {
  readonly errand: Errand;
  readonly resumption: Resumption;
  /** Bytes that are here already. */
  readonly received: number;
  /** What the resumption says first; by default, that the body was cut. */
  readonly first?: ResumeVerb;
  /** Sends a request of this errand. */
  readonly send: (forward: Forward) => Promise<IncomingMessage>;
}

/**
 * Carries out the verbs of a resumption.
 * @returns what goes on behind the bytes that are here, paused; else the reason, which is in the record, too
 */
export async function continueBody(asking: Asking): Promise<Continuation | GiveUp> {
  const { errand, resumption, received, send } = asking;
  const { record, signal } = errand;
  let response: IncomingMessage | undefined;
  const drop = () => {
    if (response) discard(response);
    response = undefined;
  };
  let verb: ResumeVerb = asking.first ?? resumption.onCut(received);
  while (!signal.aborted) {
    switch (verb.verb) {
      case 'splice':
        return { verb: 'continue', response: response as IncomingMessage, skip: verb.skip };
      case 'give-up':
        record.why = verb.why;
        drop();
        if (verb.final) return verb;
        verb = resumption.onCut(received);
        break;
      case 'authorize':
        drop();
        verb = resumption.onToken(await fetchToken(errand, verb));
        break;
      case 'forward': {
        drop();
        const sent: Forward = verb;
        try {
          response = await send(sent);
          verb = resumption.onResponse(sent, responseHead(response));
        } catch (error) {
          verb = resumption.onFailure(failureOf(error));
        }
        break;
      }
    }
  }
  drop();
  return { verb: 'give-up', why: 'nobody waits for it any more', final: true };
}
