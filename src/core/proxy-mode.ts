import { printChallenge } from './challenge';
import type { Config } from './config';
import { answerError, RegistryError } from './errors';
import type { Place } from './location';
import type { Route } from './route';
import type { Origin } from './setting-values';
import { hostOf, originOf } from './url';
import type { Answer, RequestHead } from './verbs';

/**
 * What is answered at once where the proxy authenticates by itself; undefined for what goes to the registry.
 * @throws RegistryError 405 for a write, and for a look at an upload: that is somebody's own business, and nobody has said who asks
 */
export function answerAsProxy({ method }: RequestHead, { route, config, origin }: Place): Answer | undefined {
  if (route.upstream.auth !== 'proxy') return undefined;
  if (route.kind === 'ping')
    return isMixed(route, config) ? answerError(tokenNeeded(route, origin)) : answerPing(route);
  // Behind a gate somebody has said who asks, and that they may.
  const isRead = ['GET', 'HEAD'].includes(method) && route.kind !== 'upload';
  if (isRead || config.gate) return undefined;
  throw new RegistryError(
    405,
    'UNSUPPORTED',
    'this proxy authenticates by itself and only reads',
    {
      registry: route.upstream.name,
      hint: 'push to that registry directly, or give the proxy users of its own (HTPASSWD_FILE, ACCESS)',
    },
    [['allow', 'GET, HEAD, OPTIONS']],
  );
}

/** Clients need no login, and one that got 200 here never asks for a token. */
function answerPing({ namespace, upstream }: Route): Answer {
  const own = namespace === undefined ? [] : [['oci-namespace', upstream.name] as const];
  return {
    verb: 'answer',
    status: 200,
    headers: [['content-type', 'application/json'], ['docker-distribution-api-version', 'registry/2.0'], ...own],
    body: '{}',
  };
}

/** Whether a client that asks here may next ask a registry that wants a token of its client. */
function isMixed({ upstream, namespace }: Route, { upstreams }: Config): boolean {
  const isDefault = upstream.name === upstreams[0].name && namespace === undefined;
  return isDefault && upstreams.some(({ auth }) => auth === 'relay');
}

/** docker asks for tokens only where the ping says so, and then for every image of the host. */
export function tokenNeeded({ upstream, mount }: Route, origin: Origin): RegistryError {
  const parameters = [['realm', `${originOf(origin)}${mount}/token`] as const, ['service', hostOf(origin)] as const];
  return new RegistryError(
    401,
    'UNAUTHORIZED',
    'a token is needed for some registries here',
    { registry: upstream.name },
    [['www-authenticate', printChallenge({ scheme: 'Bearer', parameters })]],
  );
}

/** Nobody is sent to our token endpoint here; a login that comes all the same is not carried anywhere. */
export function noTokens({ upstream }: Route): RegistryError {
  return new RegistryError(404, 'UNSUPPORTED', 'this proxy authenticates by itself: no token is needed', {
    registry: upstream.name,
  });
}

/** Its cloud gave no login, or one that the registry does not take. */
export function loginError(isHad: boolean, { upstream }: Route): RegistryError {
  const about = { registry: upstream.name };
  if (isHad) return new RegistryError(401, 'UNAUTHORIZED', 'the registry does not take the login of its cloud', about);
  return new RegistryError(
    502,
    'UNAVAILABLE',
    "a login cannot be had from the registry's cloud; the log says why",
    about,
  );
}

/** Some token servers refuse what is private (ghcr.io, GitLab), some hand out a token without the right (Docker Hub). */
export function tokenError(isRefused: boolean, { upstream, repository }: Route): RegistryError {
  const about = { registry: upstream.name, repository };
  if (!isRefused) return new RegistryError(502, 'UNAVAILABLE', 'a token for the registry cannot be had', about);
  return new RegistryError(401, 'UNAUTHORIZED', 'the registry gives the proxy no right to this repository', {
    ...about,
    hint: 'it is private, or does not exist',
  });
}
