import { nearest } from './nearest';
import { parseSecret } from './setting-values';

/** What a document may refer to. */
export interface Surroundings {
  /** For `${NAME}`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** @throws Error whose message ends a sentence */
  readonly readFile: (path: string) => string;
  /** No machine or container that has a role at a cloud: accounts there need keys of their own. */
  readonly isRoleless?: boolean;
}

/** Characters of a path that is worth a look. */
const MAX_PATH = 1024;

/**
 * The keys of one mapping in a document that people wrote. What is wrong is added to `faults` with the key that it is
 * about, and never with the value: that may be a secret.
 */
export class DocumentFields {
  readonly #at: string;
  readonly #record: Readonly<Record<string, unknown>>;
  readonly #around: Surroundings;
  readonly #faults: string[];
  readonly #asked = new Set<string>();

  constructor(at: string, record: Readonly<Record<string, unknown>>, around: Surroundings, faults: string[]) {
    this.#at = at;
    this.#record = record;
    this.#around = around;
    this.#faults = faults;
  }

  fault(key: string, what: string): undefined {
    this.#faults.push(`${this.#at}.${key}: ${what}`);
    return undefined;
  }

  has(key: string): boolean {
    return this.#value(key) !== undefined;
  }

  /** A value that `parse` understands, with `${NAME}` in it replaced by what the environment says. */
  take<T>(key: string, expected: string, parse: (text: string) => T | undefined): T | undefined {
    const value = this.#value(key);
    if (value === undefined) return undefined;
    if (typeof value === 'object') return this.fault(key, `expected ${expected}`);
    const text = this.#expand(key, String(value));
    return text === undefined ? undefined : (parse(text) ?? this.fault(key, `expected ${expected}`));
  }

  flag(key: string): boolean | undefined {
    return this.take(key, 'true or false', (text) => ({ true: true, false: false })[text]);
  }

  /** One of these words. */
  choice<Word extends string>(key: string, ...words: Word[]): Word | undefined {
    return this.take(key, words.join(' or '), (text) => words.find((word) => word === text));
  }

  /** The text of a file whose path stands there. */
  file(key: string): string | undefined {
    const path = this.take(key, 'the path of a file', (text) => text);
    if (path === undefined) return undefined;
    try {
      return this.#around.readFile(path);
    } catch (error) {
      return this.fault(key, `${path}: ${(error as Error).message}`);
    }
  }

  /** Text of at least one character, and without control characters. */
  text(key: string): string | undefined {
    return this.take(key, 'text', (text) => parseSecret(text.trim()) || undefined);
  }

  /** A value that must be there; empty, with a fault, where it is not. */
  required(key: string, take: (key: string) => string | undefined): string {
    if (!this.has(key)) this.fault(key, 'is missing');
    return take(key) ?? '';
  }

  /** A mapping: in its place, as JSON on one line, or in a JSON file whose path stands there. */
  mapping(key: string): DocumentFields | undefined {
    const value = this.#value(key);
    if (value === undefined) return undefined;
    const read = isRecord(value) ? value : this.#parse(key);
    if (read === undefined) return undefined;
    if (!isRecord(read)) return this.fault(key, 'expected a mapping, or the path of a JSON file');
    return new DocumentFields(`${this.#at}.${key}`, read, this.#around, this.#faults);
  }

  #parse(key: string): unknown {
    // A key in another form would be taken for a path, and printed.
    const parse = (given: string) =>
      given.length <= MAX_PATH || given.trimStart().startsWith('{') ? given : undefined;
    const text = this.take(key, 'a mapping, or the path of a JSON file', parse);
    if (text === undefined) return undefined;
    const json = text.trimStart().startsWith('{') ? text : this.file(key);
    if (json === undefined) return undefined;
    try {
      return JSON.parse(json);
    } catch {
      // The parser's own words quote what it reads.
      return this.fault(key, 'is no JSON');
    }
  }

  /** All of it, as JSON on one line. */
  json(): string {
    return JSON.stringify(this.#record);
  }

  /** A list, or one item without a list around it. */
  list(key: string): DocumentFields[] {
    const value = this.#value(key);
    const items = value === undefined ? [] : [value].flat();
    return items.map((item, index) => {
      const at = `${this.#at}.${key}${items.length > 1 ? `[${index}]` : ''}`;
      return new DocumentFields(at, isRecord(item) ? item : { value: item }, this.#around, this.#faults);
    });
  }

  /** To be asked last: keys that nobody has asked for are mistakes. */
  refuseOthers(): void {
    const known = [...this.#asked];
    for (const key of Object.keys(this.#record).filter((each) => !this.#asked.has(each))) {
      const near = nearest(key, known);
      this.fault(key.slice(0, 40), `unknown key${near === undefined ? '' : `; did you mean ${near}?`}`);
    }
  }

  #value(key: string): unknown {
    this.#asked.add(key);
    return Object.hasOwn(this.#record, key) ? (this.#record[key] ?? undefined) : undefined;
  }

  #expand(key: string, text: string): string | undefined {
    const names = [...text.matchAll(/\$\{([A-Za-z_]\w*)\}/g)].map(([, name]) => name);
    const unset = names.find((name) => this.#around.env[name] === undefined);
    if (unset !== undefined) return this.fault(key, `\${${unset}} is not set in the environment`);
    return text.replace(/\$\{([A-Za-z_]\w*)\}/g, (_, name: string) => this.#around.env[name] as string);
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
