import type { Admin } from '../core/admin';
import type { Config } from '../core/config';
import type { Row } from '../core/registry-rows';
import type { Answer } from '../core/verbs';
import { attemptsOf } from '../shell/admin-entrance';
import { RegistriesApi } from '../shell/registries-api';
import type { RowStore } from '../shell/row-store';
import { readClientText } from './client-text';
import type { Session } from './session';

/** Milliseconds for the body of a request. */
const REQUEST_TIMEOUT = 10_000;

/** What of an isolate the API works on. */
export interface Administration {
  readonly store: RowStore;
  /** @throws ConfigError */
  readonly read: (rows: readonly Row[]) => Config;
}

/** `/-/api/registries` of an isolate: rows in a KV namespace. */
export class RegistriesRoute {
  #api: RegistriesApi | undefined;

  async serve(session: Session, { token }: Admin, { store, read }: Administration): Promise<Answer> {
    const { head, context, record } = session;
    const { config, guard, log } = context;
    record.route = 'own';
    const refused = guard.admit(head, config);
    if (refused) return refused;
    const request = {
      head,
      id: record.id,
      readBody: (limit: number) => readClientText(session, limit, REQUEST_TIMEOUT),
    };
    // The next request begins with the rows as they are then.
    const onChange = async () => {};
    this.#api ??= new RegistriesApi(attemptsOf(guard));
    return this.#api.serve(request, { config, token, store, read, onChange, log });
  }
}
