import { isAllowedAddress } from './client-rules';
import type { Config } from './config';
import { pingForward } from './forwards';
import { AGENT, requestHeaders } from './headers';
import { valuesOf } from './query';
import { isWildcard } from './registries-setting';
import type { Answer, Forward, RequestHead } from './verbs';

/** Path of the question whether pulls would go well now. */
export const READY = '/-/readyz';

/** Milliseconds until an upstream must have answered, and the store have kept something and given it back. */
export const CHECK_TIME = 3_000;

/** Registries that are asked; one that answers is enough. */
const MAX_ASKED = 3;

/** One thing that was looked at. */
export interface Check {
  readonly name: 'configuration' | 'store' | 'upstream';
  /** What is wrong, in words that everybody may read. */
  readonly fault?: string;
  /** The same for the log. */
  readonly why?: string;
}

/** What is asked of upstreams, each with the name of its registry; a registry with `*` in its name has no address of its own. */
export function readinessPings({ upstreams }: Config): readonly { readonly name: string; readonly ping: Forward }[] {
  return upstreams
    .filter(({ name }) => !isWildcard(name))
    .slice(0, MAX_ASKED)
    .map((upstream) => ({
      name: upstream.name,
      ping: { ...pingForward(requestHeaders([], AGENT), upstream), within: CHECK_TIME },
    }));
}

/**
 * Pulls go well where an upstream answers, since a store that fails is done without; or where the store works, since what it
 * holds is served while no upstream answers.
 */
export function isReady(checks: readonly Check[]): boolean {
  const isWell = (name: Check['name']) => checks.some((check) => check.name === name && check.fault === undefined);
  return isWell('configuration') && (isWell('upstream') || isWell('store'));
}

/** A line for each check, as Kubernetes prints them (Kubernetes, "API health endpoints"); to strangers no more than whether. */
export function readinessAnswer(checks: readonly Check[], head: RequestHead, config: Config): Answer {
  const isWell = isReady(checks);
  const isStranger = config.gate !== undefined || !isAllowedAddress(head, config);
  const mark = head.target.indexOf('?');
  const isVerbose = mark >= 0 && valuesOf(head.target.slice(mark), 'verbose').length > 0;
  const brief = isWell ? 'ok\n' : 'not ready\n';
  return {
    verb: 'answer',
    status: isWell ? 200 : 503,
    headers: [
      ['content-type', 'text/plain; charset=utf-8'],
      ['cache-control', 'no-store'],
      ['x-content-type-options', 'nosniff'],
    ],
    body: isStranger || (isWell && !isVerbose) ? brief : printed(checks, isWell),
    ...(!isWell && { why: `not ready: ${faultsOf(checks)}` }),
  };
}

/** What is wrong, in one line of the log. */
export function faultsOf(checks: readonly Check[]): string {
  return checks.flatMap(({ name, fault, why = fault }) => (why === undefined ? [] : `${name}: ${why}`)).join('; ');
}

function printed(checks: readonly Check[], isWell: boolean): string {
  const lines = checks.map(({ name, fault }) =>
    fault === undefined ? `[+]${name} ok` : `[-]${name} failed: ${fault}`,
  );
  return `${[...lines, isWell ? 'readyz check passed' : 'readyz check failed'].join('\n')}\n`;
}
