import type { Failure } from '../core/verbs';
import { TransportError } from '../shell/transport-error';

const KINDS: Readonly<Record<string, Failure['kind']>> = {
  ECONNREFUSED: 'refused',
  EHOSTUNREACH: 'refused',
  ENETUNREACH: 'refused',
  EADDRNOTAVAIL: 'refused',
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  ENODATA: 'dns',
  ETIMEDOUT: 'timeout',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  ERR_FORBIDDEN_ADDRESS: 'forbidden',
};

const MESSAGES: Readonly<Record<Failure['kind'], string>> = {
  refused: 'connection refused',
  dns: 'host name not found',
  tls: 'certificate not accepted',
  timeout: 'no answer in time',
  reset: 'connection reset',
  forbidden: 'the address is not a public one',
  client: 'the client did not send its body',
  unknown: 'the request failed',
};

/** What a node:http error means, without the addresses and paths that its message may name. */
export function failureOf(error: unknown): Failure {
  if (error instanceof TransportError) return error.failure;
  const code = codeOf(error);
  const kind = KINDS[code] ?? (isTls(code) ? 'tls' : code.startsWith('HPE_') ? 'reset' : 'unknown');
  return { kind, message: code ? `${MESSAGES[kind]} (${code})` : MESSAGES[kind] };
}

/** Happy eyeballs wraps one error for each address that was tried. */
function codeOf(error: unknown): string {
  const { code, errors } = error as { code?: unknown; errors?: unknown[] };
  const inner = errors?.map(codeOf).find((each) => each in KINDS);
  return inner ?? (typeof code === 'string' ? code : '');
}

function isTls(code: string): boolean {
  return /^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH|EPROTO$)/.test(code);
}
