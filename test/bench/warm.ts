import { setTimeout } from 'node:timers/promises';
import { type Cache, type ImageRegistry, ownCache, peerCache, startImageRegistry } from './caches';
import { ACCEPT, pullImage } from './image-pull';
import { cpuOf, type RunningServer, type Server } from './processes';
import { read } from './reader';
import { type Figure, median, type Outcome, round, rounded, spread } from './result';
import type { Stage } from './stage';

const MEGABYTE = 1_000_000;
const PART = 8 * MEGABYTE;
const CONNECTIONS = 32;
const MIN_RATIO = 1;

interface Contestant {
  readonly cache: Cache;
  readonly server: RunningServer;
  /** One value a round: what is asked for, for each second of its CPU. */
  readonly perCpu: number[];
  /** The same for each second of the clock. */
  readonly perSecond: number[];
}

/** Does a round's worth of work, and says how much that was. */
type Work = (server: RunningServer) => Promise<number>;

/** What the cache has already: how much of it comes for each second of CPU. */
export async function warm(stage: Stage): Promise<Outcome> {
  const size = stage.choose(20, 200) * MEGABYTE;
  const rounds = stage.choose(2, 7, 15);
  const times = stage.choose(2, 5);
  const seconds = stage.choose(0.3, 0.8, 2);
  const registry = await startImageRegistry(stage, { image: [size] });
  const load = await stage.startPeer('load');
  const caches = [...stage.runtimes.map((runtime) => ownCache(stage, runtime)), peerCache(stage)];
  const all: Contestant[] = [];
  for (const cache of caches) {
    all.push({ cache, server: await fill(cache, registry), perCpu: [], perSecond: [] });
  }
  const { name, manifest, blobs } = registry.image('image');
  const layer = `/v2/bench/${name}/blobs/${blobs[1]?.digest}`;
  const figures: Figure[] = [];
  const raw: Record<string, unknown> = { size, rounds };
  const compete = async (what: string, work: Work) => {
    for (const contestant of all) {
      contestant.perCpu.length = 0;
      contestant.perSecond.length = 0;
      await work(contestant.server);
    }
    await registry.count();
    for (let index = 0; index < rounds; index += 1) {
      for (const contestant of index % 2 === 0 ? all : all.toReversed()) await measure(contestant, work);
    }
    raw[what] = {
      requestsUpstream: (await registry.count()).requests,
      ...Object.fromEntries(
        all.map(({ cache, perCpu, perSecond }) => [
          `${cache.name} ${cache.node}`.trim(),
          { perCpuSecond: rounded(perCpu, 0), perSecond: rounded(perSecond, 0) },
        ]),
      ),
    };
  };
  const figure = (what: string, values: (one: Contestant) => readonly number[], unit: string) => {
    const peer = all.at(-1) as Contestant;
    for (const own of all.slice(0, -1)) {
      const ratios = values(own).map((value, index) => value / (values(peer)[index] ?? Number.NaN));
      figures.push({
        what,
        node: own.cache.node,
        value: round(median(ratios)),
        unit: '×',
        atLeast: MIN_RATIO,
        peer: `proxy ${round(median(values(own)), 0)} ${unit}, distribution ${round(median(values(peer)), 0)} ${unit}; ratio ${spread(ratios)}`,
      });
    }
  };

  const bodies: readonly [string, Work][] = [
    ['a whole layer', async ({ url }) => (await readAll(url + layer, Array(times).fill(undefined))) / MEGABYTE],
    [
      `parts of ${PART / MEGABYTE} MB`,
      async ({ url }) => (await readAll(url + layer, partsOf(size, times))) / MEGABYTE,
    ],
  ];
  for (const [what, work] of bodies) {
    await compete(what, work);
    figure(
      `From disk, ${what}: bytes for each second of CPU, as a multiple of distribution's`,
      (one) => one.perCpu,
      'MB',
    );
    figure(`The same: bytes a second`, (one) => one.perSecond, 'MB/s');
  }
  const kinds = ['GET', 'HEAD'].flatMap((method) => [
    { what: `${method} of a manifest by its digest`, method, path: `/v2/bench/${name}/manifests/${manifest}` },
    { what: `${method} of a manifest by its tag`, method, path: `/v2/bench/${name}/manifests/latest` },
  ]);
  for (const { what, method, path } of kinds) {
    await compete(what, ({ url }) => ask(load, url + path, method, seconds));
    figure(`From disk, ${what}: requests a second, as a multiple of distribution's`, (one) => one.perSecond, '/s');
  }
  for (const { server } of all) await server.stop();
  await load.stop();
  await registry.stop();
  return {
    figures,
    notes: [
      `${rounds} rounds, all in turns, of a layer of ${size / MEGABYTE} MB: whole ${times} times, and as often in parts, each over a connection of its own. Small requests come over ${CONNECTIONS} connections that stay open. CPU is what the kernel says of the process (user and system). The ratio is the median of the rounds' ratios, with the lowest and highest in brackets. For a tag distribution asks the registry each time; the proxy does once in \`CACHE_TAG_TTL\`.`,
    ],
    raw,
  };
}

/** Pulls until the registry is not asked for a blob any more. */
async function fill(cache: Cache, registry: ImageRegistry): Promise<RunningServer> {
  const server = await cache.start(registry.backend);
  const image = registry.image('image');
  for (let attempt = 0; attempt < 20; attempt += 1) {
    await registry.count();
    await pullImage(server.url, image, true);
    if ((await registry.count()).blobs === 0) return server;
    await setTimeout(1000);
  }
  throw new Error(`${cache.name} ${cache.node} does not keep what was pulled`);
}

async function measure({ server, perCpu, perSecond }: Contestant, work: Work): Promise<void> {
  const cpu = cpuOf(server.pid);
  const startedAt = performance.now();
  const done = await work(server);
  perSecond.push(done / ((performance.now() - startedAt) / 1000));
  perCpu.push(done / (cpuOf(server.pid) - cpu));
}

async function readAll(url: string, ranges: readonly (string | undefined)[]): Promise<number> {
  let sum = 0;
  for (const range of ranges) {
    const { complete, bytes, status } = await read(url, { range }).done;
    if (!complete) throw new Error(`${url} came incomplete: ${bytes} bytes, status ${status}`);
    sum += bytes;
  }
  return sum;
}

/** As many bytes as so many whole layers, from everywhere in it. */
function partsOf(size: number, times: number): string[] {
  const count = Math.floor((size * times) / PART);
  const places = size - PART;
  return Array.from({ length: count }, (_, index) => {
    const first = (index * 7_919_117) % places;
    return `bytes=${first}-${first + PART - 1}`;
  });
}

async function ask(load: Server, url: string, method: string, seconds: number): Promise<number> {
  const query = new URLSearchParams({ url, method, seconds: String(seconds), field: `accept: ${ACCEPT}` });
  const answer = await fetch(`${load.url}/?${query}&connections=${CONNECTIONS}&most=200000`);
  const tally = (await answer.json()) as { requests: number; fault?: string };
  if (tally.fault !== undefined) throw new Error(`${method} ${url}: ${tally.fault}`);
  return tally.requests;
}
