import type { Admin } from '../core/admin';
import type { Config } from '../core/config';
import { RegistryError } from '../core/errors';
import type { Row } from '../core/registry-rows';
import type { Answer } from '../core/verbs';
import { RegistriesApi } from '../shell/registries-api';
import type { RowStore } from '../shell/row-store';
import { readSmallBody } from './incoming';
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
  readonly #api = new RegistriesApi();

  async serve(session: Session, { token }: Admin, { store, read }: Administration): Promise<Answer> {
    const { head, context, record } = session;
    const { config, guard, log } = context;
    record.route = 'own';
    const refused = guard.admit(head, config);
    if (refused) return refused;
    const request = { head, id: record.id, readBody: (limit: number) => readText(session, limit) };
    // The next request begins with the rows as they are then.
    const onChange = async () => {};
    return this.#api.serve(request, { config, token, store, read, onChange, log });
  }
}

/** @throws RegistryError 408, 413 */
async function readText({ request, head }: Session, limit: number): Promise<string> {
  const incoming = { head: { status: 200, headers: head.headers }, body: request.body, abort: () => {} };
  const body = await readSmallBody(incoming, limit, REQUEST_TIMEOUT).catch(() => undefined);
  if (!body) throw new RegistryError(408, 'UNKNOWN', 'the request body did not come in time');
  if (!body.rest) return new TextDecoder().decode(body.bytes);
  await body.rest.return(undefined);
  throw new RegistryError(413, 'SIZE_INVALID', `the request body is larger than ${limit} bytes`);
}
