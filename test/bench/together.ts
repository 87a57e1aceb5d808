import { randomUUID } from 'node:crypto';
import { startS3 } from '../storage/s3-server';
import { type ImageNames, type ImageRegistry, sizeOf, startImageRegistry } from './caches';
import { pullImage } from './image-pull';
import { median, type Outcome, round, rounded, spread } from './result';
import type { Runtime, Stage } from './stage';

const MIB = 1024 ** 2;
const PROCESSES = 3;
/** Bytes a second of the link that all of them share, as one border is. */
const LINK_RATE = 6 * MIB;
/** Upstream bytes as a multiple of the image's, and time as a part of what it takes without a common store, at most. */
const MAX_BYTES = 1.5;
const MAX_TIME = 0.6;

interface Round {
  /** Until all have all of it, in seconds. */
  readonly seconds: number;
  /** Upstream bytes as a multiple of the image's. */
  readonly bytes: number;
}

/** Several processes that are asked for the same cold image at once, with and without a store in common. */
export async function together(stage: Stage): Promise<Outcome> {
  const rounds = stage.choose(1, 3, 7);
  const size = stage.choose(24, 48) * MIB;
  const names = Array.from({ length: rounds * 2 }, (_, index) => `cold-${index}`);
  const images = Object.fromEntries(names.map((name) => [name, [MIB, size]]));
  const registry = await startImageRegistry(stage, images, { LINK_RATE: String(LINK_RATE) });
  const s3 = await startS3();
  const { place } = s3.bucket();
  const endpoint = `endpoint=${s3.url}&region=${place.region}&pathStyle=true`;
  const keys = { CACHE_ACCESS_KEY: s3.login.id, CACHE_SECRET_KEY: s3.login.secret };
  const runtime = stage.runtimes.at(-1) as Runtime;
  const shared: Round[] = [];
  const apart: Round[] = [];
  for (let index = 0; index < rounds; index += 1) {
    const [one, other] = names.slice(index * 2).map((name) => registry.image(name)) as [ImageNames, ImageNames];
    const env = { ...keys, CACHE: `s3://${place.bucket}/${randomUUID()}?${endpoint}` };
    shared.push(await measure(stage, runtime, registry, one, env));
    apart.push(await measure(stage, runtime, registry, other, { CACHE: 'memory' }));
  }
  await s3.stop();
  await registry.stop();
  const [bytes, bytesApart] = [shared, apart].map((each) => each.map((one) => one.bytes)) as [number[], number[]];
  const [times, timesApart] = [shared, apart].map((each) => each.map((one) => one.seconds)) as [number[], number[]];
  const ratios = times.map((time, index) => time / (timesApart[index] as number));
  const what = `${PROCESSES} processes get the same cold image of ${size / MIB} MiB at once, with one object store`;
  return {
    figures: [
      {
        what: `${what}: bytes that the registry sends, as a multiple of the image's`,
        node: runtime.version,
        value: round(median(bytes)),
        unit: '×',
        atMost: MAX_BYTES,
        peer: `CACHE=memory: ${round(median(bytesApart))} ×`,
      },
      {
        what: 'The same: time until all have it, as a part of what it takes without a store in common',
        node: runtime.version,
        value: round(median(ratios)),
        unit: '×',
        atMost: MAX_TIME,
        peer: `${spread(times)} s, CACHE=memory: ${spread(timesApart)} s`,
      },
    ],
    notes: [
      `${rounds} rounds. The registry sends over a link of ${LINK_RATE / MIB} MiB/s that all processes share; object store, clients and processes are on this machine. The object store is that of the tests.`,
    ],
    raw: {
      rounds,
      bytes: rounded(bytes),
      bytesApart: rounded(bytesApart),
      times: rounded(times),
      timesApart: rounded(timesApart),
    },
  };
}

async function measure(
  stage: Stage,
  runtime: Runtime,
  registry: ImageRegistry,
  image: ImageNames,
  env: Record<string, string>,
): Promise<Round> {
  const start = () => stage.startProxy(runtime, { LOG_LEVEL: 'info', REGISTRY_BACKEND: registry.backend, ...env });
  const proxies = await Promise.all(Array.from({ length: PROCESSES }, start));
  await registry.count();
  const startedAt = performance.now();
  await Promise.all(proxies.map(({ url }) => pullImage(url, image, true)));
  const seconds = (performance.now() - startedAt) / 1000;
  const { bytes } = await registry.count();
  await Promise.all(proxies.map((proxy) => proxy.stop()));
  return { seconds, bytes: bytes / sizeOf(image) };
}
