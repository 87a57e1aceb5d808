import { RegistryError } from './errors';
import { headerOf } from './headers';
import type { RouteKind } from './route';
import type { RequestHead } from './verbs';

const READ = ['GET', 'HEAD'];

const KNOWN = [...READ, 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** What the distribution spec defines for each endpoint ("Endpoints"). */
const METHODS: Readonly<Record<RouteKind, readonly string[]>> = {
  ping: READ,
  catalog: READ,
  manifest: [...READ, 'PUT', 'DELETE'],
  blob: [...READ, 'DELETE'],
  tags: READ,
  referrers: READ,
  uploads: ['POST'],
  upload: [...READ, 'PATCH', 'PUT', 'DELETE'],
  token: ['GET', 'POST'],
  search: READ,
  backend: READ,
  own: READ,
};

/** @throws RegistryError 405 for TRACE and all else that no endpoint has */
export function checkKnownMethod(method: string): void {
  if (!KNOWN.includes(method)) throw notAllowed(method, KNOWN);
}

/** @throws RegistryError 405 for a method that the endpoint does not have */
export function checkMethod(method: string, kind: RouteKind): void {
  const allowed = METHODS[kind];
  if (!allowed.includes(method)) throw notAllowed(method, [...allowed, 'OPTIONS']);
}

/**
 * @param limit bytes of a body
 * @throws RegistryError 413; 411 for chunks on a method without a body: such framing is where requests get smuggled
 */
export function checkFraming({ method, headers }: RequestHead, limit: number): void {
  if (Number(headerOf(headers, 'content-length') ?? 0) > limit) {
    const message = `the body is larger than the ${limit} bytes that are taken here; push it in chunks, or to the registry itself`;
    throw new RegistryError(413, 'SIZE_INVALID', message, { limit }, [['connection', 'close']]);
  }
  if (takesBody(method) || headerOf(headers, 'transfer-encoding') === undefined) return;
  throw new RegistryError(411, 'SIZE_INVALID', `${method} takes no body`, undefined, [['connection', 'close']]);
}

export function takesBody(method: string): boolean {
  return ['POST', 'PUT', 'PATCH'].includes(method);
}

function notAllowed(method: string, allowed: readonly string[]): RegistryError {
  return new RegistryError(405, 'UNSUPPORTED', `${method} is not supported here`, { allowed }, [
    ['allow', allowed.join(', ')],
  ]);
}
