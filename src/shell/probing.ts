import type { PublicProbe } from '../core/public-probe';
import type { ResponseVerb } from '../core/verbs';
import type { Carrier } from './carrier';

/** Verbs that one probe may take; a chain of redirects and a token are some eight. */
const MAX_STEPS = 30;

/** The status that a registry answers to nobody in particular; undefined where it could not be asked. */
export async function probe<Response>(carrier: Carrier<Response>, asked: PublicProbe): Promise<number | undefined> {
  const startedAt = performance.now();
  let verb: ResponseVerb | undefined = asked.begin();
  for (let step = 0; verb && step < MAX_STEPS; step += 1) {
    switch (verb.verb) {
      case 'relay':
        return verb.status;
      case 'authorize': {
        const document = await carrier.fetchToken(verb);
        verb = asked.onToken(document);
        if (!verb) return document === '' ? 401 : undefined;
        break;
      }
      case 'forward': {
        const sent = verb;
        const elapsed = () => performance.now() - startedAt;
        try {
          const response = await carrier.send(sent);
          carrier.discard(response);
          verb = asked.onResponse(sent, carrier.headOf(response), elapsed());
        } catch (error) {
          verb = asked.onFailure(sent, carrier.failureOf(error), elapsed());
        }
        break;
      }
      default:
        return undefined;
    }
  }
  return undefined;
}
