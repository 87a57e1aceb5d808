import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PLOTTED, plotPath, plotTitle, writePlots } from '../tools/plots';
import { root } from '../tools/sources';
import { type Figure, isMet, type Result } from './result';
import type { Words } from './words';
import { ENGLISH } from './words-en';
import { CHINESE } from './words-zh';

export const BENCHMARKS = [
  'memory',
  'leave',
  'throughput',
  'requests',
  'start',
  'heal',
  'cold',
  'limited',
  'warm',
  'fill',
  'together',
  'faults',
  'worker',
] as const;

export type BenchmarkName = (typeof BENCHMARKS)[number];

const folder = join(__dirname, 'results');

export function readResults(): Result[] {
  return BENCHMARKS.map((name) => join(folder, `${name}.json`))
    .filter((file) => existsSync(file))
    .map((file) => JSON.parse(readFileSync(file, 'utf8')));
}

export async function writeResult(result: Result): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${result.name}.json`);
  writeFileSync(file, JSON.stringify(result, null, 2));
  await promisify(execFile)(join(root, 'node_modules/.bin/biome'), ['format', '--write', file], { cwd: root });
}

/** docs/performance.md, as the results say it, or the same in another language. */
export function renderReport(results: readonly Result[], words: Words = ENGLISH): string {
  return `# ${words.title}

${words.link}

<!-- Written by \`yarn bench\` from test/bench/results: run that instead of editing. -->

${words.introduction}

${results.map((result) => renderResult(result, words)).join('\n')}`;
}

function renderResult(result: Result, words: Words): string {
  const { name, date, machine, full, figures, notes } = result;
  const plot = PLOTTED.includes(name)
    ? `![${plotTitle(result, words.language)}](${plotPath(name, words.language)})\n\n`
    : '';
  return `## ${words.benchmarks[name as BenchmarkName]}

${[`\`yarn bench ${full ? '--full ' : ''}${name}\``, date, words.say(machine)].join(words.comma)}

${plot}| ${words.columns.join(' | ')} |
|${' --- |'.repeat(words.columns.length)}
${figures.map((figure) => renderFigure(figure, words)).join('\n')}

${notes.map(words.say).join('\n\n')}
`;
}

function renderFigure(figure: Figure, words: Words): string {
  const { what, node, value, unit, peer = '' } = figure;
  const measured = `${value} ${unit}`.trim();
  const found = isMet(figure) ? measured : `**${words.missed(measured)}**`;
  return `| ${words.say(what)} | ${node} | ${target(figure, words)} | ${found} | ${words.say(peer)} |`;
}

function target({ atMost, atLeast, unit }: Figure, words: Words): string {
  if (atMost !== undefined) return atMost === 0 ? '0' : words.atMost(`${atMost} ${unit}`.trim());
  return atLeast === undefined ? '' : words.atLeast(`${atLeast} ${unit}`);
}

export function writeReport(): void {
  const results = readResults();
  for (const words of [ENGLISH, CHINESE]) writeFileSync(join(root, words.path), renderReport(results, words));
  writePlots(results);
}
