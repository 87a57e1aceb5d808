import { RegistryError } from './errors';
import { countVia, MAX_VIA } from './headers';
import { checkMethod } from './methods';
import type { Route } from './route';
import type { Origin } from './setting-values';
import type { RequestHead } from './verbs';

/**
 * What must hold of a request that has been understood, before anybody is asked for anything.
 * @throws RegistryError 405 for a method that the endpoint does not have, 400 without a host, 508 in a loop
 */
export function checkEntry(head: RequestHead, route: Route, origin: Origin | undefined): Origin {
  checkMethod(head.method, route.kind);
  if (!origin) throw new RegistryError(400, 'UNSUPPORTED', 'the request has no usable Host');
  if (countVia(head.headers) > MAX_VIA) {
    throw new RegistryError(508, 'UNAVAILABLE', 'the proxy is its own upstream', {
      hint: 'REGISTRY_BACKEND leads back to this proxy',
    });
  }
  return origin;
}
