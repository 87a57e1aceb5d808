import { createHash } from 'node:crypto';

/** From 0 up to 1: looks like chance, and is the same for the same words. */
export function chance(...words: readonly (string | number)[]): number {
  return createHash('sha256').update(words.join(' ')).digest().readUInt32BE() / 2 ** 32;
}

export function chooseBy<T>(share: number, choices: readonly T[]): T {
  return choices[Math.min(choices.length - 1, Math.floor(share * choices.length))] as T;
}
