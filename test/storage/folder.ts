import { statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';

const MEMORY = '/dev/shm';

/**
 * Where tests put their stores: in memory where there is enough, since each commit waits for the disk, and a busy one takes half a second
 * for what is 4 ms otherwise.
 */
export const base = hasRoom(MEMORY) ? MEMORY : tmpdir();

function hasRoom(folder: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize > 512 * 1024 * 1024;
  } catch {
    return false;
  }
}
