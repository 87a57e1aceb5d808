import type { Await, Copied } from '../core/cache-verbs';
import type { Content } from './content';

/**
 * Waits for copies on behalf of one request, for as long in all as it may wait for one: where whoever copied has ended, and the copy is
 * begun anew, what stands between client and proxy has not become more patient.
 * @param signal aborted when the client is gone
 */
export function copyWait(content: () => Content, signal: AbortSignal): (verb: Await) => Promise<Copied> {
  let waited = 0;
  return async ({ digest, within }) => {
    const since = performance.now();
    const copied = await content().stored(digest, Math.max(0, within - waited), signal);
    waited += performance.now() - since;
    return copied;
  };
}
