import { nearest } from './nearest';

/** An object of a JSON or YAML file that somebody wrote. */
export type Document = Readonly<Record<string, unknown>>;

export function isDocument(value: unknown): value is Document {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The text under a key; undefined where there is none. A number is refused and not printed: YAML has already dropped the
 * leading zero of a password.
 */
export function textIn(document: Document, key: string, faults: string[]): string | undefined {
  const value = document[key] ?? '';
  if (typeof value === 'string') return value.trim() === '' ? undefined : value.trim();
  faults.push(`${key}: expected text; put it in quotes`);
  return undefined;
}

/** The text under a key that must be there; empty, with a fault, where it is not. */
export function requiredText(document: Document, key: string, faults: string[]): string {
  const before = faults.length;
  const text = textIn(document, key, faults);
  if (text === undefined && faults.length === before) faults.push(`${key}: is missing`);
  return text ?? '';
}

export function booleanIn(document: Document, key: string, faults: string[]): boolean {
  const value = document[key] ?? false;
  if (typeof value !== 'boolean') faults.push(`${key}: expected true or false`);
  return value === true;
}

/** Keys that mean nothing: a misspelt one must not pass for a setting that was left out. */
export function refuseOtherKeys(document: Document, known: readonly string[], faults: string[]): void {
  for (const key of Object.keys(document).filter((each) => !known.includes(each))) {
    const near = nearest(key, known);
    faults.push(`${key.slice(0, 64)}: unknown key${near === undefined ? '' : `; did you mean ${near}?`}`);
  }
}
