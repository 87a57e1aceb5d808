import type { UpstreamHop } from '../core/doctor/evidence';
import type { Route } from '../core/route';
import { originOf } from '../core/url';
import type { Failure, Forward, ResponseHead } from '../core/verbs';
import type { RequestRecord } from './record';

/** Fields that say what comes, and nothing of anybody's rights. */
const SHOWN = ['content-length', 'content-type', 'docker-content-digest', 'transfer-encoding', 'content-encoding'];

/**
 * What is told of a request to an upstream.
 * @param begun of performance.now()
 */
export function hopOf(
  sent: Forward,
  route: Route | undefined,
  begun: number,
  { head, failure }: { readonly head?: ResponseHead; readonly failure?: Failure },
): UpstreamHop {
  const { purpose, method } = sent;
  const headers = (head?.headers ?? []).filter(([name]) => SHOWN.includes(name));
  const wait = Math.round(performance.now() - begun);
  return { purpose, method, url: shownUrl(sent, route), wait, status: head?.status, headers, failure };
}

/** A token that is fetched, or known by now: empty where it was refused, undefined where none was to be had. */
export function tokenHop(
  sent: Forward,
  document: string | undefined,
  { why }: RequestRecord,
  begun: number,
): UpstreamHop {
  const status = document === undefined ? undefined : document === '' ? 401 : 200;
  const failure: Failure | undefined =
    status === undefined ? { kind: 'unknown', message: why ?? 'no token came' } : undefined;
  const { method, purpose } = sent;
  const wait = Math.round(performance.now() - begun);
  return { purpose, method, url: shownUrl(sent, undefined), wait, status, headers: [], failure };
}

/** Of what an upstream has named itself the origin alone, and of its own address nothing: each may hold a secret. */
function shownUrl({ url, purpose }: Forward, route: Route | undefined): string {
  const base = route?.upstream.url;
  const isRegistry = (purpose === 'registry' || purpose === 'ping') && base !== undefined;
  const path = isRegistry && url.path.startsWith(base.path) ? url.path.slice(base.path.length) : undefined;
  const before = isRegistry && base.path !== '' ? '/…' : '';
  return originOf(url) + (path === undefined ? '/…' : before + path);
}
