import type { Language } from '../core/doctor/language';
import { english, type Word } from './words-en';
import { chinese } from './words-zh';

/** Says things in the language of a reader. */
export interface Speech {
  readonly language: Language;
  /** The text of this key with its values filled in; it is not escaped. */
  say(word: Word, values?: Readonly<Record<string, string | number>>): string;
  /** The same for a count, which has a form of its own for one. */
  count(word: Counted, count: number): string;
}

/** Keys that have a `.one` beside them. */
export type Counted = { [Key in Word]: `${Key}.one` extends Word ? Key : never }[Word];

export function speechIn(language: Language): Speech {
  const words = language === 'zh' ? chinese : english;
  const say: Speech['say'] = (word, values = {}) =>
    words[word].replace(/\{(\w+)\}/g, (gap, name: string) => (name in values ? String(values[name]) : gap));
  return {
    language,
    say,
    count: (word, count) => (count === 1 ? say(`${word}.one` as Word) : say(word, { count: printCount(count) })),
  };
}

/** With a thin space for thousands, as both languages read it (ISO 80000-1). */
export function printCount(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, '\u202f');
}
