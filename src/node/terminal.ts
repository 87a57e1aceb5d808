import { closeSync, openSync } from 'node:fs';

/**
 * Whether the terminal in which this process began has been closed. SIGHUP tells of that too, and then nobody is left who
 * could stop it.
 */
export function isTerminalGone(): boolean {
  if (!process.stdout.isTTY) return false;
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return false;
  } catch {
    return true;
  }
}
