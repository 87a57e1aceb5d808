import { copyFileSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { configuration, readJsonc, wrangler } from '../deploy/wrangler';
import { type Figure, median, round, spread } from './result';
import type { Stage } from './stage';

/** ms. */
const MAX_START = 200;

/** What the module takes of the plan's limit. */
export function sizeOf(module: string): Figure {
  const bytes = readFileSync(module);
  const peer = `${round(gzipSync(bytes).length / 1024, 1)} KiB with gzip, of which the free plan takes 3 MB`;
  return { what: 'Size of worker.js', node: '', value: round(bytes.length / 1024, 1), unit: 'KiB', peer };
}

interface Profile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: { readonly url: string } }[];
  readonly samples: readonly number[];
  /** Microseconds. */
  readonly timeDeltas: readonly number[];
}

/** As wrangler finds it out: the time in the module until it can serve. */
export function startOf(stage: Stage, module: string, times: number): Figure {
  const folder = mkdtempSync(join(stage.folder, 'start-'));
  copyFileSync(module, join(folder, 'worker.js'));
  const { build: _, ...config } = readJsonc(readFileSync(configuration, 'utf8'));
  writeFileSync(join(folder, 'wrangler.json'), JSON.stringify({ ...config, $schema: undefined, main: 'worker.js' }));
  const starts = Array.from({ length: times }, () => {
    wrangler(['check', 'startup', '--outfile', 'start.cpuprofile'], folder);
    const profile: Profile = JSON.parse(readFileSync(join(folder, 'start.cpuprofile'), 'utf8'));
    const own = new Set(profile.nodes.filter(({ callFrame }) => callFrame.url !== '').map(({ id }) => id));
    const spent = profile.samples.map((id, index) => (own.has(id) ? (profile.timeDeltas[index] ?? 0) : 0));
    return spent.reduce((sum, value) => sum + value, 0) / 1000;
  });
  return {
    what: 'Start of the module, as `wrangler check startup` profiles it',
    node: '',
    value: round(median(starts), 1),
    unit: 'ms',
    atMost: MAX_START,
    peer: `${spread(starts, 1)}; Cloudflare takes modules of up to 1000 ms`,
  };
}
