import { randomUUID } from 'node:crypto';
import type { Stats } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';

/**
 * Puts a file in the place of another at once: whoever reads it sees the one or the other, and never half of one.
 * @param path where no link stands, or the link would be replaced
 * @param old what is known of the file that was there: its owner and its mode are kept
 */
export async function replaceFile(path: string, content: Uint8Array | string, old: Stats | undefined): Promise<void> {
  const temporary = `${path}.${randomUUID()}`;
  const file = await open(temporary, 'wx', 0o600);
  try {
    try {
      await file.writeFile(content);
      if (old) {
        const made = await file.stat();
        // Else the proxy could not read any more what root has edited.
        if (made.uid !== old.uid || made.gid !== old.gid) await file.chown(old.uid, old.gid);
        await file.chmod(old.mode & 0o7777);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
