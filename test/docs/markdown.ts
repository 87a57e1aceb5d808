/** What the documents of this project use of Markdown, as GitHub reads it. */
export interface Heading {
  readonly level: number;
  readonly text: string;
}

export interface Fence {
  readonly language: string;
  readonly text: string;
}

const FENCE = /^ *```(\w*)\n([\s\S]*?)^ *```$/gm;

/** What is not inside a fence. */
export function prose(text: string): string {
  return text.replace(FENCE, '');
}

export function headings(text: string): Heading[] {
  return [...prose(text).matchAll(/^(#+) (.*)$/gm)].map(([, marks = '', title = '']) => ({
    level: marks.length,
    text: title,
  }));
}

/** As GitHub names the anchor of a heading. */
export function anchor(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-');
}

export function fences(text: string): Fence[] {
  return [...text.matchAll(FENCE)].map(([, language = '', content = '']) => ({ language, text: content }));
}

/** What stands under each heading, with the heading itself, fences left out. */
export function sections(text: string): string[] {
  return prose(text).split(/^(?=#+ )/m);
}

/** Each table as its rows, without the line that divides head and body. */
export function tables(text: string): string[][] {
  return [...prose(text).matchAll(/(?:^\|.*\|\n)+/gm)].map(([table]) =>
    table.split('\n').filter((row) => row !== '' && !/^[|\s:-]+$/.test(row)),
  );
}

/** Cells of a row; a `|` in code is none of its bars. */
export function cells(row: string): string[] {
  return row
    .replace(/`[^`]*`/g, (code) => code.replaceAll('|', ' '))
    .split('|')
    .slice(1, -1);
}

export function inlineCode(text: string): string[] {
  return [...text.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);
}

/** Where links and images lead, code aside. */
export function targets(text: string): string[] {
  return [
    ...prose(text)
      .replace(/`[^`\n]*`/g, '')
      .matchAll(/\]\(([^)\s]+)\)/g),
  ].map(([, target = '']) => target);
}

/** Numbers that a reader sees as such: not those in code, in targets of links and in names like S3. */
export function numbers(text: string): string[] {
  const visible = text.replace(/`[^`\n]*`/g, '').replace(/\]\([^)\s]+\)/g, ']');
  return [...visible.matchAll(/(?<![\p{Script=Latin}\d.,])\d+(?:[.,]\d+)*/gu)].map(([number]) => number);
}
