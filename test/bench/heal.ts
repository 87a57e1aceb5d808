import { createHash } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type { Server } from './processes';
import { read } from './reader';
import { type Figure, type Outcome, round } from './result';
import type { Runtime, Stage } from './stage';

const PATIENCE = 20_000;

interface Tally {
  pulls: number;
  failed: number;
  wrong: number;
  /** Bodies that the object store cut. */
  cuts: number;
  /** Continuations, as the proxy's log counts them. */
  resumed: number;
  seconds: number;
}

/** Pulls through an object store that cuts every blob once, at a random point. */
export async function heal(stage: Stage): Promise<Outcome> {
  const upstream = await stage.startUpstream();
  const backend = `https://127.0.0.1:${upstream.listening.port}`;
  const pulls = stage.choose(20, 200, 2000);
  const own = stage.runtimes.at(-1) as Runtime;

  const plainProxy = await stage.startPlainProxy(own, backend);
  const plain = await pullAll(plainProxy, upstream, 'plain', pulls);
  await plainProxy.stop();
  const raw: Record<string, unknown> = { plain };
  const figures: Figure[] = [];
  for (const runtime of stage.runtimes) {
    const proxy = await stage.startProxy(runtime, { REGISTRY_BACKEND: backend, HANDLE_REDIRECT: 'true' });
    const tally = await pullAll(proxy, upstream, `proxy-${runtime.version.replaceAll('.', '-')}`, pulls);
    await proxy.stop();
    if (tally.cuts !== pulls) throw new Error(`${tally.cuts} of ${pulls} pulls were cut`);
    raw[runtime.version] = tally;
    const figure = (what: string, value: number, peer: number): Figure => ({
      what: `${pulls} pulls, every blob cut once at a random point: ${what}`,
      node: runtime.version,
      value,
      unit: '',
      atMost: 0,
      peer: `plain https.get: ${peer}`,
    });
    figures.push(figure('failed', tally.failed, plain.failed), figure('wrong bytes', tally.wrong, plain.wrong));
  }
  await upstream.stop();
  return {
    figures,
    notes: [
      'Blobs of 3 to 8 MB behind a redirect, half of the pulls one after the other, half in four lanes. A third of the cuts each is a connection closed, one reset, and one ended politely inside the body. A pull has failed when it does not end with as many bytes as its head promised; the digest is checked on the others.',
    ],
    raw,
  };
}

async function pullAll(proxy: Server, upstream: Server, name: string, pulls: number): Promise<Tally> {
  const tally: Tally = { pulls, failed: 0, wrong: 0, cuts: 0, resumed: 0, seconds: 0 };
  const digests = upstream.listening.digests as string[];
  upstream.onLine = ({ msg }) => {
    if (msg === 'cut') tally.cuts += 1;
  };
  proxy.onLine = ({ msg, resumed }) => {
    if (msg === 'request') tally.resumed += Number(resumed ?? 0);
  };
  const startedAt = performance.now();
  let next = 0;
  const lane = async (end: number) => {
    while (next < end) {
      const index = next;
      next += 1;
      const digest = digests[index % digests.length] as string;
      const ending = await pull(`${proxy.url}/v2/bench/pull-${name}-${index}/blobs/${digest}`, digest);
      if (ending !== 'whole') tally[ending] += 1;
    }
  };
  await lane(pulls / 2);
  await Promise.all([1, 2, 3, 4].map(() => lane(pulls)));
  // The last lines of the other processes are still on their way.
  await setTimeout(200);
  tally.seconds = round((performance.now() - startedAt) / 1000, 1);
  return tally;
}

async function pull(url: string, digest: string): Promise<'whole' | 'failed' | 'wrong'> {
  const hash = createHash('sha256');
  const reader = read(url, { onBody: (piece) => hash.update(piece) });
  const outcome = await Promise.race([reader.done, setTimeout(PATIENCE, undefined, { ref: false })]);
  reader.leave();
  if (!outcome?.complete) return 'failed';
  return `sha256:${hash.digest('hex')}` === digest ? 'whole' : 'wrong';
}
