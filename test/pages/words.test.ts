import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { english } from '../../src/pages/words-en';
import { chinese } from '../../src/pages/words-zh';
import { root } from '../tools/sources';

/** As a plain table: the values of the English one are constants. */
const texts: Record<string, string> = english;
const gaps = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();
const keys = Object.keys(english) as (keyof typeof english)[];

test('both languages say the same with the same values', () => {
  expect(Object.keys(chinese)).toEqual(keys);
  expect(keys.filter((key) => gaps(english[key]).join() !== gaps(chinese[key]).join())).toEqual([]);
  expect(keys.filter((key) => texts[key] === '' || chinese[key] === '')).toEqual([]);
});

test('what is Chinese has no half-width punctuation between Chinese characters, and a space beside Latin words', () => {
  const faults = keys.filter((key) =>
    /[\u4e00-\u9fff][,:;?!]|[\u4e00-\u9fff][A-Za-z]|[A-Za-z][\u4e00-\u9fff]/.test(chinese[key]),
  );
  expect(faults).toEqual([]);
});

test('everything that can be said is said somewhere', () => {
  const folder = join(root, 'src/pages');
  const texts = readdirSync(folder).filter((name) => !name.startsWith('words-'));
  const code = texts.map((name) => readFileSync(join(folder, name), 'utf8')).join('\n');
  // What is made of a value, as `client.${client}`, begins with something that stands there.
  const isSaid = (key: string) =>
    code.includes(`'${key}'`) ||
    code.includes(`\`${key.split('.')[0]}.\${`) ||
    code.includes(`'${key.replace(/\.one$/, '')}'`);
  expect(keys.filter((key) => !isSaid(key))).toEqual([]);
});
