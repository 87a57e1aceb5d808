import { actionOf } from './actions';
import { printChallenge } from './challenge';
import { RegistryError } from './errors';
import { type Gate, givesTokens, isOpenToAll } from './gate';
import type { HeaderList } from './headers';
import { type Image, imagesOf, isDistributionPath } from './image-rules';
import type { Place } from './location';
import { valuesOf, withoutParameters } from './query';
import { type Action, mayDo, type Who } from './rights';
import type { Route } from './route';
import type { SearchQuestion } from './search';
import { hostOf, originOf } from './url';
import type { RequestHead } from './verbs';

/** Who sends a request, as far as its `Authorization` says. No `why` holds a secret, or tells whether there is such a user. */
export type Identity =
  | { readonly kind: 'user'; readonly name: string }
  /** By a token that was given to somebody without a login. */
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'refused'; readonly why: string }
  /** It cannot be found out now; the client may try again in a while. */
  | { readonly kind: 'busy'; readonly why: string };

/** Seconds after which a client that found us busy may come again. */
const RETRY_AFTER = 5;

/**
 * Who asks, for the rules.
 * @param isGuest the request has shown the secret, or comes from an address that needs no login
 * @throws RegistryError 401 for a wrong login, 429 where it cannot be checked now
 */
export function whoIs(identity: Identity, isGuest: boolean, gate: Gate, place: Place): Who {
  switch (identity.kind) {
    case 'user':
      return identity;
    case 'anonymous':
      return isGuest ? { kind: 'guest' } : identity;
    case 'refused':
      throw loginNeeded(identity.why, gate, place, 'pull');
    case 'busy':
      throw new RegistryError(429, 'TOOMANYREQUESTS', identity.why, undefined, [['retry-after', String(RETRY_AFTER)]]);
  }
}

/**
 * @returns what may be asked for: a blob is not mounted from where this user may not pull, but uploaded, as where a registry
 * cannot mount (distribution spec, "Mounting a blob from another repository"). containerd would end its push at a refusal.
 * @throws RegistryError 401 for somebody who may log in first, 403 for everybody else who may not do this
 */
export function checkRight(who: Who, { method }: RequestHead, gate: Gate, place: Place): Route {
  const { route } = place;
  const action = actionOf(method, route.kind);
  if (isRightful(who, action, gate, place)) {
    if (route.search) return withSight(route, route.search, who, gate, place);
    return mayMount(who, gate, place) ? route : { ...route, query: withoutParameters(route.query, 'mount', 'from') };
  }
  if (who.kind !== 'user' && gate.users.size > 0) throw loginNeeded('log in first', gate, place, action);
  const name = who.kind === 'user' ? who.name : 'whoever is not logged in';
  throw new RegistryError(403, 'DENIED', `${name} may not ${action} here`, {
    registry: route.upstream.name,
    ...(route.typed && { name: route.typed }),
    action,
  });
}

function isRightful(who: Who, action: Action, gate: Gate, place: Place): boolean {
  const { route } = place;
  switch (route.kind) {
    case 'ping':
      // It says nothing, and podman gives up on a 403 before it gets to the name with the secret. An address that does in
      // place of a login is no answer: docker and podman log in because of this one, and could push from nowhere near.
      return who.kind === 'user' || route.isGuest || gate.users.size === 0;
    case 'own':
    case 'token':
      return true;
    case 'search':
      return who.kind !== 'anonymous' || isOpenToAll(gate);
    case 'backend':
      // No other way around the rules: what a lenient server takes for /v2/ is below /v2/ alone.
      if (gate.rules && isDistributionPath(route.path)) return false;
      return who.kind !== 'anonymous' || isOpenToAll(gate);
    case 'catalog':
      // It names what some may not even know of.
      return !gate.rules && (who.kind !== 'anonymous' || gate.anonymousPull);
    default:
      return isJudgedThere(who, route) || mayTouch(who, action, imagesOf(route)[0], gate, place);
  }
}

/** A search finds what this user may pull. */
function withSight(route: Route, search: SearchQuestion, who: Who, gate: Gate, place: Place): Route {
  const isSeen = (image: Image) => isJudgedThere(who, route) || mayTouch(who, 'pull', image, gate, place);
  return { ...route, search: { ...search, isSeen } };
}

function mayMount(who: Who, gate: Gate, place: Place): boolean {
  const { route } = place;
  if (isJudgedThere(who, route)) return true;
  const [, ...sources] = imagesOf(route);
  // Without a source a registry may look for the blob wherever the proxy's own account may.
  const isFound = sources.length > 0 || valuesOf(route.query, 'mount').length === 0 || !gate.rules;
  return isFound && sources.every((each) => mayTouch(who, 'pull', each, gate, place));
}

/** Whoever knows the way to a registry that leaves the login to its clients is judged there. */
function isJudgedThere(who: Who, { upstream }: Route): boolean {
  return upstream.auth === 'relay' && who.kind !== 'anonymous';
}

function mayTouch(who: Who, action: Action, image: Image, gate: Gate, { config }: Place): boolean {
  if (action === 'pull' && gate.anonymousPull) return true;
  return mayDo(gate.rules, who, action, image.registry, image.repository, config.upstreams[0].name);
}

/**
 * Basic, which every client knows, where everybody must log in. Where some need not, tokens: a client without a login
 * gets one too, while on a Basic challenge docker gives up.
 */
export function loginNeeded(why: string, gate: Gate, place: Place, action: Action): RegistryError {
  return new RegistryError(401, 'UNAUTHORIZED', why, undefined, challengeOf(gate, place, action));
}

function challengeOf(gate: Gate, { origin, route }: Place, action: Action): HeaderList {
  if (gate.users.size === 0) return [];
  // docker shows its login to a search without being asked, and podman none at all; browsers know Basic alone.
  if (!givesTokens(gate) || route.kind === 'token' || route.kind === 'search') {
    return [['www-authenticate', printChallenge({ scheme: 'Basic', parameters: [['realm', gate.realm]] })]];
  }
  const scope = `repository:${route.typed}:${action === 'push' ? 'pull,push' : action}`;
  const parameters = [
    ['realm', `${originOf(origin)}${route.mount}/token`] as const,
    ['service', hostOf(origin)] as const,
    ...(route.typed === '' ? [] : [['scope', scope] as const]),
  ];
  return [['www-authenticate', printChallenge({ scheme: 'Bearer', parameters })]];
}
