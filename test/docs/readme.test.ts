import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { settings } from '../../src/core/settings';
import { root } from '../tools/sources';
import { anchor, fences, headings, targets } from './markdown';

const read = (path: string) => readFileSync(join(root, path), 'utf8');
const README = 'README.md';
const CHINESE = 'docs/README.zh-CN.md';
const documents = [
  README,
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
  ...readdirSync(join(root, 'deploy'))
    .flatMap((platform) => readdirSync(join(root, 'deploy', platform)).map((name) => `deploy/${platform}/${name}`))
    .filter((path) => path.endsWith('.md')),
];

/** What is wrong with the relative links and images of a document. */
function brokenLinks(document: string): string[] {
  return targets(read(document)).flatMap((target) => {
    if (/^[a-z]+:/.test(target)) return [];
    const [path, fragment] = target.split('#');
    const file = path === '' ? join(root, document) : join(root, dirname(document), path);
    if (relative(root, file).startsWith('..')) return [`${target}: outside the repository`];
    if (!existsSync(file)) return [`${target}: does not exist`];
    if (fragment === undefined || !statSync(file).isFile()) return [];
    const anchors = headings(readFileSync(file, 'utf8')).map((heading) => anchor(heading.text));
    return anchors.includes(decodeURIComponent(fragment)) ? [] : [`${target}: has no such heading`];
  });
}

test.each(documents)('%s: every relative link leads somewhere', (document) => {
  expect(brokenLinks(document)).toEqual([]);
});

describe.each([README, CHINESE])('%s', (document) => {
  const text = read(document);

  test('names settings that exist', () => {
    const table = [...text.matchAll(/^\| ((?:`[A-Z_]+`(?:, )?)+) \|/gm)].flatMap(([, cell]) => cell.split(', '));
    const named = table.map((name) => name.replaceAll('`', ''));
    expect(named.length).toBeGreaterThan(5);
    const known = new Set<string>(settings.map(({ name }) => name));
    expect(named.filter((name) => !known.has(name))).toEqual([]);
  });

  test('states the defaults that hold', () => {
    for (const { name, fallback } of settings) {
      const row = new RegExp(`^\\| \`${name}\` \\| \`([^\`]*)\` \\|`, 'm').exec(text);
      if (row) expect(`${name}=${row[1]}`).toBe(`${name}=${fallback}`);
    }
  });

  test('names commands that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const commands = [...text.matchAll(/(?:launch\.cjs|`yarn) ([a-z:]+)/g)].map(([, command]) => command);
    expect(commands.length).toBeGreaterThan(3);
    expect(commands.filter((command) => command !== 'install' && !(command in scripts))).toEqual([]);
  });
});

test('both READMEs have the same sections, examples and tables', () => {
  const shape = (document: string) => {
    const text = read(document);
    return {
      headings: headings(text).map(({ level }) => level),
      fences: fences(text).map(({ language }) => language),
      rows: text.match(/^\|/gm)?.length,
      steps: text.match(/^\d+\. /gm)?.length,
      points: text.match(/^- /gm)?.length,
    };
  };
  expect(shape(CHINESE)).toEqual(shape(README));
});

test('docs/CONTRIBUTING.md names commands that exist', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const commands = [...read('docs/CONTRIBUTING.md').matchAll(/`yarn ([a-z:0-9]+)`/g)].map(([, command]) => command);
  expect(commands.filter((command) => command !== 'install' && !(command in scripts))).toEqual([]);
});
