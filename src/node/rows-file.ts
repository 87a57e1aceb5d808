import type { Stats } from 'node:fs';
import { readFile, realpath, stat } from 'node:fs/promises';
import { isRecord } from '../core/document-fields';
import { RegistryError } from '../core/errors';
import { type Row, rowsOfDocument } from '../core/registry-rows';
import type { RowStore } from '../shell/row-store';
import { fileFault } from './file-faults';
import { MAX_FILE_BYTES } from './files';
import { replaceFile } from './replace-file';

interface Found {
  /** Behind any links. */
  readonly path: string;
  readonly about: Stats;
  readonly document: unknown;
  /** As it was written, so that what is written looks alike. */
  readonly indent: string;
}

/** Rows in the file that `REGISTRIES` names: its `rows`, beside which everything stays as it is. */
export class RowsFile implements RowStore {
  readonly #path: string;
  #underWay: Promise<unknown> = Promise.resolve();

  constructor(path: string) {
    this.#path = path;
  }

  /** Each change is held against what the one before it has left. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#underWay.then(work);
    this.#underWay = next.catch(() => {});
    return next;
  }

  async list(): Promise<readonly Row[]> {
    return rowsOfDocument((await this.#read()).document);
  }

  put({ key, text }: Row, before: string | undefined): Promise<boolean> {
    return this.#change(key, before, (rows) => ({ ...rows, [key]: JSON.parse(text) }));
  }

  delete({ key, text }: Row): Promise<boolean> {
    return this.#change(key, text, (rows) => Object.fromEntries(Object.entries(rows).filter(([name]) => name !== key)));
  }

  /** Read again, since others may have written it meanwhile. */
  async #change(key: string, before: string | undefined, edit: (rows: Rows) => Rows): Promise<boolean> {
    const found = await this.#read();
    const now = rowsOfDocument(found.document).find((row) => row.key === key);
    if (now?.text !== before) return false;
    await this.#write(found, edit);
    return true;
  }

  async #write({ path, about, document, indent }: Found, edit: (rows: Rows) => Rows): Promise<void> {
    const text = `${JSON.stringify(withRows(document, edit), undefined, indent)}\n`;
    if (Buffer.byteLength(text) > MAX_FILE_BYTES)
      throw unusable(this.#path, fileFault({ code: 'EFBIG' }, MAX_FILE_BYTES));
    try {
      await replaceFile(path, text, about);
    } catch (error) {
      const { code = 'for an unknown reason' } = error as NodeJS.ErrnoException;
      throw unusable(this.#path, `cannot be written (${code}): the proxy must be allowed to make files beside it`);
    }
  }

  async #read(): Promise<Found> {
    const { path, about, text } = await readText(this.#path).catch((error: unknown) => {
      throw unusable(this.#path, fileFault(error, MAX_FILE_BYTES));
    });
    try {
      return { path, about, document: JSON.parse(text), indent: /^[[{]\s*?\n([ \t]+)/.exec(text)?.[1] ?? '  ' };
    } catch {
      throw unusable(this.#path, 'is no JSON');
    }
  }
}

type Rows = Readonly<Record<string, unknown>>;

/** A document without a section for rows is put below `registries`, where it means the same. */
function withRows(document: unknown, edit: (rows: Rows) => Rows): object {
  const whole = isRecord(document) && (isRecord(document.rows) || 'registries' in document) ? document : undefined;
  const isEmpty = isRecord(document) && Object.keys(document).length === 0;
  const base = whole ?? (isEmpty ? {} : { registries: document });
  return { ...base, rows: edit(whole && isRecord(whole.rows) ? whole.rows : {}) };
}

async function readText(file: string): Promise<{ path: string; about: Stats; text: string }> {
  const path = await realpath(file);
  const about = await stat(path);
  if (!about.isFile()) throw Object.assign(new Error(), { code: 'EISDIR' });
  if (about.size > MAX_FILE_BYTES) throw Object.assign(new Error(), { code: 'EFBIG' });
  return { path, about, text: (await readFile(path, 'utf8')).replace(/^\ufeff/, '') };
}

function unusable(path: string, why: string): RegistryError {
  return new RegistryError(503, 'UNAVAILABLE', `REGISTRIES=${path}: ${why}`);
}
