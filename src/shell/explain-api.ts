import type { Find, Findings } from '../core/cache-verbs';
import type { Config } from '../core/config';
import type { Evidence, Seen } from '../core/doctor/evidence';
import { readExplainQuestion } from '../core/doctor/explain-question';
import { type Finding, hasFailed } from '../core/doctor/finding';
import { isKept, type Kept, lookUp, tellKept } from '../core/doctor/kept';
import { wordsIn } from '../core/doctor/language';
import { findingFields, printEnd, printFindings } from '../core/doctor/print';
import { deliveryOf, type Read, readName, tellDelivery, tellName } from '../core/doctor/reading';
import { judge } from '../core/doctor/report';
import { answerError, RegistryError } from '../core/errors';
import type { Place } from '../core/location';
import type { Memory } from '../core/memory';
import { clientAddress, originOfRequest } from '../core/origin';
import { contentLength } from '../core/range';
import { withoutSecret } from '../core/secret-path';
import { isSameOrigin, originOf, type Url } from '../core/url';
import type { Answer, RequestHead } from '../core/verbs';
import { checkAdministrator } from './admin-entrance';
import type { Attempts } from './attempts';
import type { Door, Question } from './doctor-door';
import { walk } from './doctor-walk';
import type { Log } from './log';
import { plainPage } from './own-pages';
import { answerJson } from './row-answers';

/** Path of the page that explains an image. */
export const EXPLAIN = '/-/explain';

/** Whether a request target is that. */
export function isExplainTarget(target: string): boolean {
  return target === EXPLAIN || target.startsWith(`${EXPLAIN}?`);
}

/** What is explained out of, at the time of a request. */
export interface ExplainPlace {
  readonly config: Config;
  readonly memory: Memory;
  readonly attempts: Attempts;
  readonly log: Log;
  /** Looks into the store. */
  readonly find: (verb: Find) => Promise<Findings>;
  /** Asks this very instance by its own URL, and whatever a redirect leads to. */
  readonly open: (config: Config, place: Place) => Door;
}

/** Milliseconds after which nothing more is asked. */
const EXPLAIN_TIME = 60_000;

/**
 * Explains what becomes of an image: how its name is read, what is kept of it, and each hop of a pull, by pulling its first pieces.
 * @param id by which the request is known in the log
 */
export async function explain(head: RequestHead, id: string, place: ExplainPlace): Promise<Answer> {
  try {
    const answer = await answerTo(head, id, place);
    return { ...answer, body: hide(answer.body ?? '', place.config), sameOrigin: true };
  } catch (error) {
    if (error instanceof RegistryError) return { ...answerError(error), sameOrigin: true };
    throw error;
  }
}

async function answerTo(head: RequestHead, id: string, around: ExplainPlace): Promise<Answer> {
  const { config, attempts, log, memory, find } = around;
  checkAdministrator(head, config.admin?.token ?? '', config, attempts);
  if (head.method !== 'GET' && head.method !== 'HEAD') {
    const allow = [['allow', 'GET, HEAD']] as const;
    throw new RegistryError(
      405,
      'UNSUPPORTED',
      `${head.method} is not supported here`,
      { allowed: ['GET', 'HEAD'] },
      allow,
    );
  }
  const { image: asked, platforms, language, isText } = readExplainQuestion(head);
  const image = { ...asked, repository: withoutSecret(asked.repository.split('/'), config).join('/') };
  const origin = originOfRequest(head, config);
  if (!origin) throw new RegistryError(400, 'UNSUPPORTED', 'the request has no usable Host');
  const typed = hide(image.text, config);
  log.info('image explained', { image: typed, client: clientAddress(head, config.trustProxy), id });
  const open = withoutGate(config);
  const read = readName(image, open, origin);
  const told = { image: typed, read, language, isText, url: originOf(origin) };
  if ('refused' in read) return print({ ...told, findings: tellName(read, typed) });
  const kept = await lookUp(read.place, memory, find);
  const target: Url = { ...origin, path: '', query: '' };
  const door = bounded(around.open(open, read.place), Date.now() + EXPLAIN_TIME);
  const known = { platform: config.platform, limits: config.capabilities };
  const evidence = await walk({ target, image, platforms, known, door });
  const findings = [
    ...tellName(read, typed),
    ...tellDelivery(read.place, evidence),
    ...tellKept(kept, evidence),
    ...judge(evidence),
  ];
  return print({ ...told, findings, kept, evidence });
}

