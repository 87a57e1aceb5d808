import type { PublicProbe } from '../core/public-probe';
import type { ResponseVerb } from '../core/verbs';
import { discard } from './discard';
import { type Errand, fetchToken, sendErrand } from './errand';
import { failureOf } from './failures';
import { responseHead } from './heads';

/** Verbs that one probe may take; a chain of redirects and a token are some eight. */
const MAX_STEPS = 30;

/** The status that a registry answers to nobody in particular; undefined where it could not be asked. */
export async function probe(errand: Errand, asked: PublicProbe): Promise<number | undefined> {
  const startedAt = performance.now();
  let verb: ResponseVerb | undefined = asked.begin();
  for (let step = 0; verb && step < MAX_STEPS; step += 1) {
    switch (verb.verb) {
      case 'relay':
        return verb.status;
      case 'authorize': {
        const document = await fetchToken(errand, verb);
        verb = asked.onToken(document);
        if (!verb) return document === '' ? 401 : undefined;
        break;
      }
      case 'forward': {
        const sent = verb;
        const elapsed = () => performance.now() - startedAt;
        try {
          const response = await sendErrand(errand, sent);
          discard(response);
          verb = asked.onResponse(sent, responseHead(response), elapsed());
        } catch (error) {
          verb = asked.onFailure(sent, failureOf(error), elapsed());
        }
        break;
      }
      default:
        return undefined;
    }
  }
  return undefined;
}
