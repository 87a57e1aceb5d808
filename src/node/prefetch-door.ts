import { isEmptyLogin } from '../core/basic';
import { answerError, RegistryError } from '../core/errors';
import { headerOf } from '../core/headers';
import { checkPrefetchEntry, checkPrefetcher } from '../core/prefetch-entrance';
import type { Origin } from '../core/setting-values';
import type { Answer } from '../core/verbs';
import type { Session } from './session';

/**
 * Lets in who may ask for a prefetch. Apart from what is loaded for one, so that the rules it goes by are not held up at every
 * start by being loaded late.
 * @returns the URL by which the caller knows us, or the answer to somebody who may not
 */
export async function admitPrefetch(session: Session): Promise<Origin | Answer> {
  const { head, context } = session;
  const refused = context.guard.admit(head, context.config);
  if (refused) return refused;
  try {
    const place = checkPrefetchEntry(head, context.config);
    const authorization = headerOf(head.headers, 'authorization');
    const isLogin = authorization !== undefined && !isEmptyLogin(authorization);
    const identity = isLogin ? await context.users?.identify(authorization) : undefined;
    checkPrefetcher(identity ?? { kind: 'anonymous' }, place);
    return place.origin;
  } catch (error) {
    if (error instanceof RegistryError) return answerError(error);
    throw error;
  }
}
