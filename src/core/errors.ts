import type { HeaderList } from './headers';
import type { Answer } from './verbs';

/** Error codes of the OCI distribution spec ("Error Codes"), and distribution's UNAVAILABLE and UNKNOWN. */
export type ErrorCode =
  | 'DENIED'
  | 'DIGEST_INVALID'
  | 'MANIFEST_INVALID'
  | 'MANIFEST_UNKNOWN'
  | 'NAME_INVALID'
  | 'NAME_UNKNOWN'
  | 'SIZE_INVALID'
  | 'TAG_INVALID'
  | 'TOOMANYREQUESTS'
  | 'UNAUTHORIZED'
  | 'UNAVAILABLE'
  | 'UNKNOWN'
  | 'UNSUPPORTED';

/** A failure with everything the client and the log need; `message` and `detail` are sent, so they hold no secret. */
export class RegistryError extends Error {
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail: unknown;
  readonly headers: HeaderList;

  constructor(status: number, code: ErrorCode, message: string, detail?: unknown, headers: HeaderList = []) {
    super(message);
    this.name = 'RegistryError';
    this.status = status;
    this.code = code;
    this.detail = detail;
    this.headers = headers;
  }
}

/** The one place where an error becomes a response. */
export function answerError(error: RegistryError, why?: string): Answer {
  const { code, message, detail } = error;
  const entry = detail === undefined ? { code, message } : { code, message, detail };
  return {
    verb: 'answer',
    status: error.status,
    headers: [
      ['content-type', 'application/json'],
      ['docker-distribution-api-version', 'registry/2.0'],
      ['cache-control', 'no-store'],
      ...error.headers,
    ],
    body: `${JSON.stringify({ errors: [entry] })}\n`,
    why: why ?? `${code}: ${message}`,
  };
}
