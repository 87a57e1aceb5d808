import { setTimeout } from 'node:timers/promises';
import { demandSpace, type ImageRegistry, startImageRegistry } from './caches';
import { ACCEPT } from './image-pull';
import { cpuOf, cpuTimesOf, memoryOf, type RunningServer, type Server } from './processes';
import { read } from './reader';
import { type Figure, median, type Outcome, round, rounded, spread } from './result';
import type { Stage } from './stage';
import { sizeOf, startOf } from './worker-module';
import { buildWorkers, startWorker, type WorkerModules } from './worker-process';

const MEGABYTE = 1_000_000;
const SLOW = 10 * MEGABYTE;
const CONNECTIONS = 32;

/** `watched` where there is time to continue and keep what is relayed; `direct` leaves that to the platform. */
type Kind = 'watched' | 'direct' | 'pass-through';

interface Contestant {
  readonly kind: Kind;
  readonly server: RunningServer;
  /** MB, after a first small answer. */
  readonly idle: number;
  /** Seconds of CPU of each round, those of them that are not the kernel's, and of the clock. */
  readonly cpu: number[];
  readonly user: number[];
  readonly clock: number[];
}

interface Bench {
  readonly stage: Stage;
  readonly registry: ImageRegistry;
  readonly modules: WorkerModules;
  readonly figures: Figure[];
  readonly raw: Record<string, unknown>;
}

/** What a blob costs on workerd, beside what the shortest Worker costs that does the same. */
export async function worker(stage: Stage): Promise<Outcome> {
  const size = stage.choose(50, 500) * MEGABYTE;
  const rounds = stage.choose(2, 5, 9);
  const seconds = stage.choose(1, 5);
  demandSpace(stage, 2 * (rounds + 2) * size);
  const names = Array.from({ length: rounds + 1 }, (_, index) => `image-${index}`);
  const registry = await startImageRegistry(stage, Object.fromEntries(names.map((name) => [name, [size]])));
  const bench: Bench = { stage, registry, modules: await buildWorkers(stage), figures: [], raw: { size, rounds } };
  const blobs = names.map((name) => `/v2/bench/${name}/blobs/${registry.image(name).blobs[1]?.digest}`);
  const [first, second] = blobs as [string, string];
  const always = Array.from({ length: rounds + 1 }, () => first);

  const relayed = await startAll(bench, ['watched', 'direct', 'pass-through'], false);
  await compete(bench, 'relayed', relayed, always);
  await requests(bench, relayed, seconds);
  await stopAll(relayed);

  const kept = await startAll(bench, ['watched', 'pass-through'], true);
  // Another one in each round, so that it is missing.
  await compete(bench, 'relayed and kept in R2', kept, blobs);
  await registry.count();
  await compete(bench, 'from R2', kept, always);
  const asked = (await registry.count()).blobs;
  if (asked > 0) throw new Error(`the registry was asked for ${asked} blobs that were kept`);
  await stopAll(kept);

  await readSlowly(bench, 'relayed', await startAll(bench, ['watched', 'pass-through'], false), second, seconds);
  await readSlowly(
    bench,
    'relayed and kept in R2',
    await startAll(bench, ['watched', 'pass-through'], true),
    second,
    seconds,
  );
  await registry.stop();
  bench.figures.push(sizeOf(bench.modules.own), startOf(stage, bench.modules.own, stage.choose(1, 5)));
  return {
    figures: bench.figures,
    notes: [
      `${rounds} rounds in turns, over plain HTTP; a registry without tokens or redirects. CPU is what the kernel says of the process (user and system), to 10 ms, and holds what workerd itself does: a pass-through Worker runs for the head alone, so what is beyond it is the closest there is to what Cloudflare counts as the CPU time of a request, and above all what is not the kernel's work (“its own”). Watched is what a Worker does with \`MAX_SUBREQUESTS=1000\`, as on the paid plan; direct what it does with large bodies on the free plan. R2 is the simulator's, which runs in the same workerd and takes most of the time and of the memory there, for both alike. Memory: one reader takes ${SLOW / MEGABYTE} MB/s for ${seconds} s of what comes a hundred times as fast; the highest size is the kernel's high-water mark. Small requests come over ${CONNECTIONS} connections that stay open.`,
    ],
    raw: bench.raw,
  };
}

async function startAll(bench: Bench, kinds: readonly Kind[], hasBucket: boolean): Promise<Contestant[]> {
  const { stage, registry, modules } = bench;
  const all: Contestant[] = [];
  for (const kind of kinds) {
    const env = { REGISTRY_BACKEND: registry.backend, HANDLE_REDIRECT: 'true', LOG_LEVEL: 'error' };
    const script = kind === 'pass-through' ? modules.plain : modules.own;
    const plan: Record<string, string> = kind === 'watched' ? { MAX_SUBREQUESTS: '1000' } : {};
    const server = await startWorker(stage, script, { ...env, ...plan }, hasBucket);
    await read(`${server.url}/v2/`).done;
    await setTimeout(500);
    all.push({ kind, server, idle: memoryOf(server.pid).now, cpu: [], user: [], clock: [] });
  }
  return all;
}

