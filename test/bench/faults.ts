import { randomBytes } from 'node:crypto';
import { type Cache, ownCache, peerCache } from './caches';
import { type Figure, type Outcome, round } from './result';
import type { Stage } from './stage';
import { storm } from './storm';

const CLIENTS = 30;
const PEER_SECONDS = 60;

/** Impatient, and with room for a part of what is pulled only. */
export const STORM_SETTINGS = {
  STALL_TIMEOUT: '1s',
  RESPONSE_TIMEOUT: '2s',
  CACHE_MAX_SIZE: '200m',
  CACHE_TAG_TTL: '1s',
};

/** Many clients and a registry that fails in every way there is. */
export async function faults(stage: Stage, given?: number): Promise<Outcome> {
  const seconds = given ?? stage.choose(10, 60, 600);
  const seed = process.env.BENCH_SEED ?? randomBytes(6).toString('hex');
  console.log(`faults: BENCH_SEED=${seed}`);
  const run = async (cache: Cache, time: number) => {
    const registry = await stage.startPeer('faulty-registry', [], { SEED: seed });
    const server = await cache.start(registry.url);
    const damage = await storm({ url: server.url, seed, clients: CLIENTS, seconds: time });
    const met = (await (await fetch(`${registry.url}/-/faults`)).json()) as Record<string, number>;
    await server.stop();
    await registry.stop();
    return { ...damage, met };
  };
  const peer = await run(peerCache(stage), Math.min(seconds, PEER_SECONDS));
  const raw: Record<string, unknown> = { seed, clients: CLIENTS, seconds, distribution: peer };
  const figures: Figure[] = [];
  for (const runtime of stage.runtimes) {
    const tally = await run(ownCache(stage, runtime, STORM_SETTINGS), seconds);
    const faultsMet = Object.values(tally.met).reduce((sum, count) => sum + count, 0);
    const rate = (count: number, { pulls }: { pulls: number }) => `${round((count / pulls) * 100, 1)} %`;
    figures.push({
      what: `${CLIENTS} clients for ${seconds} s, ${faultsMet} faults of the registry, ${tally.pulls} pulls: failed`,
      node: runtime.version,
      value: tally.failed,
      unit: '',
      atMost: 0,
      peer: `distribution ${peer.failed} of ${peer.pulls}`,
    });
    figures.push({
      what: 'The same: whole answers with wrong bytes',
      node: runtime.version,
      value: tally.wrong,
      unit: '',
      atMost: 0,
      peer: `distribution ${peer.wrong}`,
    });
    figures.push({
      what: 'The same: times that a client had to begin a part of an image again',
      node: runtime.version,
      value: tally.again,
      unit: '',
      peer: `${rate(tally.again, tally)}; distribution ${peer.again} (${rate(peer.again, peer)})`,
    });
    raw[runtime.version] = tally;
  }
  return {
    figures,
    notes: [
      `The registry answers 500, 502, 503, 429 or nothing, resets, cuts, stalls, is slow, sends a wrong byte, too few, too many, no length, the whole for a part, another part, another size, another body: four of ten answers are bad, at most four for one thing. Clients ask again after 408 and 429 and go on after a cut as containerd does, and begin each part of an image again up to four times, as docker does with layers and Kubernetes with pulls. Each hashes all it gets; some leave early, some read parts. The cache has room for 200 MB. distribution is watched for ${Math.min(seconds, PEER_SECONDS)} s.`,
    ],
    raw,
  };
}
