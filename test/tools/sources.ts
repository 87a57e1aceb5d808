import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

export const root = join(__dirname, '../..');

export interface Source {
  /** From the root of the project, with slashes. */
  readonly path: string;
  readonly text: string;
}

/** The files under a folder whose name matches, without installed and generated ones. */
export function sources(folder: string, name: RegExp): Source[] {
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && name.test(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .map((file) => ({ path: relative(root, file).split(sep).join('/'), file }))
    .filter(({ path }) => !/(^|\/)(node_modules|dist)\//.test(path))
    .map(({ path, file }) => ({ path, text: readFileSync(file, 'utf8') }));
}

/** What a file imports, as it is written there. */
export function imports({ text }: Source): string[] {
  const pattern = /(?:\bfrom|\bimport|\brequire\s*\(|\bimport\s*\()\s*'([\w@./:-]+)'/g;
  return [...text.matchAll(pattern)].map((match) => match[1] ?? '');
}
