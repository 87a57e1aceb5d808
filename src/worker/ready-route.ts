import type { Answer } from '../core/verbs';
import { answerReadiness } from '../shell/readiness';
import { discard, failureOf } from './incoming';
import type { Session } from './session';
import { send } from './transport';

/** `GET /-/readyz` of an isolate, in which no request may wait for what another one asks. */
export async function serveReady({ head, record, context }: Session): Promise<Answer> {
  const { config, log, tryStore } = context;
  record.route = 'own';
  return answerReadiness(head, {
    config,
    log,
    tryStore,
    sharesWork: false,
    ask: async (ping) => {
      const incoming = await send({ forward: ping, timeouts: config.timeouts });
      discard(incoming);
      return incoming.head.status;
    },
    whyNot: (error) => failureOf(error).message,
  });
}
