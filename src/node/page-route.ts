import { answerPage } from '../pages/page';
import { openPage } from '../pages/page-place';
import type { PageTarget } from '../pages/page-target';
import { inspectPlace } from './inspect-place';
import { answer } from './proxy';
import type { Session } from './session';

/** The landing page of a process. */
export async function servePage(session: Session, target: PageTarget): Promise<void> {
  const { head, context } = session;
  const { guard, users } = context;
  const place = openPage({ ...inspectPlace(session), guard, sources: context, ...(users && { users }) });
  return answer(session, await answerPage(head, target, place));
}
