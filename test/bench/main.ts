// yarn bench [--quick|--full] [--bundle file] [--seconds n] [name ...]     names: report.ts
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { cold } from './cold';
import { faults } from './faults';
import { fill } from './fill';
import { heal } from './heal';
import { leave } from './leave';
import { limited } from './limited';
import { memory } from './memory';
import { BENCHMARKS, type BenchmarkName, writeReport, writeResult } from './report';
import { requests } from './requests';
import { isMet, type Outcome } from './result';
import { type Extent, type Stage, setStage } from './stage';
import { start } from './start';
import { throughput } from './throughput';
import { together } from './together';
import { warm } from './warm';
import { worker } from './worker';

const benchmarks: Record<BenchmarkName, (stage: Stage) => Promise<Outcome>> = {
  memory,
  leave,
  throughput,
  requests,
  start,
  heal,
  cold,
  limited,
  warm,
  fill,
  together,
  faults: (stage) => faults(stage, secondsGiven),
  worker,
};

/** Of `--seconds`, which `faults` takes. */
let secondsGiven: number | undefined;

/** Minutes after which a benchmark that has not ended is ended. */
const LIMITS: Record<Extent, number> = { quick: 2, usual: 10, full: 40 };

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean' },
      full: { type: 'boolean' },
      bundle: { type: 'string' },
      seconds: { type: 'string' },
    },
  });
  const unknown = positionals.filter((name) => !(name in benchmarks));
  if (unknown.length > 0) throw new Error(`no benchmark ${unknown.join(', ')}: there are ${BENCHMARKS.join(', ')}`);
  const extent = values.full ? 'full' : values.quick ? 'quick' : 'usual';
  if (values.seconds !== undefined) secondsGiven = Number(values.seconds);
  const stage = await setStage(extent, values.bundle);
  // A quick run shows that a benchmark works, and another bundle is not ours: neither is written down.
  const isRecorded = extent !== 'quick' && values.bundle === undefined;
  process.on('exit', () => stage.close());
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));
  for (const name of BENCHMARKS.filter((each) => positionals.length === 0 || positionals.includes(each))) {
    const startedAt = performance.now();
    const outcome = await within(LIMITS[extent], name, benchmarks[name](stage));
    print(name, outcome, performance.now() - startedAt);
    if (isRecorded) await writeResult({ name, ...circumstances(extent), ...outcome });
    if (!outcome.figures.every(isMet)) process.exitCode = 1;
  }
  if (isRecorded) writeReport();
  process.exit();
}

function circumstances(extent: Extent) {
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} cores, ${process.platform} ${process.arch}`,
    full: extent === 'full',
  };
}

async function within<T>(minutes: number, name: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${name} did not end within ${minutes} minutes`)), minutes * 60_000);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function print(name: string, { figures }: Outcome, elapsed: number): void {
  console.log(`\n${name} (${Math.round(elapsed / 1000)} s)`);
  for (const figure of figures) {
    const { what, node, value, unit, atMost, atLeast, peer } = figure;
    const isBound = atMost !== undefined || atLeast !== undefined;
    const verdict = isBound ? (isMet(figure) ? 'ok    ' : 'MISSED') : '      ';
    console.log(`  ${verdict} ${what}${node && ` [${node}]`}: ${value} ${unit}${peer ? `   (${peer})` : ''}`);
  }
}

main().catch((error: Error) => {
  console.error(error.stack);
  process.exit(1);
});
