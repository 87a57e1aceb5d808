import type { Element } from './s3-xml';
import { parseXml, textOf } from './s3-xml';
import { StoreError, type StoreFault } from './store-error';

/** Nothing came for so long: `connection` there was none, `answer` no head of one, `body` no further byte of it. */
export class Silence extends Error {
  constructor(what: 'connection' | 'answer' | 'body', milliseconds: number) {
    const kind = { connection: 'no connection', answer: 'no answer', body: 'not a byte' }[what];
    super(`${kind} for ${milliseconds / 1000} s`);
  }
}

/** An answer that is no success. Of what the object store says only the code is kept: its texts name keys and signatures. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  /** Without a body, as answers to HEAD are: only then the status alone tells what is meant. */
  readonly isBare: boolean;

  constructor(status: number, code: string, isBare = false) {
    super(`the object store answers ${status}${code === '' ? '' : ` ${code}`}`);
    this.status = status;
    this.code = code;
    this.isBare = isBare;
  }

  /** Of an answer's body, as far as there is one (Amazon S3, "Error responses"). */
  static of(status: number, body: string): Refusal {
    return new Refusal(status, codeIn(parseXml(body)) ?? '', body === '');
  }
}

/** The code of an error document; undefined for any other one. */
export function codeIn(root: Element | undefined): string | undefined {
  if (root?.name !== 'Error') return undefined;
  const code = textOf(root, 'Code') ?? '';
  return /^[A-Za-z0-9.]{1,64}$/.test(code) ? code : '';
}

/** Codes of what may be asked again (Amazon S3, "List of error codes"); some come with 400, or in the body of a 200. */
const PASSING =
  /^(InternalError|OperationAborted|RequestTimeout|ServiceUnavailable|SlowDown|XMinioServerNotInitialized)$/;

/** Whether the same request may succeed a moment later. Who was silent for long is not asked again: somebody waits. */
export function isPassing(error: unknown): boolean {
  if (error instanceof Refusal) return [429, 500, 502, 503, 504].includes(error.status) || PASSING.test(error.code);
  return !(error instanceof StoreError) && !(error instanceof Silence) && isOfNetwork(error);
}

/** Errors of sockets, of DNS and of the HTTP parser. */
export function isOfNetwork(error: unknown): boolean {
  return error instanceof Silence || /^(E[A-Z_]+|HPE_[A-Z_]+)$/.test(codeOf(error));
}

const FAULTS: Readonly<Record<string, readonly [StoreFault, string]>> = {
  AccessDenied: ['denied', 'the keys lack a right; docs/caching.md lists them'],
  AuthorizationHeaderMalformed: ['denied', 'the region is another one; set region'],
  BadDigest: ['digest', 'other bytes arrived than were sent'],
  EntityTooLarge: ['too-large', 'it takes nothing that large'],
  ExpiredToken: ['denied', 'the session token has run out'],
  IllegalLocationConstraintException: ['denied', 'the region is another one; set region and endpoint'],
  InvalidAccessKeyId: ['denied', 'it does not know the access key'],
  InvalidRange: ['range', 'the range begins behind the end'],
  InvalidToken: ['denied', 'it does not know the session token'],
  NoSuchBucket: ['io', 'there is no such bucket; make it, or correct bucket, region and endpoint'],
  PermanentRedirect: ['io', 'the bucket is in another region; set region and endpoint'],
  QuotaExceeded: ['full', 'its quota is used up'],
  RequestTimeTooSkewed: ['denied', "this machine's clock is wrong by more than its limit"],
  SecondLevelDomainForbidden: ['io', 'the bucket belongs into the host name; set pathStyle=false'],
  SignatureDoesNotMatch: ['denied', 'the secret key does not fit the access key, or the region is another one'],
  TemporaryRedirect: ['io', 'the bucket is in another region; set region and endpoint'],
  XAmzContentSHA256Mismatch: ['digest', 'the bytes have another hash than they should'],
  XMinioStorageFull: ['full', 'its disks are full'],
};

/** @param doing what failed, for the message */
export function s3Error(error: unknown, doing: string): StoreError {
  if (error instanceof StoreError) return error;
  if (error instanceof Refusal) {
    const [fault, hint] = FAULTS[error.code] ?? [faultOf(error.status), ''];
    return new StoreError(fault, `${doing}: ${error.message}${hint && `; ${hint}`}`);
  }
  if (error instanceof Silence) return new StoreError('io', `${doing}: the object store gave ${error.message}`);
  const why = codeOf(error) || (error instanceof Error ? error.name : String(error));
  return new StoreError('io', `${doing}: the object store cannot be reached (${why})`, error);
}

function faultOf(status: number): StoreFault {
  if (status === 401 || status === 403) return 'denied';
  if (status === 416) return 'range';
  if (status === 507) return 'full';
  return status === 429 || status === 503 ? 'busy' : 'io';
}

/** What the work gives; undefined where there is no such object. A HEAD cannot say whether it is the bucket that is missing. */
export async function unlessAbsent<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof Refusal) || error.status !== 404) throw error;
    if (error.isBare || /^(NoSuchKey|NotFound)$/.test(error.code)) return undefined;
    throw error;
  }
}

function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : '';
}
