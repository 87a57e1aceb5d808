import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../tools/sources';

/** What the English documents said when their Chinese versions were last brought up to date. */
export const TRANSLATED = 'test/docs/translated.json';

/** docs/performance.md and its Chinese version are written by one program. */
const WRITTEN_TOGETHER = ['docs/performance.md'];

/** Under the path of a document, the hash of what stands under each of its headings. */
export type Translated = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Documents whose Chinese version says the same, sentence by sentence. */
export function translatedDocuments(): string[] {
  return readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.zh-CN.md') && name !== 'README.zh-CN.md')
    .map((name) => `docs/${name.replace('.zh-CN', '')}`);
}

export function hashSections(): Translated {
  const byHand = translatedDocuments().filter((document) => !WRITTEN_TOGETHER.includes(document));
  return Object.fromEntries(byHand.map((document) => [document, hashesOf(readFileSync(join(root, document), 'utf8'))]));
}

/** Where lines are broken does not matter. */
function hashesOf(text: string): Record<string, string> {
  const parts = withoutFencedMarks(text).split(/^(?=#+ )/m);
  return Object.fromEntries(
    parts.map((part) => [
      part.split('\n', 1)[0]?.replace(/^#+ /, '') ?? '',
      createHash('sha256').update(part.replace(/\s+/g, ' ').trim()).digest('hex').slice(0, 12),
    ]),
  );
}

/** A comment of a shell at the beginning of a line is no heading. */
function withoutFencedMarks(text: string): string {
  return text.replace(/^ *```[\s\S]*?^ *```$/gm, (fence) => fence.replace(/^#/gm, ' #'));
}
