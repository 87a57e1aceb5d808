import { startNginx } from './nginx';
import { cpuOf, type Server } from './processes';
import { read } from './reader';
import { type Figure, median, type Outcome, round, rounded, spread } from './result';
import { blobPath, type Runtime, type Stage } from './stage';

const GIB = 1024 ** 3;
const MIN_RATIO = 0.9;

interface Contestant {
  readonly name: string;
  readonly server: Pick<Server, 'pid' | 'url' | 'stop'>;
  /** GB/s, one value a round. */
  readonly speeds: number[];
  /** Seconds of its CPU for each GiB, one value a round. */
  readonly costs: number[];
}

/** How fast one large blob comes through, beside the plainest proxy there is and, where it is installed, nginx. */
export async function throughput(stage: Stage): Promise<Outcome> {
  const upstream = await stage.startUpstream();
  const backend = `https://127.0.0.1:${upstream.listening.port}`;
  const size = stage.choose(GIB / 8, GIB / 2, 2 * GIB);
  const rounds = stage.choose(2, 11, 15);
  const figures: Figure[] = [];
  const raw: Record<string, unknown> = { size, rounds };

  const run = async (runtime: Runtime, how: 'direct' | 'moved', others: readonly Contestant[]) => {
    const env: Record<string, string> = how === 'moved' ? { HANDLE_REDIRECT: 'true' } : {};
    const ours = contestant('proxy', await stage.startProxy(runtime, { REGISTRY_BACKEND: backend, ...env }));
    const plain = contestant('plain https.get', await stage.startPlainProxy(runtime, backend));
    const all = [ours, plain, ...others];
    await compete(all, how, size, rounds);
    for (const { server } of all) await server.stop();
    const ratios = ours.speeds.map((speed, index) => speed / (plain.speeds[index] ?? Number.NaN));
    const costRatios = ours.costs.map((cost, index) => cost / (plain.costs[index] ?? Number.NaN));
    const what = how === 'direct' ? 'served by the registry' : 'behind a redirect that the proxy follows';
    const inGigabits = ({ name, speeds }: Contestant) => `${name} ${round(median(speeds) * 8, 1)} Gbit/s`;
    figures.push({
      what: `One blob of ${round(size / GIB, 2)} GiB ${what}: speed, as a part of plain https.get's`,
      node: runtime.version,
      value: round(median(ratios)),
      unit: '×',
      atLeast: MIN_RATIO,
      peer: all.map(inGigabits).join(', '),
    });
    figures.push({
      what: `The same: CPU time for each GiB, as a multiple of plain https.get's`,
      node: runtime.version,
      value: round(median(costRatios)),
      unit: '×',
      peer: all.map(({ name, costs }) => `${name} ${round(median(costs))} s`).join(', '),
    });
    raw[`${how}, ${runtime.version}`] = {
      ratio: spread(ratios),
      cpuRatio: spread(costRatios),
      ...Object.fromEntries(
        all.map(({ name, speeds, costs }) => [
          name,
          { gigabytesPerSecond: rounded(speeds), cpuPerGib: rounded(costs) },
        ]),
      ),
    };
  };

  const own = stage.runtimes.at(-1) as Runtime;
  const nginx = await startNginx(stage, backend);
  await run(own, 'direct', nginx ? [contestant('nginx', nginx)] : []);
  await run(own, 'moved', []);
  for (const runtime of stage.runtimes.slice(0, -1)) await run(runtime, 'direct', []);
  await upstream.stop();
  return {
    figures,
    notes: [
      `${rounds} rounds; in each round everybody fetches the blob once, in turns, over one TLS connection of their own that is already open. The ratio is the median of the rounds' ratios, so that what else the machine does weighs on both sides.`,
    ],
    raw,
  };
}

function contestant(name: string, server: Contestant['server']): Contestant {
  return { name, server, speeds: [], costs: [] };
}

async function compete(all: readonly Contestant[], how: 'direct' | 'moved', size: number, rounds: number) {
  for (const { server } of all) await fetchOnce(server, how, Math.min(size, GIB / 8));
  for (let index = 0; index < rounds; index += 1) {
    const order = index % 2 === 0 ? all : all.toReversed();
    for (const { server, speeds, costs } of order) {
      const cpu = cpuOf(server.pid);
      const seconds = await fetchOnce(server, how, size);
      speeds.push(size / seconds / 1e9);
      costs.push(((cpuOf(server.pid) - cpu) / size) * GIB);
    }
  }
}

async function fetchOnce({ url }: { readonly url: string }, how: 'direct' | 'moved', size: number): Promise<number> {
  const startedAt = performance.now();
  const { complete, status } = await read(`${url}${blobPath(how, size)}`).done;
  if (!complete) throw new Error(`the blob came incomplete (${status})`);
  return (performance.now() - startedAt) / 1000;
}
