import { parseRange } from './addresses';

/** Words with commas or spaces between; undefined where there is none. */
export function readWords(text: string): readonly string[] | undefined {
  const words = text.split(/[\s,]+/).filter(Boolean);
  return words.length > 0 ? words : undefined;
}

/** A list of what `isNamed` reads. */
export function readAddresses(text: string): readonly string[] | undefined {
  const words = readWords(text);
  return words?.every((word) => parseRange(word)) ? words : undefined;
}

export function readCount(text: string): number | undefined {
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined;
}
