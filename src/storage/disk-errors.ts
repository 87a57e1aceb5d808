import { StoreError, type StoreFault } from './store-error';

const FAULTS: Readonly<Record<string, readonly [StoreFault, string]>> = {
  ENOSPC: ['full', 'the disk is full'],
  EDQUOT: ['full', 'the disk quota is used up'],
  EFBIG: ['full', 'the file system or a limit of the process takes no larger file'],
  EROFS: ['denied', 'the file system is read-only'],
  EACCES: ['denied', 'the user that the process runs as may not do this; change the owner of the folder'],
  EPERM: ['denied', 'the user that the process runs as may not do this; change the owner of the folder'],
  EMFILE: ['busy', 'the process has too many open files; raise its limit (ulimit -n)'],
  ENFILE: ['busy', 'the system has too many open files'],
  EBADF: ['closed', 'it has been closed'],
  EXDEV: ['io', 'the folders of a store must be in one file system'],
};

export function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

/** @param doing what failed, for the message */
export function storeError(error: unknown, doing: string): StoreError {
  if (error instanceof StoreError) return error;
  const [fault, why] = FAULTS[codeOf(error) ?? ''] ?? ['io', codeOf(error) ?? String(error)];
  return new StoreError(fault, `${doing}: ${why}`, error);
}

/** What the work gives; undefined where the file, or a folder above it, is not there. */
export async function unlessMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}
