import { printBytes } from '../bytes-text';
import { isCacheHit } from '../cache-hit';
import { headerOf } from '../headers';
import type { Failure } from '../verbs';
import { remedyFor, wordsOf } from './answers';
import type { Evidence, PushSeen, Seen, UpstreamHop } from './evidence';
import { type Finding, findingsOf } from './finding';
import type { Says } from './words-en';

/** What is told, and seldom judged: upstreams, cache, quota, uploads. */
export function judgeRest(evidence: Evidence): readonly Finding[] {
  return [...judgeHops(evidence), ...judgeCache(evidence), ...judgeQuota(evidence), ...judgePushes(evidence)];
}

const REMEDIES: Readonly<Partial<Record<Failure['kind'], Says>>> = {
  dns: 'set.address',
  refused: 'set.address',
  tls: 'set.trust',
  forbidden: 'set.private',
  timeout: 'set.time',
};

function judgeHops(evidence: Evidence): readonly Finding[] {
  const { ping, token, unauthorized, manifestHead, manifest, config, layer } = evidence;
  const asked = [ping, unauthorized, token, manifestHead, manifest, ...(config?.hops ?? []), ...(layer?.hops ?? [])];
  return asked.flatMap((seen) =>
    seen?.hops ? [...seen.hops.map((hop, index, all) => judgeHop(hop, all.slice(index + 1))), ...judgeLost(seen)] : [],
  );
}

/** @param later hops of the same request: what was asked again, and answered then, has passed by itself */
function judgeHop(hop: UpstreamHop, later: readonly UpstreamHop[]): Finding {
  const { good, note, bad: failed } = findingsOf('upstream');
  const isMended = later.some(
    ({ method, url, status = 500 }) => method === hop.method && url === hop.url && status < 400,
  );
  const bad = isMended ? note : failed;
  const { purpose, method, url, wait, status = 0, failure } = hop;
  const values = { purpose, method, url };
  if (failure) {
    return bad('hop.failed', { ...values, why: failure.message }, REMEDIES[failure.kind] ?? 'set.address');
  }
  // The first question to a registry brings the challenge that the second one answers.
  if (status < 400 || (status === 401 && purpose !== 'realm')) {
    return good('hop.good', { ...values, status, ms: Math.round(wait) });
  }
  return bad(
    'hop.status',
    { ...values, status },
    status === 401 || status === 403 ? 'set.account' : remedyFor(status, { isOurs: true }),
  );
}

const KEPT = ['docker-content-digest', 'content-length', 'content-type'];

/** Fields of the last upstream answer that did not get here, where it was relayed. */
function judgeLost({ hops = [], headers, status }: Seen): readonly Finding[] {
  const last = hops[hops.length - 1];
  if (!last || last.status !== status || status !== 200 || last.purpose === 'realm') return [];
  const lost = KEPT.filter(
    (field) => headerOf(last.headers, field) !== undefined && headerOf(headers, field) === undefined,
  );
  return lost.map((field) => findingsOf('upstream').note('hop.lost', { field }, 'set.length'));
}

function judgeCache({ again }: Evidence): readonly Finding[] {
  if (again?.status !== 200 && again?.status !== 206) return [];
  const { good } = findingsOf('cache');
  const isHit = isCacheHit(again.headers);
  if (isHit === undefined) return [good('cache.none')];
  return [good(isHit ? 'cache.hit' : 'cache.miss')];
}

/** Docker Hub: `ratelimit-remaining: 87;w=21600`. */
function judgeQuota({ manifest, manifestHead }: Evidence): readonly Finding[] {
  const fields = [...(manifest?.headers ?? []), ...(manifestHead?.headers ?? [])];
  const left = Number.parseInt(headerOf(fields, 'ratelimit-remaining') ?? '', 10);
  if (Number.isNaN(left)) return [];
  const { good, note } = findingsOf('quota');
  return [left > 0 ? good('quota.left', { left }) : note('quota.out', {}, 'set.wait')];
}

function judgePushes({ pushes, hasLogin, isOurs }: Evidence): readonly Finding[] {
  if (!pushes) return [];
  const { good, note, bad } = findingsOf('push');
  if (!hasLogin) return [bad('push.login')];
  const unbegun = pushes.find(({ sent }) => !sent);
  if (unbegun && pushes.length === 1) {
    const { begun } = unbegun;
    return [bad('push.begin', { why: whyOf(begun) }, remedyFor(begun.status ?? 0, { isOurs }))];
  }
  const went = pushes.filter(({ sent }) => sent?.status !== undefined && sent.status < 300);
  const most = Math.max(0, ...went.map(({ bytes }) => bytes));
  const stopped: PushSeen | undefined = pushes.find((each) => !went.includes(each));
  if (!stopped) return [good('push.good', { bytes: printBytes(most) })];
  const values = {
    bytes: printBytes(stopped.bytes),
    most: printBytes(most),
    why: whyOf(stopped.sent ?? stopped.begun),
  };
  return [note('push.cut', values, 'set.body')];
}

function whyOf(seen: Seen): string {
  return seen.failure?.message ?? `${seen.status} ${wordsOf(seen)}`.trim();
}
