import { RegistryError } from '../core/errors';
import { clientAddress } from '../core/origin';
import { restoreSecrets } from '../core/row-secrets';
import type { Answer } from '../core/verbs';
import { API, type ApiPlace, type ApiRequest } from './api-place';
import {
  answerJson,
  answerNothing,
  changed,
  checkConditions,
  etagOf,
  fieldsOf,
  shownRow,
  unknownRow,
} from './row-answers';
import { MAX_ROWS } from './row-store';
import { brought, verdictOn } from './row-verdict';

/**
 * Puts a row in its place, where nothing is wrong with it, and with all the rest beside it.
 * @throws RegistryError 412, 422 with every fault
 */
export async function putRow(
  key: string,
  sent: Readonly<Record<string, unknown>>,
  request: ApiRequest,
  place: ApiPlace,
): Promise<Answer> {
  const { store, onChange } = place;
  const rows = await store.list();
  const before = rows.find((each) => each.key === key);
  checkConditions(request.head, before?.text);
  const old = before && fieldsOf(before.text);
  const faults: string[] = [];
  const fields = restoreSecrets(sent, old, `row ${JSON.stringify(key)}`, faults);
  const row = { key, text: JSON.stringify(fields) };
  const others = rows.filter((each) => each.key !== key);
  if (!before && others.length >= MAX_ROWS) faults.push(`there are ${MAX_ROWS} rows, and no more are taken`);
  // A secret that is lacking would be told twice.
  if (faults.length === 0) {
    faults.push(...brought(key, verdictOn(rows, place), verdictOn([...others, row], place)));
  }
  if (faults.length > 0) throw refused(faults);
  if (row.text !== before?.text) {
    if (!(await store.put(row, before?.text))) throw changed();
    audit(before ? 'changed' : 'created', key, changedKeys(old ?? {}, fields), request, place);
    await onChange();
  }
  const headers = [['etag', etagOf(row.text)] as const];
  const location = [['location', `${API}/${encodeURIComponent(key)}`] as const];
  return answerJson(before ? 200 : 201, shownRow(row, []), before ? headers : [...headers, ...location]);
}

/**
 * @throws RegistryError 404, 412, 422 where the rest cannot do without it
 */
export async function deleteRow(key: string, request: ApiRequest, place: ApiPlace): Promise<Answer> {
  const { store, onChange } = place;
  const rows = await store.list();
  const before = rows.find((each) => each.key === key);
  checkConditions(request.head, before?.text);
  if (!before) throw unknownRow(key);
  const others = rows.filter((each) => each.key !== key);
  const faults = brought(key, verdictOn(rows, place), verdictOn(others, place));
  if (faults.length > 0) throw refused(faults);
  if (!(await store.delete(before))) throw changed();
  audit('deleted', key, changedKeys(fieldsOf(before.text) ?? {}, {}), request, place);
  await onChange();
  return answerNothing();
}

function refused(faults: readonly string[]): RegistryError {
  return new RegistryError(422, 'UNSUPPORTED', faults.join('; ').slice(0, 1000), { faults });
}

function changedKeys(one: Readonly<Record<string, unknown>>, other: Readonly<Record<string, unknown>>): string[] {
  const keys = [...new Set([...Object.keys(one), ...Object.keys(other)])];
  return keys.filter((key) => JSON.stringify(one[key]) !== JSON.stringify(other[key]));
}

/** Who has changed what, without what it holds. */
function audit(what: string, key: string, keys: readonly string[], { head, id }: ApiRequest, place: ApiPlace): void {
  const client = clientAddress(head, place.config.trustProxy);
  place.log.info('registries changed', {
    what,
    key: key.slice(0, 255),
    keys: keys.join(' ').slice(0, 500),
    client,
    id,
  });
}
