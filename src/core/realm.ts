import { type Challenge, parameterOf, parseChallenges, printChallenge } from './challenge';
import type { Upstream } from './config';
import { type HeaderList, headersOf } from './headers';
import { parseUrl, type Url } from './url';

/** Where an upstream's tokens come from. */
export interface Realm {
  readonly url: Url;
  readonly service?: string;
}

/** Realms as upstreams have named them; learned from every challenge that passes, so nothing is asked at start. */
export type Realms = Map<string, Realm>;

export function isBearer(challenge: Challenge): boolean {
  return challenge.scheme.toLowerCase() === 'bearer';
}

export function realmOf(challenge: Challenge): Realm | undefined {
  const url = parseUrl(parameterOf(challenge, 'realm') ?? '');
  return url && { url, service: parameterOf(challenge, 'service') };
}

/** The first Bearer challenge with a usable realm among all lines of WWW-Authenticate. */
export function bearerChallenge(headers: HeaderList): { challenge: Challenge; realm: Realm } | undefined {
  for (const challenge of headersOf(headers, 'www-authenticate').flatMap(parseChallenges)) {
    const realm = isBearer(challenge) ? realmOf(challenge) : undefined;
    if (realm) return { challenge, realm };
  }
  return undefined;
}

export function learnRealm(headers: HeaderList, upstream: Upstream, realms: Realms): Realm | undefined {
  const realm = bearerChallenge(headers)?.realm;
  if (realm) realms.set(upstream.name, realm);
  return realm;
}

/**
 * The lines of WWW-Authenticate with our own token endpoint in every Bearer challenge. Realm and service are the same
 * on every answer of a host: containerd reuses the first ones it saw for every repository.
 */
export function ownChallenges(lines: readonly string[], ownRealm: string, service: string): string[] {
  return lines.flatMap((line) => {
    const challenges = parseChallenges(line);
    return challenges.length === 0
      ? [line]
      : challenges.map((challenge) => printChallenge(own(challenge, ownRealm, service)));
  });
}

function own(challenge: Challenge, ownRealm: string, service: string): Challenge {
  if (!isBearer(challenge) || parameterOf(challenge, 'realm') === undefined) return challenge;
  const others = challenge.parameters.filter(([name]) => name !== 'realm' && name !== 'service');
  return { ...challenge, parameters: [['realm', ownRealm], ['service', service], ...others] };
}
