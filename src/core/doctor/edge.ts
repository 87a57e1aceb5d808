import { printBytes } from '../bytes-text';
import { type Capabilities, capabilities, type Platform } from '../capabilities';
import { type HeaderList, headerOf } from '../headers';
import type { Evidence } from './evidence';
import { type Finding, findingsOf } from './finding';

const NO_LIMIT = '∞';

/** Fields by which the edges of platforms are known. */
const SIGNS: readonly (readonly [Platform, (headers: HeaderList) => boolean])[] = [
  ['aliyun-fc', (headers) => headerOf(headers, 'x-fc-request-id') !== undefined],
  ['tencent-scf', (headers) => headers.some(([name]) => name.startsWith('x-scf-'))],
  ['aws-lambda', (headers) => headerOf(headers, 'x-amzn-requestid') !== undefined],
  ['cloud-run', (headers) => /^google frontend$/i.test(headerOf(headers, 'server') ?? '')],
  ['cloudflare-workers', (headers) => headerOf(headers, 'cf-ray') !== undefined],
];

/** The platform that an answer came through; undefined where it shows none. */
export function platformOfEdge(headers: HeaderList): Platform | undefined {
  return SIGNS.find(([, isIts]) => isIts(headers))?.[0];
}

/** The platform that an instance runs on, as it says itself or as its answers show. */
function platformOf({ platform, ping, health }: Evidence): Platform | undefined {
  return platform ?? platformOfEdge([...(health?.headers ?? []), ...(ping?.headers ?? [])]);
}

/** What an instance of ours can carry; undefined where nobody knows. */
export function limitsOf(evidence: Evidence): Capabilities | undefined {
  const seen = platformOf(evidence);
  return evidence.limits ?? (evidence.isOurs && seen ? capabilities[seen] : undefined);
}

export function judgeEdge(evidence: Evidence): readonly Finding[] {
  const { isOurs, ping } = evidence;
  const seen = platformOf(evidence);
  const { good, note } = findingsOf('edge');
  if (seen === undefined) return ping?.status === undefined ? [] : [good('edge.none')];
  if (!isOurs) return [note('edge.other', { platform: seen })];
  const printed = printLimits(limitsOf(evidence) ?? capabilities[seen]);
  const isFree = Object.values(printed).every((limit) => limit === NO_LIMIT);
  return [isFree ? good('edge.own', { platform: seen }) : good('edge.seen', { platform: seen, ...printed })];
}

function printLimits(limits: Capabilities) {
  const print = (bytes: number) => (Number.isFinite(bytes) ? printBytes(bytes) : NO_LIMIT);
  return {
    body: print(limits.maxRequestBody),
    response: print(limits.maxResponse),
    easy: print(limits.easyResponse),
    fields: print(limits.maxRequestHeaders),
    answers: print(limits.maxResponseHeaders),
    target: print(limits.maxTarget),
  };
}
