import { answerError, RegistryError } from '../core/errors';
import { headerOf } from '../core/headers';
import type { Answer } from '../core/verbs';
import { checkAdministrator } from './admin-entrance';
import { API, type ApiPlace, type ApiRequest } from './api-place';
import { Attempts } from './attempts';
import { answerJson, etagOf, faultsOf, fieldsOf, shownRow, unknownRow } from './row-answers';
import { deleteRow, putRow } from './row-changes';
import { MAX_ROW } from './row-store';
import { verdictOn } from './row-verdict';

/** Whether a request target is one of these. */
export function isApiTarget(target: string): boolean {
  return /^\/-\/api\/registries([/?]|$)/.test(target);
}

/** `/-/api/registries`: lists rows and changes them, one at a time. */
export class RegistriesApi {
  readonly #attempts: Attempts;

  /** @param attempts of those who show a token, counted with whatever else takes it */
  constructor(attempts = new Attempts()) {
    this.#attempts = attempts;
  }

  async serve(request: ApiRequest, place: ApiPlace): Promise<Answer> {
    try {
      return { ...(await this.#serve(request, place)), sameOrigin: true };
    } catch (error) {
      if (error instanceof RegistryError) return { ...answerError(error), sameOrigin: true };
      throw error;
    }
  }

  async #serve(request: ApiRequest, place: ApiPlace): Promise<Answer> {
    const { head } = request;
    checkAdministrator(head, place.token, place.config, this.#attempts);
    const key = keyOf(head.target);
    const allowed = key === undefined ? ['GET', 'HEAD'] : ['GET', 'HEAD', 'PUT', 'DELETE'];
    if (!allowed.includes(head.method)) {
      const allow = [['allow', allowed.join(', ')]] as const;
      throw new RegistryError(405, 'UNSUPPORTED', `${head.method} is not supported here`, { allowed }, allow);
    }
    if (key === undefined) return list(place);
    switch (head.method) {
      case 'PUT': {
        const sent = await readRow(request, key);
        return place.store.alone(() => putRow(key, sent, request, place));
      }
      case 'DELETE':
        return place.store.alone(() => deleteRow(key, request, place));
      default:
        return show(key, place);
    }
  }
}

/** @returns undefined for all of them */
function keyOf(target: string): string | undefined {
  const path = target.replace(/\?.*/s, '');
  if (path === API) return undefined;
  const rest = path.slice(API.length + 1);
  try {
    const key = decodeURIComponent(rest);
    if (rest !== '' && !rest.includes('/')) return key;
  } catch {
    // Not percent-encoded, and so no key.
  }
  throw new RegistryError(404, 'NAME_UNKNOWN', 'nothing here: expected /-/api/registries/{key}');
}

/** @throws RegistryError 400, 408, 413, 415 */
async function readRow({ head, readBody }: ApiRequest, key: string): Promise<Readonly<Record<string, unknown>>> {
  const [type] = (headerOf(head.headers, 'content-type') ?? '').split(';');
  if (type.trim().toLowerCase() !== 'application/json') {
    throw new RegistryError(415, 'UNSUPPORTED', 'expected Content-Type: application/json');
  }
  const fields = fieldsOf(await readBody(MAX_ROW));
  if (!fields) throw new RegistryError(400, 'UNSUPPORTED', 'expected a JSON object such as {"targetDomain":"ghcr.io"}');
  // What was read may be sent back as it was shown.
  const { key: named = key, status: _, ...row } = fields;
  if (named !== key) throw new RegistryError(400, 'UNSUPPORTED', 'the row has another key than the path');
  return row;
}

async function list(place: ApiPlace): Promise<Answer> {
  const rows = await place.store.list();
  const { faults, states, names } = verdictOn(rows, place);
  const registries = rows.map((row) => shownRow(row, faultsOf(row.key, states)));
  return answerJson(200, { registries, others: names, ...(faults.length > 0 && { faults }) });
}

async function show(key: string, place: ApiPlace): Promise<Answer> {
  const rows = await place.store.list();
  const row = rows.find((each) => each.key === key);
  if (!row) throw unknownRow(key);
  return answerJson(200, shownRow(row, faultsOf(key, verdictOn(rows, place).states)), [['etag', etagOf(row.text)]]);
}
