import { attemptsOf } from '../shell/admin-entrance';
import { explain } from '../shell/explain-api';
import { Guard } from '../shell/guard';
import { openInsideDoor } from './inside-door';
import { answer } from './proxy';
import type { Session } from './session';

/** `GET /-/explain` of a process. */
export async function serveExplain(session: Session): Promise<void> {
  const { head, record, context } = session;
  const { config, guard, log, memory, content } = context;
  const refused = guard.admit(head, config);
  if (refused) return answer(session, refused);
  return answer(
    session,
    await explain(head, record.id, {
      config,
      memory,
      attempts: attemptsOf(guard),
      log,
      find: async (verb) => content?.find(verb, () => {}) ?? { now: Date.now(), documents: {} },
      open: (open, place) =>
        openInsideDoor({ session, context: { ...context, config: open, guard: new Guard() }, place }),
    }),
  );
}