/** @param paths one for each round; the first does not count */
async function compete(bench: Bench, what: string, all: readonly Contestant[], paths: readonly string[]) {
  const { figures, raw } = bench;
  const size = raw.size as number;
  for (const each of all) each.cpu.length = each.user.length = each.clock.length = 0;
  for (const [index, path] of paths.entries()) {
    for (const each of index % 2 === 0 ? all : all.toReversed()) await measure(each, path, index > 0);
  }
  const plain = all.at(-1) as Contestant;
  for (const own of all.slice(0, -1)) {
    const times = own.cpu.map((value, index) => (value - (plain.cpu[index] ?? Number.NaN)) * 1000);
    const speeds = own.clock.map((value, index) => (plain.clock[index] ?? Number.NaN) / value);
    const speed = ({ clock }: Contestant) => `${round(size / MEGABYTE / median(clock), 0)} MB/s`;
    figures.push(
      {
        what: `A blob of ${size / MEGABYTE} MB, ${what}, ${own.kind}: CPU time of workerd beyond that of a pass-through Worker`,
        node: '',
        value: round(median(times), 0),
        unit: 'ms',
        peer: `Worker ${timesOf(own)}, pass-through ${timesOf(plain)}; difference ${spread(times, 0)}`,
      },
      {
        what: 'The same: bytes a second, as a multiple of a pass-through Worker',
        node: '',
        value: round(median(speeds)),
        unit: '×',
        peer: `Worker ${speed(own)}, pass-through ${speed(plain)}; ratio ${spread(speeds)}`,
      },
    );
  }
  for (const { kind, cpu, user, clock } of all)
    raw[`${what}, ${kind}`] = { cpu: rounded(cpu, 3), user: rounded(user, 3), clock: rounded(clock, 3) };
}

function timesOf({ cpu, user }: Contestant): string {
  return `${round(median(cpu) * 1000, 0)} ms, ${round(median(user) * 1000, 0)} of them its own`;
}

async function measure({ kind, server, cpu, user, clock }: Contestant, path: string, counts: boolean): Promise<void> {
  const [userBefore, systemBefore] = cpuTimesOf(server.pid);
  const startedAt = performance.now();
  const { complete, bytes, status } = await read(server.url + path).done;
  const seconds = (performance.now() - startedAt) / 1000;
  if (!complete) throw new Error(`${kind}: ${path} came incomplete: ${bytes} bytes, status ${status}`);
  // What is still to be done for it belongs to it.
  await settled(server.pid);
  if (!counts) return;
  clock.push(seconds);
  const [userAfter, systemAfter] = cpuTimesOf(server.pid);
  user.push(userAfter - userBefore);
  cpu.push(userAfter - userBefore + systemAfter - systemBefore);
}

/** Until a process has nothing to do for a while. */
async function settled(pid: number): Promise<void> {
  for (let last = -1; cpuOf(pid) !== last; await setTimeout(150)) last = cpuOf(pid);
}

async function stopAll(all: readonly Contestant[]): Promise<void> {
  for (const { server } of all) await server.stop();
}

async function requests({ stage, figures, raw }: Bench, all: readonly Contestant[], seconds: number): Promise<void> {
  const load = await stage.startPeer('load');
  const rates = new Map<Kind, number[]>(all.map(({ kind }) => [kind, []]));
  for (let index = 0; index < 6; index += 1) {
    for (const { kind, server } of index % 2 === 0 ? all : all.toReversed()) {
      const rate = await ask(load, `${server.url}/v2/bench/image-0/manifests/latest`, seconds / 5);
      if (index > 0) rates.get(kind)?.push(rate);
    }
  }
  await load.stop();
  const own = rates.get('watched') ?? [];
  const plain = rates.get('pass-through') ?? [];
  const ratios = own.map((value, index) => value / (plain[index] ?? Number.NaN));
  raw.manifests = { own: rounded(own, 0), plain: rounded(plain, 0) };
  figures.push({
    what: 'GET of a manifest by its tag, relayed: requests a second, as a multiple of a pass-through Worker',
    node: '',
    value: round(median(ratios)),
    unit: '×',
    peer: `Worker ${round(median(own), 0)} /s, pass-through ${round(median(plain), 0)} /s; ratio ${spread(ratios)}`,
  });
}

/** Requests a second. */
async function ask(load: Server, url: string, seconds: number): Promise<number> {
  const query = new URLSearchParams({ url, method: 'GET', seconds: String(seconds), field: `accept: ${ACCEPT}` });
  const answer = await fetch(`${load.url}/?${query}&connections=${CONNECTIONS}&most=200000`);
  const tally = (await answer.json()) as { requests: number; seconds: number; fault?: string };
  if (tally.fault !== undefined) throw new Error(`GET ${url}: ${tally.fault}`);
  return tally.requests / tally.seconds;
}

/** Growth of each while one slow reader reads. */
async function readSlowly(bench: Bench, what: string, all: readonly Contestant[], path: string, seconds: number) {
  const growths = await Promise.all(
    all.map(async ({ server, idle }) => {
      const reader = read(server.url + path, { rate: SLOW });
      await setTimeout(seconds * 1000);
      if (reader.bytes() < (SLOW * seconds) / 2) throw new Error(`only ${reader.bytes()} bytes came`);
      const { peak } = memoryOf(server.pid);
      reader.leave();
      await reader.done;
      return round(peak - idle, 1);
    }),
  );
  await stopAll(all);
  bench.raw[`growth, ${what}`] = growths;
  bench.figures.push({
    what: `A slow reader of a blob, ${what}: growth of workerd over the idle size`,
    node: '',
    value: growths[0] as number,
    unit: 'MB',
    peer: `pass-through ${growths[1]} MB`,
  });
}
