import type { Upstream } from './config';
import { RegistryError } from './errors';
import type { RouteKind } from './route';
import { originOf } from './url';
import type { Failure, Forward, ResponseHead } from './verbs';

const HINTS: Readonly<Record<Failure['kind'], string | undefined>> = {
  refused: 'is it running, and is REGISTRY_BACKEND right?',
  dns: 'the host name does not resolve: is REGISTRY_BACKEND right?',
  tls: 'its certificate is not trusted; add its CA with NODE_EXTRA_CA_CERTS',
  timeout: undefined,
  reset: undefined,
  client: undefined,
  forbidden: 'it resolves to a private address; if that is meant, set ALLOW_PRIVATE_ADDRESSES=true',
  unknown: undefined,
};

/** No response came from `sent`: 504 where time ran out, 408 where the client let it, else 502, in words that say what to do. */
export function failureError(sent: Forward, failure: Failure, upstream: Upstream): RegistryError {
  if (failure.kind === 'client') {
    return new RegistryError(408, 'UNKNOWN', failure.message, undefined, [['connection', 'close']]);
  }
  const status = failure.kind === 'timeout' ? 504 : 502;
  return new RegistryError(status, 'UNAVAILABLE', `${PARTY[sent.purpose]}: ${failure.message}`, {
    registry: upstream.name,
    target: originOf(sent.url),
    reason: failure.kind,
    hint: HINTS[failure.kind],
  });
}

/** A registry's answer began, and its small body did not come whole. */
export function cutAnswerError({ kind, message }: Failure): RegistryError {
  return new RegistryError(kind === 'timeout' ? 504 : 502, 'UNAVAILABLE', `the registry's answer: ${message}`);
}

/** A list that has to be edited is none, or too long for that. */
export function unreadableList(kind?: RouteKind): RegistryError {
  const whose = kind === 'search' ? "the search backend's answer" : "the registry's list";
  return new RegistryError(502, 'UNAVAILABLE', `${whose} cannot be read`);
}

const PARTY: Readonly<Record<Forward['purpose'], string>> = {
  registry: 'the registry cannot be reached',
  ping: 'the registry cannot be reached',
  backend: 'the backend host cannot be reached',
  hop: "the registry's storage cannot be reached",
  realm: 'the token server cannot be reached',
  search: 'the search backend cannot be reached',
};

/** @throws RegistryError 502 for a number that is no final status (RFC 9110 section 15) and could not be sent on */
export function checkStatus({ status }: ResponseHead): void {
  if (status >= 200 && status <= 599) return;
  throw new RegistryError(502, 'UNAVAILABLE', `the upstream answers ${status}, which is no status`);
}