/** Its owner asks, whoever else may not: who may pull is none of what is explained, which images there are is. */
function withoutGate(config: Config): Config {
  const { gate: _, guards, ...rest } = config;
  const { allowImages, denyImages } = guards;
  return { ...rest, guards: { allowImages, denyImages } };
}

/** Clients of some mirrors have the secret in their images' names. */
function hide(text: string, { gate }: Config): string {
  return gate?.secret === undefined ? text : text.replaceAll(gate.secret, 'SECRET');
}

/** @param until milliseconds since 1970 */
function bounded(door: Door, until: number): Door {
  return {
    ask: async (question) => (Date.now() < until ? door.ask(question) : late(question)),
  };
}

function late({ method, url }: Question): Seen {
  const failure = { kind: 'timeout', message: `no time left (${EXPLAIN_TIME / 1000} s)` } as const;
  const nothing = { headers: [], received: 0, duration: 0, ending: 'cut', start: new Uint8Array() } as const;
  return { method, url, wait: 0, at: Date.now(), failure, ...nothing };
}

interface Told {
  readonly image: string;
  readonly url: string;
  readonly read: Read;
  readonly language: 'en' | 'zh';
  readonly isText: boolean;
  readonly findings: readonly Finding[];
  readonly kept?: Kept;
  readonly evidence?: Evidence;
}

function print({ image, url, read, language, isText, findings, kept, evidence }: Told): Answer {
  const words = wordsIn(language);
  if (isText)
    return plainPage([...printFindings(findings, words), printEnd(findings, words, url, image), ''].join('\n'));
  const ok = !hasFailed(findings);
  const all = findings.map((finding) => findingFields(finding, words));
  if ('refused' in read) {
    const { status, code, message } = read.refused;
    return answerJson(200, { image, ok, refused: { status, code, message }, findings: all });
  }
  return answerJson(200, {
    image,
    ok,
    reading: read.reading,
    platform: evidence?.platform,
    delivery: (evidence && deliveryOf(read.place, evidence)) ?? null,
    cache: kept ? { ...kept, config: isKept(evidence?.config), layer: isKept(evidence?.layer) } : null,
    requests: evidence ? requestsOf(evidence) : [],
    findings: all,
  });
}

/** Each request in its order; of a redirect's target no more than its origin. */
function requestsOf(evidence: Evidence): readonly object[] {
  const { target, ping, unauthorized, token, manifestHead, manifest, chosen, config, layerHead, layer } = evidence;
  const named: readonly (readonly [string, Seen | undefined])[] = [
    ['ping', ping],
    ['challenge', unauthorized],
    ['token', token],
    ['manifest', manifestHead],
    ['manifest', manifest],
    ['manifest', chosen],
    ...(config?.hops ?? []).map((hop) => ['config', hop] as const),
    ['layer', layerHead],
    ...(layer?.hops ?? []).map((hop) => ['layer', hop] as const),
  ];
  return named.flatMap(([step, seen]) => (seen ? [requestFields(step, seen, target)] : []));
}

function requestFields(step: string, seen: Seen, target: Url): object {
  const { method, url, status, wait, received, headers, failure, hops } = seen;
  return {
    step,
    method,
    url: isSameOrigin(url, target) ? url.path : `${originOf(url)}/…`,
    status: status ?? null,
    milliseconds: Math.round(wait),
    length: contentLength(headers) ?? null,
    received,
    ...(failure && { failure: failure.message }),
    upstream: (hops ?? []).map((hop) => ({
      purpose: hop.purpose,
      method: hop.method,
      url: hop.url,
      status: hop.status ?? null,
      milliseconds: hop.wait,
      length: contentLength(hop.headers) ?? null,
      ...(hop.failure && { failure: hop.failure.message }),
    })),
  };
}
