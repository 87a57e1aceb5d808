import { type Challenge, parameterOf, parseChallenges, printChallenge } from './challenge';
import type { Upstream } from './config';
import { type HeaderList, headerOf, headersOf } from './headers';
import { valuesOf, withoutParameters } from './query';
import { splitScopes } from './scope';
import { parseUrl, type Url } from './url';
import type { ResponseHead } from './verbs';

/** Where an upstream's tokens come from. */
export interface Realm {
  readonly url: Url;
  readonly service?: string;
  /** There is no token server: the registry itself takes the login (RFC 7617). */
  readonly isBasic?: boolean;
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

/** The token of a request, without its scheme. */
export function bearerOf(headers: HeaderList): string | undefined {
  return /^Bearer (.+)$/.exec(headerOf(headers, 'authorization') ?? '')?.[1];
}

/** Whether a registry asks for a login itself, without a token server. */
export function asksForLogin(headers: HeaderList): boolean {
  const challenges = headersOf(headers, 'www-authenticate').flatMap(parseChallenges);
  return challenges.some(({ scheme }) => scheme.toLowerCase() === 'basic');
}

/** The first Bearer challenge with a usable realm among all lines of WWW-Authenticate. */
export function bearerChallenge(headers: HeaderList): { challenge: Challenge; realm: Realm } | undefined {
  for (const challenge of headersOf(headers, 'www-authenticate').flatMap(parseChallenges)) {
    const realm = isBearer(challenge) ? realmOf(challenge) : undefined;
    if (realm) return { challenge, realm };
  }
  return undefined;
}

/**
 * What an upstream's answer says of its tokens: its Bearer challenge, at the token server that the operator has named where
 * there is one. Then a refusal without any challenge is as good.
 */
export function upstreamChallenge(
  { status, headers }: ResponseHead,
  { tokenServer }: Upstream,
): { challenge: Challenge; realm: Realm } | undefined {
  const found = bearerChallenge(headers);
  if (!tokenServer) return found;
  const told = found?.challenge ?? bareBearer(headers);
  if (!told && status !== 401 && status >= 300) return undefined;
  const challenge = told ?? BARE;
  // What the operator wrote behind the URL is meant.
  const [service = parameterOf(challenge, 'service')] = valuesOf(tokenServer.query, 'service');
  return {
    challenge,
    realm: { url: { ...tokenServer, query: withoutParameters(tokenServer.query, 'service') }, service },
  };
}

const BARE: Challenge = { scheme: 'Bearer', parameters: [] };

/** One without a usable realm, which still has the service and the scope. */
function bareBearer(headers: HeaderList): Challenge | undefined {
  return headersOf(headers, 'www-authenticate').flatMap(parseChallenges).find(isBearer);
}

/** A name with `*` stands for any number of registries. */
const MAX_REALMS = 1000;

function remember(realms: Realms, name: string, realm: Realm): void {
  const [oldest] = realms.keys();
  if (realms.size >= MAX_REALMS && !realms.has(name)) realms.delete(oldest);
  realms.set(name, realm);
}

export function learnRealm(head: ResponseHead, upstream: Upstream, realms: Realms): Realm | undefined {
  const basic = asksForLogin(head.headers) ? { url: upstream.url, isBasic: true } : undefined;
  const realm = upstreamChallenge(head, upstream)?.realm ?? (upstream.accounts.length > 0 ? basic : undefined);
  if (realm) remember(realms, upstream.name, realm);
  return realm;
}

/**
 * The lines of WWW-Authenticate with our own token endpoint in every Bearer challenge. Realm and service are the same
 * on every answer of a host: containerd reuses the first ones it saw for every repository.
 */
export function ownChallenges(
  lines: readonly string[],
  ownRealm: string,
  service: string,
  ownScope = (scope: string) => scope,
): string[] {
  return lines.flatMap((line) => {
    const challenges = parseChallenges(line);
    return challenges.length === 0
      ? [line]
      : challenges.map((challenge) => printChallenge(own(challenge, ownRealm, service, ownScope)));
  });
}

function own(challenge: Challenge, ownRealm: string, service: string, ownScope: (scope: string) => string): Challenge {
  if (!isBearer(challenge) || parameterOf(challenge, 'realm') === undefined) return challenge;
  const others = challenge.parameters.filter(([name]) => name !== 'realm' && name !== 'service');
  const translated = others.map(([name, value]) => {
    return [name, name === 'scope' ? splitScopes([value]).map(ownScope).join(' ') : value] as const;
  });
  return { ...challenge, parameters: [['realm', ownRealm], ['service', service], ...translated] };
}
