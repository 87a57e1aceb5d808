import type { IncomingMessage } from 'node:http';
import type { Resumption } from '../core/resume';
import type { Forward, ResumeVerb } from '../core/verbs';
import { discard } from './discard';
import { type Errand, fetchToken } from './errand';
import { failureOf } from './failures';
import { responseHead } from './heads';

/** A response that goes on where a body broke off, after `skip` bytes that are here already. */
export interface Continuation {
  readonly response: IncomingMessage;
  readonly skip: number;
}

/**
 * Carries out the verbs of a resumption: what continues the body after `received` bytes, paused; undefined where there is
 * none to be had, and `errand.record.why` says why.
 * @param send sends a request of this errand
 */
export async function continueBody(
  errand: Errand,
  resumption: Resumption,
  received: number,
  send: (forward: Forward) => Promise<IncomingMessage>,
): Promise<Continuation | undefined> {
  const { record, signal } = errand;
  let response: IncomingMessage | undefined;
  const drop = () => {
    if (response) discard(response);
    response = undefined;
  };
  let verb: ResumeVerb = resumption.onCut(received);
  while (!signal.aborted) {
    switch (verb.verb) {
      case 'splice':
        record.resumed += 1;
        return response && { response, skip: verb.skip };
      case 'give-up':
        record.why = verb.why;
        drop();
        if (verb.final) return undefined;
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
  return undefined;
}
