import { setTimeout } from 'node:timers/promises';
import { memoryOf, type Server } from './processes';
import { type Reader, read } from './reader';
import { type Figure, type Outcome, round } from './result';
import { blobPath, type Stage } from './stage';

const BLOB = 1024 ** 3;
const RATE = 1_000_000;
const SAMPLE = 100;
const MAX_GROWTH = 60;
const MAX_TOTAL = 300;

interface Watched {
  readonly server: Server;
  /** MB, after a first small answer and before any blob. */
  readonly idle: number;
}

/** How large the process gets while slow readers pull a blob of 1 GiB that comes from a fast object store. */
export async function memory(stage: Stage): Promise<Outcome> {
  const upstream = await stage.startUpstream();
  const single = stage.choose(6, 60, BLOB / RATE + 10);
  const crowd = stage.choose(6, 30);
  const figures: Figure[] = [];
  const raw: Record<string, unknown> = { seconds: { single, crowd } };

  const watch = async (start: Promise<Server>): Promise<Watched> => {
    const server = await start;
    await read(`${server.url}/v2/`).done;
    await setTimeout(1000);
    return { server, idle: memoryOf(server.pid).now };
  };
  const env = { REGISTRY_BACKEND: `https://127.0.0.1:${upstream.listening.port}`, HANDLE_REDIRECT: 'true' };

  const own = stage.runtimes.at(-1) as Stage['runtimes'][number];
  const plain = await watch(stage.startPlainProxy(own, env.REGISTRY_BACKEND));
  const [ofPlain, ...ofProxy] = await Promise.all([
    readSlowly(plain, 1, single),
    ...stage.runtimes.map(async (runtime) => readSlowly(await watch(stage.startProxy(runtime, env)), 1, single)),
  ]);
  await plain.server.stop();
  for (const [index, run] of ofProxy.entries()) {
    const node = stage.runtimes[index]?.version ?? '';
    figures.push({
      what: 'One reader at 1 MB/s of a 1 GiB blob: growth over the idle size',
      node,
      value: round(run.peak - run.idle, 1),
      unit: 'MB',
      atMost: MAX_GROWTH,
      peer: `plain https.get: ${round(ofPlain.peak - ofPlain.idle, 1)} MB`,
    });
    raw[`one reader, ${node}`] = run;
  }
  raw['one reader, plain'] = ofPlain;

  for (const runtime of stage.runtimes) {
    const run = await readSlowly(await watch(stage.startProxy(runtime, env)), 100, crowd);
    figures.push({
      what: '100 such readers: size of the whole process',
      node: runtime.version,
      value: round(run.peak, 1),
      unit: 'MB',
      atMost: MAX_TOTAL,
    });
    raw[`100 readers, ${runtime.version}`] = run;
  }
  await upstream.stop();
  return {
    figures,
    notes: [
      `The redirect to the object store is followed (\`HANDLE_REDIRECT=true\`), all of it over TLS. The idle size is that of a fresh process that has answered one ping; the highest size is the kernel's high-water mark. One reader reads ${stage.extent === 'full' ? 'the whole blob' : `for ${single} s`}, the 100 read for ${crowd} s (\`yarn bench --full memory\` reads the whole 1 GiB).`,
    ],
    raw,
  };
}

async function readSlowly({ server, idle }: Watched, count: number, seconds: number) {
  const startedAt = performance.now();
  const readers: Reader[] = [];
  for (let index = 0; index < count; index += 1) {
    readers.push(read(`${server.url}${blobPath('moved', BLOB)}`, { rate: RATE }));
  }
  const samples: number[] = [];
  let isOver = false;
  const over = Promise.all(readers.map(({ done }) => done)).then(() => {
    isOver = true;
  });
  const elapsed = () => (performance.now() - startedAt) / 1000;
  const bytes = () => readers.reduce((sum, reader) => sum + reader.bytes(), 0);
  // The first seconds fill everybody's buffers.
  let middle = { elapsed: 0, bytes: 0 };
  while (!isOver && elapsed() < seconds) {
    await setTimeout(SAMPLE);
    samples.push(memoryOf(server.pid).now);
    if (elapsed() < seconds / 2) middle = { elapsed: elapsed(), bytes: bytes() };
  }
  const rate = (bytes() - middle.bytes) / (elapsed() - middle.elapsed) / count;
  const { peak } = memoryOf(server.pid);
  for (const reader of readers) reader.leave();
  await over;
  await server.stop();
  // Readers that were cut, or that the proxy cannot keep up with, say nothing about memory.
  if (rate < 0.7 * RATE) throw new Error(`${count} readers got ${round(rate / 1e6)} MB/s each, not 1`);
  return {
    idle: round(idle, 1),
    peak: round(peak, 1),
    last: round(samples.at(-1) ?? Number.NaN, 1),
    every10s: samples.filter((_, index) => index % (10_000 / SAMPLE) === 99).map((value) => round(value, 1)),
    megabytesPerSecond: round(rate / 1e6, 3),
  };
}
