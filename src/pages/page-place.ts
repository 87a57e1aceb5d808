import { guidesFor } from '../core/inspect/guides';
import { pageState, type StateSources } from '../core/inspect/state';
import { originOfRequest } from '../core/origin';
import type { Origin } from '../core/setting-values';
import type { Guard } from '../shell/guard';
import { type InspectPlace, inspectImage } from '../shell/inspect-image';
import { searchHits } from '../shell/search-page';
import type { Users } from '../shell/users';
import type { PagePlace } from './page';

/** What a page needs of the request that it answers, beside what images are looked at out of. */
export interface PageSession extends InspectPlace {
  readonly guard: Guard;
  /** What the instance knows of itself. */
  readonly sources: StateSources;
  /** Present where somebody can log in. */
  readonly users?: Users;
}

/** A page asks this very instance, as a client of it: whoever looks sees what they could pull. */
export function openPage(session: PageSession): PagePlace {
  const { config, head, guard, users, sources } = session;
  // Without a usable host nothing of it is called.
  const origin = originOfRequest(head, config) as Origin;
  return {
    config,
    now: Date.now(),
    admit: () => guard.admit(head, config),
    identify: async (authorization) => users?.identify(authorization) ?? { kind: 'anonymous' },
    inspect: (image) => inspectImage(image, session),
    search: (term) => searchHits(term, session),
    state: () => pageState(sources),
    guides: (image, showsRegistries) => guidesFor(image, { config, origin, showsRegistries }),
  };
}
