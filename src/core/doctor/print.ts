import { type Finding, hasFailed, type Mark, type Values } from './finding';
import type { Says, Words } from './words-en';

const SIGNS: Readonly<Record<Mark, string>> = { good: '✓', note: '!', bad: '✗' };

/** One thing in words. */
export function say(words: Words, says: Says, values: Values = {}): string {
  return words[says].replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ''));
}

/** Lines for people: a mark, the step, what was seen, and below it what to set. */
export function printFindings(findings: readonly Finding[], words: Words): readonly string[] {
  const steps = findings.map(({ step }) => say(words, `step.${step}`));
  const width = Math.max(...steps.map(widthOf));
  const margin = ' '.repeat(width + 5);
  return findings.flatMap(({ mark, says, values, set }, index) => {
    const step = steps[index] as string;
    const line = `${SIGNS[mark]} ${step}${' '.repeat(width - widthOf(step) + 3)}${say(words, says, values).trimEnd()}`;
    return set ? [line, `${margin}${say(words, 'set.is')}${say(words, set, values)}`] : [line];
  });
}

/** The line that says how it ends. */
export function printEnd(findings: readonly Finding[], words: Words, url: string, image: string): string {
  const count = findings.filter(({ mark }) => mark === 'bad').length;
  return say(words, hasFailed(findings) ? 'end.bad' : 'end.well', { url, image, count });
}

/** A finding for programs: what `says` and `set` are does not change with the language, their words do. */
export function findingFields({ step, mark, says, values, set }: Finding, words: Words): object {
  const remedy = set && { set, remedy: say(words, set, values) };
  return { step, mark, says, message: say(words, says, values).trimEnd(), values, ...remedy };
}

/** Columns of a terminal: Chinese characters have two. */
function widthOf(text: string): number {
  return [...text].reduce((width, character) => width + (/[⺀-鿿＀-￯]/u.test(character) ? 2 : 1), 0);
}
