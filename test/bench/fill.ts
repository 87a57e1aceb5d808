import { setTimeout } from 'node:timers/promises';
import { type Cache, demandSpace, ownCache, peerCache, startImageRegistry } from './caches';
import { memoryOf } from './processes';
import { read } from './reader';
import { type Figure, median, type Outcome, round, rounded } from './result';
import type { Stage } from './stage';

const MAX_DELAY = 1.2;
const MAX_GROWTH = 150;
const LATENCY = 50;
const GIB = 1024 ** 3;

/** What filling costs: the time until the first byte, and memory. */
export async function fill(stage: Stage): Promise<Outcome> {
  const figures: Figure[] = [];
  const raw: Record<string, unknown> = {};
  await measureFirstBytes(stage, figures, raw);
  await measureMemory(stage, figures, raw);
  return {
    figures,
    notes: [
      `First byte: each of the blobs is asked for once, in turns with everybody else; the registry takes ${LATENCY} ms for every answer, as one does that is not next door. Memory: one reader a blob, as fast as it comes; the idle size is that of a fresh process that has answered one ping, the highest size is the kernel's high-water mark.`,
    ],
    raw,
  };
}

async function measureFirstBytes(stage: Stage, figures: Figure[], raw: Record<string, unknown>): Promise<void> {
  const count = stage.choose(5, 30, 60);
  const sizes = Array.from({ length: count }, (_, index) => 1_000_000 + index);
  const registry = await startImageRegistry(stage, { image: sizes }, { LATENCY: String(LATENCY) });
  const own = stage.runtimes.map((runtime) => ownCache(stage, runtime));
  const caches: Cache[] = [...own, peerCache(stage)];
  const servers = await Promise.all(caches.map((cache) => cache.start(registry.backend)));
  const urls = [registry.url, ...servers.map(({ url }) => url)];
  const times: number[][] = urls.map(() => []);
  const [config, ...layers] = registry.image('image').blobs;
  // The first request of a process loads what others need no more.
  for (const url of urls) await firstByte(`${url}/v2/bench/image/blobs/${config?.digest}`);
  for (const { digest } of layers) {
    for (const [index, url] of urls.entries())
      times[index]?.push(await firstByte(`${url}/v2/bench/image/blobs/${digest}`));
  }
  for (const server of servers) await server.stop();
  await registry.stop();
  const direct = median(times[0] ?? []);
  const peer = median(times.at(-1) ?? []);
  for (const [index, { node }] of own.entries()) {
    const time = median(times[index + 1] ?? []);
    figures.push({
      what: 'First byte of a cold blob, as a multiple of asking the registry itself',
      node,
      value: round(time / direct),
      unit: '×',
      atMost: MAX_DELAY,
      peer: `proxy ${round(time, 1)} ms, registry ${round(direct, 1)} ms, distribution ${round(peer, 1)} ms (${round(peer / direct)} ×)`,
    });
  }
  raw.firstByte = { direct: rounded(times[0] ?? []), own: own.map((_, index) => rounded(times[index + 1] ?? [])) };
}

/** Milliseconds. */
async function firstByte(url: string): Promise<number> {
  const startedAt = performance.now();
  let time = Number.NaN;
  const onBody = (piece: Buffer) => {
    if (piece.length > 0 && Number.isNaN(time)) time = performance.now() - startedAt;
  };
  const { complete, status } = await read(url, { onBody }).done;
  if (!complete) throw new Error(`${url} came incomplete, status ${status}`);
  return time;
}

async function measureMemory(stage: Stage, figures: Figure[], raw: Record<string, unknown>): Promise<void> {
  const blobs = stage.choose(4, 10);
  const size = stage.choose(GIB / 8, GIB);
  demandSpace(stage, 2.5 * blobs * size);
  const registry = await startImageRegistry(stage, {
    image: Array.from({ length: blobs }, (_, index) => size - index),
  });
  const [, ...layers] = registry.image('image').blobs;
  const measure = async (cache: Cache) => {
    const server = await cache.start(registry.backend);
    await read(`${server.url}/v2/`).done;
    await setTimeout(1000);
    const idle = memoryOf(server.pid).now;
    const startedAt = performance.now();
    const readings = await Promise.all(
      layers.map(({ digest }) => read(`${server.url}/v2/bench/image/blobs/${digest}`).done),
    );
    const seconds = (performance.now() - startedAt) / 1000;
    const { peak } = memoryOf(server.pid);
    const { bytes } = await registry.count();
    await server.stop();
    const broken = readings.filter(({ complete }) => !complete);
    if (broken.length > 0) throw new Error(`${broken.length} blobs came incomplete`);
    return { idle, peak, seconds, traffic: bytes / (blobs * size) };
  };
  const peer = await measure(peerCache(stage));
  raw.memory = { blobs, size, distribution: peer };
  for (const runtime of stage.runtimes) {
    const run = await measure(ownCache(stage, runtime));
    figures.push({
      what: `${blobs} cold blobs of ${round(size / GIB, 2)} GiB at once: growth over the idle size`,
      node: runtime.version,
      value: round(run.peak - run.idle, 1),
      unit: 'MB',
      atMost: MAX_GROWTH,
      peer: `distribution ${round(peer.peak - peer.idle, 1)} MB; ${round(run.seconds, 1)} s and ${round(peer.seconds, 1)} s`,
    });
    raw[`memory, ${runtime.version}`] = run;
  }
  await registry.stop();
}
