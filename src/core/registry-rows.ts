import { DocumentFields, isRecord, type Surroundings } from './document-fields';
import type { Env } from './given';
import { registryName } from './registries';
import { parseNameOrWildcard } from './registries-setting';
import { parseLabel, type RegistryEntry, readAddress, readEntry } from './registry-entry';
import { hostOf } from './url';

/** A registry as a key-value store holds it, and as `rows` of a document does. */
export interface Row {
  /** The first label of the host names that stand for it, or the registry's name where it has a dot. */
  readonly key: string;
  /** JSON. */
  readonly text: string;
}

/** What has become of a row. */
export interface RowState {
  readonly key: string;
  /** The registry that it is of; undefined where that cannot be told. */
  readonly name?: string;
  /** Why it is left out; empty for one that is served. */
  readonly faults: readonly string[];
}

/** Variables that a row may name in `${…}`: whoever may write rows is not shown everything there is, by a registry of their own. */
export const ROW_VARIABLE = /^ROW_/;

/** Rows name no files, for the same reason. */
export function rowSurroundings(env: Env): Surroundings {
  return {
    env: Object.fromEntries(Object.entries(env).filter(([name]) => ROW_VARIABLE.test(name))),
    readFile: () => {
      throw new Error('a row names no files: put the content into the row, or into REGISTRIES');
    },
  };
}

/** The rows of a document, `{ "rows": { key: row } }`. */
export function rowsOfDocument(document: unknown): Row[] {
  const rows = isRecord(document) && isRecord(document.rows) ? document.rows : {};
  return Object.entries(rows).map(([key, value]) => ({ key, text: JSON.stringify(value) }));
}

/**
 * Reads one row: the keys of a document's entry, or `{"targetDomain": "ghcr.io", "authEndpoint": "https://ghcr.io/token"}`.
 * @param faults gets what is wrong, with the name of the row
 */
export function readRow({ key, text }: Row, around: Surroundings, faults: string[]): RegistryEntry | undefined {
  const at = `row ${isRowKey(key) ? key : JSON.stringify(key).slice(0, 80)}`;
  const before = faults.length;
  if (!isRowKey(key)) {
    faults.push(`${at}: expected the first label of a host name, in lower case, or the name of a registry`);
  }
  const record = parseRecord(text);
  if (!record) {
    faults.push(`${at}: expected a JSON object such as {"targetDomain":"ghcr.io"}`);
    return undefined;
  }
  const label = isLabel(key) ? key : undefined;
  const name = nameOf(key, new DocumentFields(at, record, around, []));
  if (name === undefined && !['name', 'url', 'targetDomain'].some((each) => Object.hasOwn(record, each))) {
    faults.push(`${at}.targetDomain: is missing: the host of the registry`);
  }
  const fields = new DocumentFields(at, record, around, faults);
  fields.take('name', 'the name of a registry', parseNameOrWildcard);
  if (label !== undefined && fields.has('label')) fields.fault('label', 'is the key of the row: take it out');
  const entry = readEntry(name ?? 'invalid', fields, around);
  const labelled = label === undefined ? entry : { ...entry, label };
  return faults.length > before || name === undefined ? undefined : { ...labelled, row: key };
}

export function isRowKey(key: string): boolean {
  return isLabel(key) || (/[.:]/.test(key) && parseNameOrWildcard(key) === key);
}

function isLabel(text: string): boolean {
  return parseLabel(text) !== undefined;
}

/** What clients call it by `?ns=` and in paths: what the row says, else the key where that is a name, else its host. */
function nameOf(key: string, fields: DocumentFields): string | undefined {
  if (fields.has('name')) return fields.take('name', '', parseNameOrWildcard);
  if (!isLabel(key)) return parseNameOrWildcard(key);
  const url = readAddress(fields);
  return url && registryName(hostOf(url));
}

function parseRecord(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
