import { isNamed } from '../addresses';
import { type Challenge, parameterOf, parseChallenges } from '../challenge';
import { headerOf, headersOf } from '../headers';
import { isSameOwner } from '../trust';
import { hostOf, isSameHost, originOf, parseUrl, type Url } from '../url';
import { remedyFor, typeOf, wordsOf } from './answers';
import type { Evidence, Seen } from './evidence';
import { type Finding, findingsOf } from './finding';

/** The ping, what it asks of clients, and what the token server says to that. */
export function judgeLogin(evidence: Evidence): readonly Finding[] {
  const { ping, unauthorized } = evidence;
  if (!ping) return [];
  const asking = ping.status === 401 ? ping : unauthorized;
  return [
    ...judgePing(ping, evidence),
    ...(ping.failure ? [] : judgeChallenge(asking, evidence)),
    ...judgeToken(asking, evidence),
  ];
}

function judgePing(ping: Seen, evidence: Evidence): readonly Finding[] {
  const { good, note, bad } = findingsOf('ping');
  const { failure, status = 0, headers, wait } = ping;
  if (failure)
    return [bad('ping.failed', { why: failure.message }, failure.kind === 'timeout' ? 'set.time' : 'set.listen')];
  if (typeOf(ping) === 'text/html') return [bad('ping.page', {}, 'set.front')];
  if (status !== 200 && status !== 401) {
    return [bad('ping.status', { status, words: wordsOf(ping) }, remedyFor(status, evidence))];
  }
  const isVersioned = headerOf(headers, 'docker-distribution-api-version') !== undefined;
  const version = isVersioned ? [] : [note('ping.version', {}, 'set.pass')];
  return [good('ping.good', { status, ms: Math.round(wait) }), ...version];
}

/** The challenge that leads to a token, of those that there are. */
export function bearerIn({ headers }: Pick<Seen, 'headers'>): Challenge | undefined {
  return challengesIn(headers).find(({ scheme }) => scheme.toLowerCase() === 'bearer');
}

function challengesIn(headers: Seen['headers']): readonly Challenge[] {
  return headersOf(headers, 'www-authenticate').flatMap(parseChallenges);
}

/** Where it sends clients for a token. */
export function realmIn(challenge: Challenge): Url | undefined {
  return parseUrl(parameterOf(challenge, 'realm') ?? '');
}

function judgeChallenge(asking: Seen | undefined, { target, isOurs }: Evidence): readonly Finding[] {
  const { good, note, bad } = findingsOf('challenge');
  if (!asking) return [good('challenge.none')];
  const bearer = bearerIn(asking);
  if (!bearer) {
    const isBasic = challengesIn(asking.headers).some(({ scheme }) => scheme.toLowerCase() === 'basic');
    return [isBasic ? good('challenge.basic') : bad('challenge.missing', {}, 'set.pass')];
  }
  const realm = realmIn(bearer);
  const origin = originOf(target);
  if (!realm) {
    const written = (parameterOf(bearer, 'realm') ?? '').slice(0, 100).replace(/\?.*/s, '');
    return [bad('challenge.unreadable', { realm: written, origin }, 'set.origin')];
  }
  const values = { realm: originOf(realm), host: hostOf(target), origin };
  if (isSameHost(realm, target) && realm.scheme === 'http' && target.scheme === 'https') {
    return [bad('challenge.scheme', values, 'set.origin')];
  }
  if (isSameHost(realm, target)) return [good('challenge.bearer', values)];
  if (isOurs) {
    // What is called from its own machine may well be known elsewhere by PUBLIC_URL.
    const isHere = target.hostname === 'localhost' || isNamed(target.hostname, ['loopback']);
    return [(isHere ? note : bad)('challenge.host', values, 'set.origin')];
  }
  if (isSameOwner(realm, target)) return [good('challenge.bearer', values)];
  return [note('challenge.foreign', values, 'set.foreign')];
}

function judgeToken(asking: Seen | undefined, evidence: Evidence): readonly Finding[] {
  const { token, lifetime, scopes, hasLogin } = evidence;
  const { good, note, bad } = findingsOf('token');
  if (!asking) return evidence.ping?.status === 200 ? [good('token.none')] : [];
  // What a cache gives to everybody needs none.
  if (!token && evidence.manifest?.status === 200) return [good('token.none')];
  if (!token) return bearerIn(asking) || hasLogin ? [] : [bad('token.login', {}, 'set.login')];
  const { failure, status = 0, wait, url } = token;
  const host = hostOf(url);
  if (failure)
    return [bad('token.failed', { host, why: failure.message }, failure.kind === 'timeout' ? 'set.time' : 'set.name')];
  if (status === 401 || status === 403) {
    return [bad('token.refused', { host, status, words: wordsOf(token) }, 'set.login')];
  }
  if (status !== 200)
    return [bad('token.status', { host, status, words: wordsOf(token) }, remedyFor(status, evidence))];
  if (lifetime === undefined) return [bad('token.invalid', { host }, 'set.front')];
  const isSeveral = !scopes || scopes.status === 200;
  const several = isSeveral ? [] : [note('token.scopes', { status: scopes.status ?? scopes.failure?.message ?? '' })];
  return [good('token.good', { ms: Math.round(wait), seconds: lifetime }), ...several];
}
