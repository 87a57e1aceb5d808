import type { Stats } from 'node:fs';
import { readFile, realpath, stat } from 'node:fs/promises';
import { MAX_HTPASSWD } from '../core/htpasswd';
import { CommandError } from './commands';
import { replaceFile } from './replace-file';

/**
 * Puts a user's line into a file, in place of the one that was there, or takes it out; every other byte stays.
 * The new file takes the old one's place at once: whoever reads it never sees half of it.
 * @param line without a line end; undefined takes it out
 * @returns whether the user was not in it before
 * @throws CommandError that names the file and what is wrong with it
 */
export async function editHtpasswdFile(file: string, user: string, line: string | undefined): Promise<boolean> {
  try {
    const old = await readOld(file);
    if (!old && line === undefined) throw new CommandError(`${file}: there is no such file`);
    // One character a byte, so that lines in other encodings come out as they went in.
    const latin1 = (text: string) => Buffer.from(text).toString('latin1');
    const { text, isNew } = edit(old?.text ?? '', latin1(user), line === undefined ? undefined : latin1(line));
    if (isNew && line === undefined) throw new CommandError(`${file}: ${user} is not in it`);
    // The place that a link leads to, so that the link stays one.
    await replaceFile(old?.path ?? file, Buffer.from(text, 'latin1'), old?.about);
    return isNew;
  } catch (error) {
    if (error instanceof CommandError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? '';
    throw new CommandError(`${file}: ${FILE_ERRORS[code] ?? `cannot be written (${code || 'unknown reason'})`}`);
  }
}

const FILE_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such folder',
  ENOTDIR: 'there is no such folder',
  EACCES: 'you may not read or write it, or its folder',
  EPERM: 'its owner cannot be kept: call this as the user that it belongs to',
  EROFS: 'it is on a file system that cannot be written',
};

interface OldFile {
  readonly path: string;
  readonly about: Stats;
  readonly text: string;
}

async function readOld(file: string): Promise<OldFile | undefined> {
  const about = await stat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (!about) return undefined;
  if (!about.isFile()) throw new CommandError(`${file}: must be a file`);
  if (about.size > MAX_HTPASSWD) throw new CommandError(`${file}: is larger than 1 MiB`);
  return { path: await realpath(file), about, text: await readFile(file, 'latin1') };
}

function edit(text: string, user: string, line: string | undefined): { text: string; isNew: boolean } {
  const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  const isOfUser = (each: string) =>
    each
      .replace(/^\xef\xbb\xbf/, '')
      .trimStart()
      .startsWith(`${user}:`);
  const first = lines.findIndex(isOfUser);
  if (first >= 0) {
    const mark = /^\xef\xbb\xbf/.exec(lines[first])?.[0] ?? '';
    const end = /\r?\n$/.exec(lines[first])?.[0] ?? '';
    const put = line === undefined ? mark : `${mark}${line}${end}`;
    // A name that stood there twice stands there once.
    const kept = lines.map((each, index) => (index === first ? put : isOfUser(each) ? '' : each));
    return { text: kept.join(''), isNew: false };
  }
  const end = lines[0]?.endsWith('\r\n') ? '\r\n' : '\n';
  const gap = text === '' || text.endsWith('\n') ? '' : end;
  return { text: line === undefined ? text : `${text}${gap}${line}${end}`, isNew: true };
}
