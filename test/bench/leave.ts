import { setTimeout } from 'node:timers/promises';
import type { Line, Server } from './processes';
import { type Reader, read } from './reader';
import { type Figure, median, type Outcome, round, rounded } from './result';
import { blobPath, type Stage } from './stage';

const BLOB = 2 * 1024 ** 3;
const MAX_MS = 1000;
const PATIENCE = 3000;

interface Leaving {
  readonly what: string;
  readonly path: string;
  /** Resolves when the moment to leave has come. */
  ready(reader: Reader, upstream: Server): Promise<unknown>;
  readonly stopAfter?: number;
}

const leavings: Leaving[] = [
  {
    what: 'in the middle of a body that flows',
    path: blobPath('moved', BLOB),
    stopAfter: 16 * 1024 ** 2,
    ready: ({ done }) => done,
  },
  {
    what: 'in the middle of a body that the reader has stopped taking',
    path: blobPath('moved', BLOB),
    stopAfter: 1,
    ready: ({ done }) => done.then(() => setTimeout(500)),
  },
  {
    what: 'before the head has come',
    path: blobPath('silent', 1),
    ready: (_reader, upstream) => hear(upstream, 'asked'),
  },
];

/** How long after its reader has left a request to the upstream is ended. */
export async function leave(stage: Stage): Promise<Outcome> {
  const upstream = await stage.startUpstream();
  const backend = `https://127.0.0.1:${upstream.listening.port}`;
  const rounds = stage.choose(2, 10);
  const raw: Record<string, unknown> = { rounds };
  const figures: Figure[] = [];
  const own = stage.runtimes.at(-1) as Stage['runtimes'][number];
  const plain = await stage.startPlainProxy(own, backend);
  const peers = new Map<Leaving, string>();
  for (const leaving of leavings) {
    const times = await measure(leaving, plain, upstream, 2);
    raw[`${leaving.what}, plain`] = rounded(times);
    peers.set(
      leaving,
      `plain https.get: ${Math.max(...times) < PATIENCE ? `${round(median(times), 1)} ms` : `still open after ${PATIENCE / 1000} s`}`,
    );
  }
  await plain.stop();
  for (const runtime of stage.runtimes) {
    const proxy = await stage.startProxy(runtime, { REGISTRY_BACKEND: backend, HANDLE_REDIRECT: 'true' });
    for (const leaving of leavings) {
      const times = await measure(leaving, proxy, upstream, rounds);
      raw[`${leaving.what}, ${runtime.version}`] = rounded(times);
      figures.push({
        what: `A reader leaves ${leaving.what}: slowest of ${rounds} until the upstream connection is closed`,
        node: runtime.version,
        value: round(Math.max(...times), 1),
        unit: 'ms',
        atMost: MAX_MS,
        peer: peers.get(leaving),
      });
    }
    await proxy.stop();
  }
  await upstream.stop();
  return {
    figures,
    notes: [
      'Time is taken from the moment the reader closes its connection to the moment the upstream sees its own connection closed.',
    ],
    raw,
  };
}

async function measure({ path, ready, stopAfter }: Leaving, proxy: Server, upstream: Server, rounds: number) {
  const times: number[] = [];
  for (let index = 0; index < rounds; index += 1) {
    const reader = read(`${proxy.url}${path}`, { stopAfter });
    await ready(reader, upstream);
    const closed = hear(upstream, 'closed').then(({ at }) => Number(at));
    const leftAt = Number(process.hrtime.bigint()) / 1e6;
    reader.leave();
    times.push((await Promise.race([closed, setTimeout(PATIENCE, Number.POSITIVE_INFINITY, { ref: false })])) - leftAt);
  }
  return times.map((time) => Math.min(time, PATIENCE));
}

function hear(upstream: Server, msg: string): Promise<Line> {
  return new Promise((resolve) => {
    upstream.onLine = (line) => {
      if (line.msg === msg) resolve(line);
    };
  });
}
