import type { InspectPlace } from '../shell/inspect-image';
import { openInsideDoor } from './inside-door';
import type { Session } from './session';

/** What the visitor of this request looks at images out of. */
export function inspectPlace(session: Session): InspectPlace {
  const { head, context } = session;
  const { config, memory } = context;
  return { config, memory, head, open: (place, signal) => openInsideDoor({ session, context, place, signal }) };
}
