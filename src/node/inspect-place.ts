import type { InspectPlace } from '../shell/inspect-image';
import { openInsideDoor } from './inside-door';
import type { Session } from './session';

/** What the visitor of this request looks at images out of. */
export function inspectPlace(session: Session): InspectPlace {
  const { head, context, signal } = session;
  const { config, memory } = context;
  return {
    config,
    memory,
    head,
    open: (place, ending) => openInsideDoor({ session, context, place, signal: AbortSignal.any([signal, ending]) }),
  };
}
