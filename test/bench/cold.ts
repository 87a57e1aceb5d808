import { type Cache, ownCache, peerCache, sizeOf, startImageRegistry } from './caches';
import { pullImage } from './image-pull';
import { type Figure, median, type Outcome, round, rounded } from './result';
import type { Stage } from './stage';

const MEGABYTE = 1_000_000;
const MAX_TRAFFIC = 1.01;
const MAX_SLOWDOWN = 1.2;

interface Crowd {
  /** Bytes that the registry sent, as a multiple of the image. */
  readonly traffic: number;
  readonly single: number;
  readonly last: number;
}

/** Many clients that pull one image at once which the cache does not have yet. */
export async function cold(stage: Stage): Promise<Outcome> {
  const clients = stage.choose(5, 20);
  const rounds = stage.choose(1, 3, 5);
  const scale = stage.choose(0.1, 1);
  const layers = [100, 50, 30, 15, 5].map((size) => size * scale * MEGABYTE);
  const rate = stage.choose(10, 25) * MEGABYTE;
  const registry = await startImageRegistry(stage, { image: layers }, { LINK_RATE: String(rate) });
  const image = registry.image('image');
  const size = sizeOf(image);

  const single = async (cache: Cache) => {
    const server = await cache.start(registry.backend);
    const seconds = await pullImage(server.url, image, true);
    await server.stop();
    return seconds;
  };
  const measure = async (cache: Cache): Promise<Crowd> => {
    const alone = await single(cache);
    const server = await cache.start(registry.backend);
    await registry.count();
    const times = await Promise.all(Array.from({ length: clients }, () => pullImage(server.url, image)));
    const { bytes } = await registry.count();
    await server.stop();
    return { traffic: bytes / size, single: alone, last: Math.max(...times) };
  };

  const peer = await measure(peerCache(stage));
  const raw: Record<string, unknown> = { clients, rounds, size, rate, distribution: peer };
  const figures: Figure[] = [];
  for (const runtime of stage.runtimes) {
    const runs: Crowd[] = [];
    for (let index = 0; index < rounds; index += 1) runs.push(await measure(ownCache(stage, runtime)));
    const traffic = runs.map((run) => run.traffic);
    const slowdowns = runs.map(({ last, single: alone }) => last / alone);
    const what = `${clients} clients pull one cold image of ${round(size / MEGABYTE, 0)} MB at once`;
    figures.push({
      what: `${what}: bytes from the registry, as a multiple of the image`,
      node: runtime.version,
      value: round(Math.max(...traffic)),
      unit: '×',
      atMost: MAX_TRAFFIC,
      peer: `distribution ${round(peer.traffic)} ×`,
    });
    figures.push({
      what: 'The same: until the last client is done, as a multiple of one pull alone',
      node: runtime.version,
      value: round(median(slowdowns)),
      unit: '×',
      atMost: MAX_SLOWDOWN,
      peer: `proxy ${round(median(runs.map(({ last }) => last)), 1)} s, alone ${round(median(runs.map((run) => run.single)), 1)} s; distribution ${round(peer.last, 1)} s, alone ${round(peer.single, 1)} s (${round(peer.last / peer.single)} ×)`,
    });
    raw[runtime.version] = { traffic: rounded(traffic), slowdown: rounded(slowdowns), runs };
  }
  await registry.stop();
  return {
    figures,
    notes: [
      `The registry sends ${rate / MEGABYTE} MB/s over all its connections together, as a link of ${(rate * 8) / MEGABYTE} Mbit/s would. Each client pulls as containerd does, three layers at a time; each pull alone and each crowd meets a cache that has just been started, with an empty folder on disk. Bytes: the worst of ${rounds} rounds; time: the median. distribution is measured once, as it takes minutes.`,
    ],
    raw,
  };
}
