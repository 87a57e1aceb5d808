import { createHash, randomBytes } from 'node:crypto';
import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { codeOf } from './disk-errors';

/** Who owns a folder of unfinished files, as its name says: `<place>-<pid>-<start>-<random>`. */
export interface Owner {
  /** Where the pid means something: this boot of the kernel, this pid namespace. */
  readonly place: string;
  readonly pid: number;
  /** When the process began, in ticks since boot: another process may get the same pid. `0` where that is not known. */
  readonly start: string;
}

const NAME = /^([0-9a-f]{12})-(\d{1,10})-(\d{1,20})-[0-9a-f]{12}$/;

/** A name that no other store has, in this process or another. */
export async function ownName(): Promise<string> {
  return `${await placeOfThis()}-${process.pid}-${(await startOf(process.pid)) ?? '0'}-${randomBytes(6).toString('hex')}`;
}

/** Undefined for a name of any other form. */
export function parseOwner(name: string): Owner | undefined {
  const [, place, pid, start] = NAME.exec(name) ?? [];
  return place && pid && start ? { place, pid: Number(pid), start } : undefined;
}

/**
 * `unknown` for a process of another host, container or boot: its number says nothing here. A container that is started again
 * has the same pids as before, and a new namespace.
 */
export async function fateOf(owner: Owner): Promise<'alive' | 'dead' | 'unknown'> {
  if (owner.place !== (await placeOfThis())) return 'unknown';
  if (!exists(owner.pid)) return 'dead';
  const start = await startOf(owner.pid);
  return start !== undefined && owner.start !== '0' && start !== owner.start ? 'dead' : 'alive';
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process may not be signalled, and exists.
    return codeOf(error) !== 'ESRCH';
  }
}

async function placeOfThis(): Promise<string> {
  const parts = await Promise.all([
    readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => ''),
    readlink('/proc/self/ns/pid').catch(() => ''),
  ]);
  // Without them, on a system that is not Linux, a host's name is the next best thing.
  const text = parts.every((part) => part !== '') ? parts.join(' ') : hostname();
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

/** Field 22 of /proc/<pid>/stat (proc_pid_stat(5)); the second, the program's name, may hold blanks and brackets. */
async function startOf(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
}
