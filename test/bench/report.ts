import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PLOTTED, plotPath, plotTitle, writePlots } from '../tools/plots';
import { root } from '../tools/sources';
import { type Figure, isMet, type Result } from './result';

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

const TITLES: Record<BenchmarkName, string> = {
  memory: 'Memory',
  leave: 'Readers who leave',
  throughput: 'Throughput',
  requests: 'Requests',
  start: 'Start',
  heal: 'Healing',
  cold: 'Many clients, one cold image',
  limited: 'A registry with slow connections',
  warm: 'From the cache',
  fill: 'Filling the cache',
  together: 'Several instances, one object store',
  faults: 'Faults',
  worker: 'Cloudflare Workers',
};

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

/** docs/performance.md, as the results say it. */
export function renderReport(results: readonly Result[]): string {
  return `# Performance

<!-- Written by \`yarn bench\` from test/bench/results: run that instead of editing. -->

Every figure is measured on the built bundle, as a process of its own, over loopback, together with what it is compared
with, in the same run. \`yarn bench\` runs everything in a few minutes; \`yarn bench memory start\` runs two of them;
\`--full\` takes its time. nginx and distribution are measured where they are installed. Figures without a target only
inform. The plots show figures of the tables below them; \`yarn bench\` makes them, and \`yarn plots\` makes them again from
the results that there are.

${results.map(renderResult).join('\n')}`;
}

function renderResult(result: Result): string {
  const { name, date, machine, full, figures, notes } = result;
  const plot = PLOTTED.includes(name) ? `![${plotTitle(result)}](${plotPath(name)})\n\n` : '';
  return `## ${TITLES[name as BenchmarkName]}

\`yarn bench ${full ? '--full ' : ''}${name}\`, ${date}, ${machine}

${plot}| Figure | Node.js | Target | Measured | In the same run |
| --- | --- | --- | --- | --- |
${figures.map(renderFigure).join('\n')}

${notes.join('\n\n')}
`;
}

function renderFigure(figure: Figure): string {
  const { what, node, value, unit, peer = '' } = figure;
  const measured = `${value} ${unit}`.trim();
  return `| ${what} | ${node} | ${target(figure)} | ${isMet(figure) ? measured : `**${measured}: missed**`} | ${peer} |`;
}

function target({ atMost, atLeast, unit }: Figure): string {
  if (atMost !== undefined) return atMost === 0 ? '0' : `at most ${atMost} ${unit}`.trim();
  return atLeast === undefined ? '' : `at least ${atLeast} ${unit}`;
}

export function writeReport(): void {
  const results = readResults();
  writeFileSync(join(root, 'docs/performance.md'), renderReport(results));
  writePlots(results);
}
