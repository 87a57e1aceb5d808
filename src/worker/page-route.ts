import type { Answer } from '../core/verbs';
import { answerPage } from '../pages/page';
import { openPage } from '../pages/page-place';
import type { PageTarget } from '../pages/page-target';
import { inspectPlace } from './inspect-place';
import type { Session } from './session';

/** The landing page of an isolate. */
export async function servePage(session: Session, target: PageTarget): Promise<Answer> {
  const { head, context } = session;
  const { guard, users } = context;
  const place = openPage({ ...inspectPlace(session), guard, sources: context, ...(users && { users }) });
  return answerPage(head, target, place);
}
