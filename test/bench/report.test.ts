import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../tools/sources';
import { BENCHMARKS, readResults, renderReport } from './report';

const results = readResults();

test('docs/performance.md is what `yarn bench` writes', () => {
  expect(readFileSync(join(root, 'docs/performance.md'), 'utf8')).toBe(renderReport(results));
});

test('every benchmark has been run', () => {
  expect(results.map(({ name }) => name)).toEqual([...BENCHMARKS]);
});
