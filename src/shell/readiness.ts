import type { Config } from '../core/config';
import { CHECK_TIME, type Check, faultsOf, isReady, readinessAnswer, readinessPings } from '../core/readiness';
import type { Answer, Forward, RequestHead } from '../core/verbs';
import { named } from '../storage/key';
import type { Store } from '../storage/store';
import { inTime } from './deadline';
import type { Log } from './log';

/** Milliseconds for which it is remembered that all went well, and that it did not: probes may come as often as they like. */
const WELL_TIME = 30_000;
const ILL_TIME = 5_000;

/** Name of the document that is written and read again; it takes a few bytes, and stays. */
const PROBE = 'readiness';

export interface ReadinessPlace {
  readonly config: Config;
  readonly log: Log;
  /** The status that came; whatever is thrown, `whyNot` can say. */
  readonly ask: (ping: Forward) => Promise<number>;
  readonly whyNot: (error: unknown) => string;
  /** Present where there is a cache. @throws Error where it cannot be written or read */
  readonly tryStore?: () => Promise<void>;
  /** Whether one request may wait for what another one asks. */
  readonly sharesWork: boolean;
}

/** What was found out last, under one configuration. */
interface Known {
  checks?: readonly Check[];
  /** Of performance.now(). */
  until: number;
  running?: Promise<readonly Check[]>;
}

const known = new WeakMap<Config, Known>();

/** `GET /-/readyz`. */
export async function answerReadiness(head: RequestHead, place: ReadinessPlace): Promise<Answer> {
  const { config } = place;
  const memory = known.get(config) ?? { until: 0 };
  known.set(config, memory);
  return readinessAnswer(await checksOf(place, memory), head, config);
}

async function checksOf(place: ReadinessPlace, memory: Known): Promise<readonly Check[]> {
  const { checks, until, running } = memory;
  if (checks && performance.now() < until) return checks;
  if (running) return running;
  const work = look(place, memory);
  if (!place.sharesWork) return work;
  memory.running = work;
  return work.finally(() => {
    memory.running = undefined;
  });
}

async function look(place: ReadinessPlace, memory: Known): Promise<readonly Check[]> {
  const [upstream, store] = await Promise.all([checkUpstream(place), checkStore(place)]);
  const checks: readonly Check[] = [{ name: 'configuration' }, ...store, upstream];
  const isWell = isReady(checks);
  const was = memory.checks === undefined || isReady(memory.checks);
  if (was && !isWell) place.log.warn('not ready', { why: faultsOf(checks) });
  if (!was && isWell) place.log.info('ready again');
  memory.checks = checks;
  // What is wrong may be right in a moment, also where it does not decide.
  memory.until = performance.now() + (faultsOf(checks) === '' ? WELL_TIME : ILL_TIME);
  return checks;
}

async function checkUpstream({ config, ask, whyNot }: ReadinessPlace): Promise<Check> {
  const faults: string[] = [];
  const asked = readinessPings(config).map(async ({ name, ping }) => {
    const fault = await inTime(ask(ping), CHECK_TIME, 'no answer').then(
      (status) => (status < 500 ? undefined : `answers ${status}`),
      (error) => (isLate(error) ? (error as Error).message : whyNot(error)),
    );
    if (fault === undefined) return;
    faults.push(`${name}: ${fault}`);
    throw new Error(fault);
  });
  if (asked.length === 0) return { name: 'upstream' };
  return Promise.any(asked).then(
    () => ({ name: 'upstream' }),
    () => ({ name: 'upstream', fault: faults.join(', ') }),
  );
}

function isLate(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('no answer for ');
}

async function checkStore({ tryStore }: ReadinessPlace): Promise<Check[]> {
  if (!tryStore) return [];
  try {
    await inTime(tryStore(), CHECK_TIME, 'it does not answer');
    return [{ name: 'store' }];
  } catch (error) {
    // What a driver says names folders and buckets.
    return [{ name: 'store', fault: 'it cannot be written and read', why: oneLine((error as Error).message) }];
  }
}

/** Characters of what a driver says; it may quote another program. */
const MAX_FAULT = 200;

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').slice(0, MAX_FAULT);
}

/**
 * Writes a document and reads it again.
 * @throws StoreError, Error
 */
export async function tryStore(store: Pick<Store, 'get' | 'put'>): Promise<void> {
  const sink = await store.put(named(PROBE), { head: { probe: PROBE } });
  await sink.commit();
  const reading = await store.get(named(PROBE));
  await reading?.close();
  if (reading?.entry.head?.probe !== PROBE) throw new Error('what was written is not there');
}
