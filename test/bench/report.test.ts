import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../tools/sources';
import { BENCHMARKS, readResults, renderReport } from './report';
import { ENGLISH } from './words-en';
import { CHINESE, withoutNumbers } from './words-zh';

const results = readResults();

test.each([ENGLISH, CHINESE])('$path is what `yarn bench` writes', (words) => {
  expect(readFileSync(join(root, words.path), 'utf8')).toBe(renderReport(results, words));
});

test('every benchmark has been run', () => {
  expect(results.map(({ name }) => name)).toEqual([...BENCHMARKS]);
});

test('everything that a benchmark says is said in Chinese too, with the same numbers', () => {
  const said = results.flatMap(({ machine, figures, notes }) => [
    machine,
    ...figures.flatMap(({ what, peer }) => (peer === undefined ? [what] : [what, peer])),
    ...notes,
  ]);
  const numbers = (text: string) => text.match(/\d+(?:[.,]\d+)*/g)?.sort() ?? [];
  const apart = said.filter((sentence) => numbers(CHINESE.say(sentence)).join() !== numbers(sentence).join());
  const names = /^distribution [\d.]+( ×)?$/;
  const unsaid = said.filter((sentence) => CHINESE.say(sentence) === sentence && !names.test(sentence));
  expect({ apart: apart.map(withoutNumbers), unsaid: unsaid.map(withoutNumbers) }).toEqual({ apart: [], unsaid: [] });
});
