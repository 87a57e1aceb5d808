import { isRecord } from '../core/document-fields';
import { RegistryError } from '../core/errors';
import { type HeaderList, headersOf } from '../core/headers';
import type { Row, RowState } from '../core/registry-rows';
import { maskRow } from '../core/row-secrets';
import type { Answer, RequestHead } from '../core/verbs';
import { toBase64Url } from './base64url';
import { sha256Of } from './digests';

/** A row as it is shown: what it says without its secrets, and what has become of it. */
export function shownRow({ key, text }: Row, faults: readonly string[]): object {
  return { key, ...maskRow(fieldsOf(text) ?? {}), status: faults.length === 0 ? 'ok' : faults };
}

export function faultsOf(key: string, states: readonly RowState[]): readonly string[] {
  return states.find((state) => state.key === key)?.faults ?? [];
}

/** Undefined for what is no row at all. */
export function fieldsOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Strong, since another text is another row (RFC 9110 section 8.8.3). */
export function etagOf(text: string): string {
  return `"${toBase64Url(sha256Of(text).subarray(0, 18))}"`;
}

export function answerJson(status: number, value: object, headers: HeaderList = []): Answer {
  return {
    verb: 'answer',
    status,
    headers: [['content-type', 'application/json'], ...NOT_STORED, ...headers],
    body: `${JSON.stringify(value)}\n`,
  };
}

export function answerNothing(headers: HeaderList = []): Answer {
  return { verb: 'answer', status: 204, headers: [...NOT_STORED, ...headers], body: null };
}

const NOT_STORED: HeaderList = [
  ['cache-control', 'no-store'],
  ['x-content-type-options', 'nosniff'],
];

/**
 * Two who change a row lose nothing of each other's, where they say what they have seen (RFC 9110 sections 13.1.1, 13.1.2).
 * @throws RegistryError 412
 */
export function checkConditions({ headers }: RequestHead, text: string | undefined): void {
  const listed = (name: string) => headersOf(headers, name).flatMap((value) => value.split(/\s*,\s*/).filter(Boolean));
  const matches = (tag: string) => text !== undefined && (tag === '*' || tag === etagOf(text));
  const wanted = listed('if-match');
  if (wanted.length > 0 && !wanted.some(matches)) throw changed();
  if (listed('if-none-match').some(matches)) throw changed();
}

export function changed(): RegistryError {
  return new RegistryError(412, 'UNSUPPORTED', 'the row is not what was said to be there: read it again');
}

export function unknownRow(key: string): RegistryError {
  return new RegistryError(404, 'NAME_UNKNOWN', 'there is no such row', { key: key.slice(0, 255) });
}
