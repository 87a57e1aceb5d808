import { RegistryError } from './errors';
import type { Route } from './route';
import type { Answer, RequestHead } from './verbs';

/**
 * What is answered at once where the proxy authenticates by itself; undefined for what goes to the registry.
 * @throws RegistryError 405 for a write: it would need somebody's login, and the proxy carries none
 */
export function answerAsProxy({ method }: RequestHead, route: Route): Answer | undefined {
  if (route.upstream.auth !== 'proxy') return undefined;
  if (route.kind === 'ping') return answerPing(route);
  if (method === 'GET' || method === 'HEAD') return undefined;
  throw new RegistryError(405, 'UNSUPPORTED', 'this proxy serves several registries and only reads from them', {
    registry: route.upstream.name,
    hint: 'push to that registry directly, or through an instance without REGISTRIES',
  });
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
