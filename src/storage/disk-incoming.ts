import { rm, rmdir, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { unlessMissing } from './disk-errors';
import { makeFolder, namesIn } from './disk-layout';
import { fateOf, ownName, parseOwner } from './owner';

/** Milliseconds between signs of life of a process that writes. */
const BEAT = 30_000;

/** Milliseconds after which a process of another container or host that gave no sign of life is taken for dead. */
export const SILENCE = 5 * 60_000;

/**
 * `incoming/<owner>/`: unfinished files, a folder for each process, so that start-up knows whose they are without looking at any
 * blob. Being wrong about a death harms nobody: the other's put fails, since its file is gone.
 */
export class Incoming {
  readonly #root: string;
  readonly #folder: string;
  #name: Promise<string> | undefined;
  #count = 0;
  #open = 0;
  #beat: NodeJS.Timeout | undefined;

  constructor(root: string) {
    this.#root = root;
    this.#folder = join(root, 'incoming');
  }

  /** The folder of this process, whether it is there or not. */
  async own(): Promise<string> {
    this.#name ??= ownName();
    return join(this.#folder, await this.#name);
  }

  /** A path for a new file, until `release`. The folder may be missing. */
  async acquire(): Promise<string> {
    const own = await this.own();
    this.#count += 1;
    this.#open += 1;
    this.#beat ??= setInterval(() => {
      const now = new Date();
      utimes(own, now, now).catch(() => {});
    }, BEAT).unref();
    return join(own, String(this.#count));
  }

  release(): void {
    this.#open -= 1;
    if (this.#open > 0) return;
    clearInterval(this.#beat);
    this.#beat = undefined;
  }

  /** Makes the folder of this process. */
  async make(): Promise<void> {
    await makeFolder(this.#root, await this.own());
  }

  /**
   * Removes what dead processes left behind.
   * @returns whether somebody's death is not yet certain, so that another look is worth while later
   */
  async clean(): Promise<boolean> {
    let isUnsure = false;
    for await (const name of namesIn(this.#folder)) {
      const owner = parseOwner(name);
      if (!owner) continue;
      const path = join(this.#folder, name);
      const fate = await fateOf(owner);
      const isDead = fate === 'dead' || (fate === 'unknown' && (await isSilent(path)));
      if (isDead) await rm(path, { recursive: true, force: true });
      else if (fate === 'unknown') isUnsure = true;
    }
    return isUnsure;
  }

  async close(): Promise<void> {
    clearInterval(this.#beat);
    if (this.#name) await rmdir(await this.own()).catch(() => {});
  }
}

/** A clock that was set back must not keep a file for ever: what is from the future is as old as what is from the past. */
async function isSilent(path: string): Promise<boolean> {
  const found = await unlessMissing(stat(path));
  return found !== undefined && Math.abs(Date.now() - found.mtimeMs) > SILENCE;
}
