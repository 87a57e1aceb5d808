import type { Config } from '../core/config';
import type { Row } from '../core/registry-rows';
import type { RequestHead } from '../core/verbs';
import type { Log } from './log';
import type { RowStore } from './row-store';

/** Path of the API of registries. */
export const API = '/-/api/registries';

export interface ApiRequest {
  readonly head: RequestHead;
  /** By which it is known in the log. */
  readonly id: string;
  /**
   * The body as text.
   * @param limit bytes
   * @throws RegistryError 408, 413
   */
  readonly readBody: (limit: number) => Promise<string>;
}

/** What the API works on, at the time of a request. */
export interface ApiPlace {
  readonly config: Config;
  readonly token: string;
  readonly store: RowStore;
  /**
   * The whole configuration as it would be with these rows.
   * @throws ConfigError
   */
  readonly read: (rows: readonly Row[]) => Pick<Config, 'rows' | 'upstreams'>;
  /** The rows have changed: what is served follows, before the change is answered. */
  readonly onChange: () => Promise<void>;
  readonly log: Log;
}
