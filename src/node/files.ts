import { readFileSync, statSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { load } from 'js-yaml';
import type { Files } from '../core/files';
import { fileFault } from './file-faults';

/** Bytes of a file that a setting names, at most: thousands of users or registries fit in. */
export const MAX_FILE_BYTES = 1024 * 1024;

/** Reads files while the configuration is read, and keeps note of them: a change of one is a change of it all. */
export class SettingFiles implements Files {
  readonly #read = new Map<string, string>();

  /** Each file that was asked for, with what stood in it; empty where it could not be read. */
  get read(): ReadonlyMap<string, string> {
    return this.#read;
  }

  text(path: string): string {
    this.#read.set(path, '');
    const text = readSmallFile(path);
    this.#read.set(path, text);
    return text;
  }

  document(path: string): unknown {
    const text = this.text(path);
    try {
      // JSON is YAML, but its own parser's errors are better known.
      return /^\s*[{[]/.test(text) ? JSON.parse(text) : load(text);
    } catch (error) {
      // The rest of the message quotes the file, which may hold secrets.
      throw new Error(`cannot be parsed (${(error as Error).message.split(/[\n"]/)[0].trim()})`);
    }
  }
}

/** What stands in each of these files now, as `SettingFiles` would read it; empty where it cannot be read. */
export async function textsOf(paths: Iterable<string>): Promise<ReadonlyMap<string, string>> {
  const texts = [...paths].map(async (path) => [path, await readAgain(path).catch(() => '')] as const);
  return new Map(await Promise.all(texts));
}

/** Not at once, as at the start: a file on another machine may keep it waiting, and the service must not wait with it. */
async function readAgain(path: string): Promise<string> {
  const about = await stat(path);
  return about.isFile() && about.size <= MAX_FILE_BYTES ? plain(await readFile(path, 'utf8')) : '';
}

function readSmallFile(path: string): string {
  try {
    const about = statSync(path);
    // Opening a pipe would wait for its writer.
    if (!about.isFile()) throw Object.assign(new Error(), { code: 'EISDIR' });
    if (about.size > MAX_FILE_BYTES) throw Object.assign(new Error(), { code: 'EFBIG' });
    return plain(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new Error(fileFault(error, MAX_FILE_BYTES));
  }
}

/** Without the mark that some editors put in front. */
function plain(text: string): string {
  return text.replace(/^\ufeff/, '');
}
