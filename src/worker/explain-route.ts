import type { Answer } from '../core/verbs';
import { attemptsOf } from '../shell/admin-entrance';
import { explain } from '../shell/explain-api';
import { Guard } from '../shell/guard';
import { openInsideDoor } from './inside-door';
import type { Session } from './session';

/** `GET /-/explain` of an isolate. */
export async function serveExplain(session: Session): Promise<Answer> {
  const { head, context, record } = session;
  const { config, guard, log, memory, content } = context;
  record.route = 'own';
  const refused = guard.admit(head, config);
  if (refused) return refused;
  return explain(head, record.id, {
    config,
    memory,
    attempts: attemptsOf(guard),
    log,
    find: async (verb) => content?.find(verb) ?? { now: Date.now(), documents: {} },
    open: (open, place) =>
      openInsideDoor({ session, context: { ...context, config: open, guard: new Guard() }, place }),
  });
}
