import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readResults } from '../bench/report';
import type { Result } from '../bench/result';
import { NODE } from './bench-figures';
import { renderPlot } from './plot';
import { PLOTTED, plotPath, renderPlots } from './plots';
import { root } from './sources';

const read = (path: string) => readFileSync(join(root, 'docs', path), 'utf8');
const results = readResults();
const plots = renderPlots(results);
const titlesOf = (svg: string) =>
  [...svg.matchAll(/<text class="(?:value|value own)"[^>]*>([^<]*)</g)].map(([, text]) => text);

test.each([...plots])('docs/%s is what `yarn plots` writes', (path, text) => {
  expect(read(path)).toBe(text);
});

test('there are no other plots', () => {
  const there = readdirSync(join(root, 'docs/img')).filter((name) => name.startsWith('bench-'));
  expect(there.sort()).toEqual([...plots.keys()].map((path) => path.replace('img/', '')).sort());
});

test.each(PLOTTED.map((name) => [name]))('docs/performance.md shows the plot of %s above its table', (name) => {
  const section = new RegExp(
    `^\`yarn bench (?:--full )?${name}\`, [^\\n]*\\n\\n!\\[[^\\]]+\\]\\(${plotPath(name)}\\)\\n\\n\\| Figure`,
    'm',
  );
  expect(read('performance.md')).toMatch(section);
});

test.each(PLOTTED.map((name) => [name]))('each figure on the plot of %s stands in its table', (name) => {
  const { figures } = results.find((result) => result.name === name) as Result;
  const said = figures
    .filter(({ node }) => node === NODE || node === '')
    .map(({ value, unit, peer = '', atMost }) => `${value} ${unit}, ${peer}, ${atMost ?? ''} ${unit}`)
    .join('; ');
  const shown = titlesOf(plots.get(plotPath(name)) as string);
  expect(shown.length).toBeGreaterThan(1);
  // The table has some units without a space before them, and spreads in brackets.
  const bare = said.replace(/\([^)]*\)/g, '').replaceAll(' ', '');
  const stands = (text: string) => new RegExp(`(?<![\\d.])${text.replaceAll(' ', '')}(?![\\d.])`).test(bare);
  expect(shown.filter((text) => !stands(text as string))).toEqual([]);
});

test('a result that lacks a figure is an error, and no empty bar', () => {
  const cold = results.find(({ name }) => name === 'cold') as Result;
  const figures = cold.figures.map((figure) => ({ ...figure, peer: 'somebody else 3 ×' }));
  expect(() => renderPlots([{ ...cold, figures }])).toThrow('says nothing of distribution');
  expect(() => renderPlots([{ ...cold, figures: [] }])).toThrow('no figure begins with');
});

describe('a plot', () => {
  const bars = [
    { label: 'a & b', value: 0, text: '0' },
    { label: '<own>', value: 50, text: '50 s', own: true },
    { label: 'c', value: 200, text: '200 s' },
  ];
  const svg = renderPlot({ title: 'A "plot"', note: 'note', groups: [{ title: 'seconds', bars }] });

  test('is told to those who do not see it', () => {
    expect(svg).toContain('role="img" aria-labelledby="title says"');
    expect(svg).toContain('<title id="title">A &quot;plot&quot;</title>');
    expect(svg).toContain('<desc id="says">seconds: a &amp; b 0, &lt;own&gt; 50 s, c 200 s.</desc>');
  });

  test('has bars as long as their figures', () => {
    const widths = [...svg.matchAll(/class="bar[^>]*? width="([\d.]+)"/g)].map(([, width]) => Number(width));
    expect(widths[1] as number).toBeCloseTo((widths[2] as number) / 4, 0);
    expect(widths[0]).toBeGreaterThan(0);
  });

  test('has colours for dark pages too, and asks nobody for anything', () => {
    expect(svg).toContain('prefers-color-scheme: dark');
    expect(svg.replace('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|url\(|<script/);
  });
});
