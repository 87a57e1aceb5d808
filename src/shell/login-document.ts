import type { Log } from './log';
import type { TokenStore } from './token-store';

export interface LoginAsking {
  readonly tokens: TokenStore;
  readonly key: string;
  /** @throws Error with words fit for a log */
  readonly fetch: () => Promise<string>;
  readonly log: Log;
  /** By which the request is known in the log. */
  readonly id: string;
}

/** Whether a login from a registry's cloud is at hand; one that cannot be had is told in the log alone. */
export async function obtainLoginDocument({ tokens, key, fetch, log, id }: LoginAsking): Promise<boolean> {
  const document = await tokens.obtain(key, undefined, () =>
    fetch().catch((error: Error) => {
      log.warn('no login from the cloud', { id, why: error.message });
      return undefined;
    }),
  );
  return document !== undefined;
}
