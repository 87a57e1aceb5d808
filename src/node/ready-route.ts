import { answerReadiness } from '../shell/readiness';
import { discard } from './discard';
import { failureOf } from './failures';
import { answer } from './proxy';
import type { Session } from './session';

/** `GET /-/readyz` of a process. */
export async function serveReady(session: Session): Promise<void> {
  const { head, record, context } = session;
  const { config, log, transport, tryStore } = context;
  record.route = 'own';
  const ready = await answerReadiness(head, {
    config,
    log,
    tryStore,
    sharesWork: true,
    // Others may wait for it: nobody's leaving ends it.
    ask: async (ping) => {
      const response = await transport.fetch(ping, new AbortController().signal);
      discard(response);
      return response.statusCode ?? 0;
    },
    whyNot: (error) => failureOf(error).message,
  });
  if (!session.signal.aborted) answer(session, ready);
}
