import { type Cache, ownCache, peerCache, sizeOf, startImageRegistry } from './caches';
import { pullImage } from './image-pull';
import { type Figure, median, type Outcome, round, rounded } from './result';
import type { Stage } from './stage';

const MEGABYTE = 1_000_000;
const CONNECTIONS = 10;
const MIN_GAIN = 8;

/** A cold pull of one large layer where each connection to the registry is slow. */
export async function limited(stage: Stage): Promise<Outcome> {
  const size = stage.choose(20, 200) * MEGABYTE;
  const rate = 5 * MEGABYTE;
  const rounds = stage.choose(1, 3, 5);
  const registry = await startImageRegistry(stage, { image: [size] }, { CONNECTION_RATE: String(rate) });
  const image = registry.image('image');
  const measure = async (cache: Cache) => {
    const server = await cache.start(registry.backend);
    await registry.count();
    const seconds = await pullImage(server.url, image, true);
    const { bytes, connections } = await registry.count();
    await server.stop();
    return { seconds, traffic: bytes / sizeOf(image), connections };
  };
  const peer = await measure(peerCache(stage));
  const raw: Record<string, unknown> = { size, rate, rounds, distribution: peer };
  const figures: Figure[] = [];
  const env = { DOWNLOAD_CONNECTIONS: String(CONNECTIONS) };
  for (const runtime of stage.runtimes) {
    const kinds = [
      { what: 'into a cache on disk', cache: ownCache(stage, runtime, env) },
      { what: 'without a cache', cache: ownCache(stage, runtime, { ...env, CACHE: 'none' }) },
    ];
    for (const { what, cache } of kinds) {
      const runs: Awaited<ReturnType<typeof measure>>[] = [];
      for (let index = 0; index < rounds; index += 1) runs.push(await measure(cache));
      const times = runs.map(({ seconds }) => seconds);
      figures.push({
        what: `Cold pull of one layer of ${size / MEGABYTE} MB ${what}, each connection to the registry limited to ${rate / MEGABYTE} MB/s: speed, as a multiple of distribution's`,
        node: runtime.version,
        value: round(peer.seconds / median(times)),
        unit: '×',
        atLeast: MIN_GAIN,
        peer: `proxy ${round(median(times), 1)} s, distribution ${round(peer.seconds, 1)} s; bytes from the registry ${round(Math.max(...runs.map(({ traffic }) => traffic)))} × and ${round(peer.traffic)} × the image`,
      });
      raw[`${what}, ${runtime.version}`] = { seconds: rounded(times), runs };
    }
  }
  await registry.stop();
  return {
    figures,
    notes: [
      `\`DOWNLOAD_CONNECTIONS=${CONNECTIONS}\`; the registry honours \`Range\`. The digest of what came is checked by the reader.`,
    ],
    raw,
  };
}
