import { isNamed } from '../addresses';
import { headerOf } from '../headers';
import { shorten } from '../prefetch';
import type { Url } from '../url';
import type { Dial, Evidence, Handshake, Reach } from './evidence';
import { type Finding, findingsOf } from './finding';

/** Milliseconds by which clocks may differ: registries take tokens this much early or late (distribution, "token" access controller). */
export const MAX_SKEW = 60_000;

/** Days of a certificate that are few. */
const FEW_DAYS = 14;

const SECOND = 1000;

const DAY = 24 * 60 * 60 * SECOND;

/** Names of a certificate that are told. */
const MAX_NAMES = 4;

/** How the target is reached: name, connection, TLS, clock. */
export function judgeReach({ target, reach, now, ping, health }: Evidence): readonly Finding[] {
  const dated = [ping, health].find((seen) => seen?.status !== undefined);
  return [
    ...(reach ? [...judgeName(reach), ...judgeDials(reach, target), ...judgeTls(reach.handshake, target, now)] : []),
    ...(dated ? judgeClock(headerOf(dated.headers, 'date'), headerOf(dated.headers, 'age'), dated.at) : []),
  ];
}

function judgeName({ addresses }: Reach): readonly Finding[] {
  if (!addresses) return [];
  const { good, bad } = findingsOf('dns');
  const { host, found, wait, why } = addresses;
  if (found.length === 0) return [bad('dns.failed', { host, why: why ?? '' }, 'set.name')];
  return [good('dns.found', { host, addresses: found.join(' '), ms: Math.round(wait) })];
}

function judgeDials({ dials }: Reach, { hostname, port }: Url): readonly Finding[] {
  if (dials.length === 0) return [];
  const { good, note, bad } = findingsOf('connect');
  const made = dials.filter(({ failure }) => !failure);
  const failed = dials.filter(({ failure }) => failure);
  if (made.length === 0) {
    const why = dials.map(({ failure, address }) => `${address} ${failure?.message}`).join(', ');
    return [bad('connect.failed', { host: hostname, port, why }, 'set.listen')];
  }
  const list = (some: readonly Dial[]) => some.map(({ address, family }) => `IPv${family} ${address}`).join(', ');
  if (failed.length > 0) {
    return [note('connect.partly', { made: list(made), failed: list(failed) }, 'set.family')];
  }
  return [
    good('connect.made', { dials: made.map((dial) => `${list([dial])} ${Math.round(dial.wait)} ms`).join(', ') }),
  ];
}

function judgeTls(handshake: Handshake | undefined, { scheme, hostname }: Url, now: number): readonly Finding[] {
  const { good, note, bad } = findingsOf('tls');
  const isHere = hostname === 'localhost' || isNamed(hostname, ['loopback']);
  if (scheme === 'http') return isHere ? [] : [note('tls.plain', {}, 'set.https')];
  if (!handshake) return [];
  const { failure, version = '', names, issuer = '', from = now, until = now, distrust } = handshake;
  if (failure) return [bad('tls.failed', { why: failure.message }, 'set.tls')];
  const shown = shorten(names.slice(0, MAX_NAMES).join(' ')) + (names.length > MAX_NAMES ? ' …' : '');
  const days = Math.floor((until - now) / DAY);
  const found: Finding[] = [];
  if (from > now) found.push(bad('tls.early', { days: Math.ceil((from - now) / DAY) }, 'set.clock'));
  else if (until < now) found.push(bad('tls.expired', { days: -days }, 'set.certificate'));
  else if (distrust === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    found.push(bad('tls.name', { names: shown, host: hostname }, 'set.certificate'));
  } else if (distrust !== undefined) found.push(bad('tls.chain', { why: shorten(distrust) }, 'set.chain'));
  else if (days < FEW_DAYS) found.push(note('tls.soon', { days }, 'set.certificate'));
  if (/^TLSv1(\.1)?$/.test(version)) found.push(bad('tls.old', { version }, 'set.tls'));
  if (found.length > 0) return found;
  return [good('tls.good', { version, names: shown, issuer: shorten(issuer), days })];
}

/** @param age seconds that the answer lay in a cache */
function judgeClock(date = '', age = '0', at: number): readonly Finding[] {
  const said = Date.parse(date);
  if (Number.isNaN(said)) return [];
  const { good, bad } = findingsOf('clock');
  // It is told in whole seconds, and rounded down.
  const apart = Math.max(0, Math.abs(at - (said + (Number(age) || 0) * 1000) - SECOND / 2) - SECOND / 2);
  const values = { seconds: Math.round(apart / 1000) };
  return [apart > MAX_SKEW ? bad('clock.skew', values, 'set.clock') : good('clock.good', values)];
}
