import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';
import { root } from '../tools/sources';
import { anchor, cells, fences, headings, inlineCode, numbers, prose, sections, tables, targets } from './markdown';
import { hashSections, TRANSLATED, type Translated, translatedDocuments } from './translated';

const read = (path: string) => readFileSync(join(root, path), 'utf8');

const documents = translatedDocuments();

/** Of a document or a picture. */
function chineseOf(path: string): string | undefined {
  if (path === 'README.md') return 'docs/README.zh-CN.md';
  const chinese = path.replace(/(?<!\.zh-CN)(\.\w+)$/, '.zh-CN$1');
  return chinese !== path && existsSync(join(root, chinese)) ? chinese : undefined;
}

function englishOf(path: string): string | undefined {
  if (path === 'docs/README.zh-CN.md') return 'README.md';
  const english = path.replace(/\.zh-CN(\.\w+)$/, '$1');
  return english !== path && existsSync(join(root, english)) ? english : undefined;
}

/** The two lines at the head of a pair that lead to each other. */
const PAIR_LINE = /^(?:中文：|English: )\[[^\]]+\]\([^)]+\)\n/m;

const body = (path: string) => read(path).replace(PAIR_LINE, '');

/** What a reader may be told in his own language inside of code: comments. */
function withoutComments(text: string): string {
  return text
    .split('\n')
    .map((line) => line.replace(/(?:^|\s+)# .*$/, ''))
    .join('\n');
}

const sorted = (values: readonly string[]) => [...values].sort();

/** A link as English: where a Chinese document leads to a heading, the heading of the same place in the English one. */
function asEnglish(document: string, target: string): string {
  if (/^[a-z]+:/.test(target)) return target;
  const [path = '', fragment] = target.split('#');
  const file = path === '' ? document : normalize(join(dirname(document), path));
  const english = englishOf(file) ?? file;
  if (fragment === undefined) return english;
  const chinese = chineseOf(english);
  if (chinese === undefined) return `${english}#${fragment}`;
  const [original, translated] = [headings(read(english)), headings(read(chinese))];
  if (original.map(({ level }) => level).join() !== translated.map(({ level }) => level).join()) return `${english}#…`;
  const place = (english === file ? original : translated).findIndex(({ text }) => anchor(text) === fragment);
  return `${english}#${place}`;
}

/** A link that leaves the reader in English although the same place can be read in Chinese. */
function isLeftInEnglish(document: string, target: string): boolean {
  if (/^[a-z]+:/.test(target) || target.startsWith('#')) return false;
  const file = normalize(join(dirname(document), target.split('#')[0] ?? ''));
  return chineseOf(file) !== undefined && !asEnglish(document, target).endsWith('#…');
}

/** Chinese documents that are shorter than the English ones, and lead to them for the rest. */
const others = [
  'docs/README.zh-CN.md',
  ...readdirSync(join(root, 'deploy')).map((folder) => `deploy/${folder}/README.zh-CN.md`),
].filter((path) => existsSync(join(root, path)));

test.each(others)('%s leads to the Chinese versions of what is in docs', (document) => {
  const inDocs = targets(body(document)).filter((target) =>
    normalize(join(dirname(document), target)).startsWith('docs/'),
  );
  expect(inDocs.filter((target) => isLeftInEnglish(document, target))).toEqual([]);
});

test('there are documents in Chinese', () => {
  expect(documents.length).toBeGreaterThan(1);
});

test('no section has changed since it was translated: bring it over, then node_modules/.bin/tsx test/tools/write-translated.ts', () => {
  const known = JSON.parse(read(TRANSLATED)) as Translated;
  const changed = Object.entries(hashSections()).flatMap(([document, sections]) =>
    Object.entries(sections)
      .filter(([section, hash]) => known[document]?.[section] !== hash)
      .map(([section]) => `${document}: ${section}`),
  );
  expect(changed).toEqual([]);
});

describe.each(documents)('%s', (document) => {
  const chinese = chineseOf(document) as string;
  const [original, translated] = [body(document), body(chinese)];

  test('leads to its Chinese version, and back', () => {
    const [here, there] = [basename(document), basename(chinese)];
    expect(read(document).split('\n')[2]).toBe(`中文：[${there}](${there})`);
    expect(read(chinese).split('\n')[2]).toBe(`English: [${here}](${here})`);
  });

  test('has the same headings', () => {
    expect(headings(translated).map(({ level }) => level)).toEqual(headings(original).map(({ level }) => level));
  });

  test('has the same code, comments aside', () => {
    const shape = (text: string) => fences(text).map((fence) => ({ ...fence, text: withoutComments(fence.text) }));
    expect(shape(translated)).toEqual(shape(original));
  });

  test('has the same tables: rows, columns, numbers and code', () => {
    const shape = (text: string) =>
      tables(text).map((rows) =>
        rows.map((row) => ({
          columns: cells(row).length,
          numbers: sorted(numbers(row)),
          code: sorted(inlineCode(row)),
          links: targets(row).length,
        })),
      );
    expect(shape(translated)).toEqual(shape(original));
  });

  test('has the same numbers, code, points and paragraphs in each section', () => {
    const shape = (text: string) =>
      sections(text).map((section, place) => ({
        section: headings(original)[place]?.text,
        numbers: sorted(numbers(section)),
        code: sorted(inlineCode(section)),
        points: section.match(/^(?:[-*]|\d+\.) /gm)?.length,
        paragraphs: section.trim().split(/\n{2,}/).length,
      }));
    expect(shape(translated)).toEqual(shape(original));
  });

  test('has the same links, to Chinese documents where there are any', () => {
    expect(sorted(targets(translated).map((target) => asEnglish(chinese, target)))).toEqual(
      sorted(targets(original).map((target) => asEnglish(document, target))),
    );
    expect(targets(translated).filter((target) => isLeftInEnglish(chinese, target))).toEqual([]);
  });

  test('has no bold that GitHub would show as asterisks', () => {
    const bold = [
      ...prose(translated)
        .replace(/`[^`\n]*`/g, '`')
        .matchAll(/(?<=(.?))\*\*([^*\n]+)\*\*(?=(.?))/gu),
    ];
    const isLost = (inner: string, outer: string) => /^[\p{P}`]$/u.test(inner) && /^[\p{L}\p{N}]$/u.test(outer);
    const lost = bold.filter(([, before, text, after]) => isLost(text[0], before) || isLost(text.at(-1) ?? '', after));
    expect(lost.map(([text]) => text)).toEqual([]);
  });

  test('has full-width punctuation, and a space between Chinese and Latin words', () => {
    const text = prose(translated)
      .replace(/`[^`\n]*`/g, '`')
      .replace(/\]\([^)\s]+\)/g, ']');
    const faults = text.matchAll(
      /.{0,9}(?:\p{sc=Han}[,;:!?()]|[,;:!?()]\p{sc=Han}|\p{sc=Han}[A-Za-z\d`]|[A-Za-z\d`]\p{sc=Han}).{0,9}/gu,
    );
    expect([...faults].map(([fault]) => fault)).toEqual([]);
  });
});
