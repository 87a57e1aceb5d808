import { bytesToHex } from '@noble/hashes/utils';
import type { AwsKeys } from '../core/aws-account';
import { type HeaderList, headerOf } from '../core/headers';
import { hostOf, type Url } from '../core/url';
import { hmacOf, sha256Of } from './digests';

export interface SignedScope {
  readonly region: string;
  readonly service: string;
}

export interface Signable {
  readonly method: string;
  /** Its path is escaped as it is sent, once, which is how S3 signs it; other services of AWS have nothing to escape. */
  readonly url: Url;
  /** Names in lower case. A field `x-amz-content-sha256` stands for the body, as S3 wants it. */
  readonly headers: HeaderList;
  readonly body?: string;
}

/** What stands in place of a body's hash where the body is not signed. */
export const UNSIGNED_PAYLOAD = 'UNSIGNED-PAYLOAD';

/** Seconds that a presigned URL may be good for (Amazon S3, "Authenticating Requests: Using Query Parameters"). */
export const MAX_PRESIGNED = 7 * 24 * 3600;

const ALGORITHM = 'AWS4-HMAC-SHA256';

/**
 * The header fields of a signed request (AWS, "Signature Version 4 signing process"): those given, the date, the session
 * token, and `authorization` over all of them, the query and the body.
 * @param now milliseconds since 1970
 */
export function signV4(request: Signable, keys: AwsKeys, scope: SignedScope, now: number): HeaderList {
  const date = dateOf(now);
  const sent: HeaderList = [
    ...request.headers,
    ['x-amz-date', date],
    ...(keys.token === undefined ? [] : [['x-amz-security-token', keys.token] as const]),
  ];
  const payload = headerOf(request.headers, 'x-amz-content-sha256') ?? sha256(request.body ?? '');
  const { names, signature } = signatureOf({ ...request, headers: sent }, payload, keys, scope, date);
  const credential = `${keys.id}/${scopeOf(date, scope)}`;
  return [
    ...sent,
    ['authorization', `${ALGORITHM} Credential=${credential}, SignedHeaders=${names}, Signature=${signature}`],
  ];
}

/**
 * The URL of a request that anybody may send for a while, as it is (Amazon S3, "Authenticating Requests: Using Query Parameters").
 * @param seconds 1 to MAX_PRESIGNED
 */
export function presignV4(
  { method, url }: Pick<Signable, 'method' | 'url'>,
  keys: AwsKeys,
  scope: SignedScope,
  now: number,
  seconds: number,
): Url {
  const date = dateOf(now);
  const added = [
    ['X-Amz-Algorithm', ALGORITHM],
    ['X-Amz-Credential', `${keys.id}/${scopeOf(date, scope)}`],
    ['X-Amz-Date', date],
    ['X-Amz-Expires', String(seconds)],
    ['X-Amz-SignedHeaders', 'host'],
    ...(keys.token === undefined ? [] : [['X-Amz-Security-Token', keys.token]]),
  ].map(([name, value]) => `${name}=${escapeUri(value)}`);
  const query = `${url.query === '' ? '?' : `${url.query}&`}${added.join('&')}`;
  const { signature } = signatureOf(
    { method, url: { ...url, query }, headers: [] },
    UNSIGNED_PAYLOAD,
    keys,
    scope,
    date,
  );
  return { ...url, query: `${query}&X-Amz-Signature=${signature}` };
}

/** All but what RFC 3986 leaves unreserved (section 2.3), as signatures want it. */
export function escapeUri(text: string): string {
  const hexOf = (character: string) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  return encodeURIComponent(text).replace(/[!'()*]/g, hexOf);
}

function signatureOf(
  { method, url, headers }: Signable,
  payload: string,
  keys: AwsKeys,
  scope: SignedScope,
  date: string,
): { names: string; signature: string } {
  const signed = [...headers, ['host', hostOf(url)] as const].sort(([one], [other]) => (one < other ? -1 : 1));
  const names = signed.map(([name]) => name).join(';');
  const fields = signed.map(([name, value]) => `${name}:${value.trim().replace(/ +/g, ' ')}\n`).join('');
  const canonical = [method, url.path, canonicalQuery(url.query), fields, names, payload].join('\n');
  const text = [ALGORITHM, date, scopeOf(date, scope), sha256(canonical)].join('\n');
  return { names, signature: bytesToHex(hmacOf(signingKey(keys, scopeOf(date, scope)), text)) };
}

/** The last one of each pair of keys: it is good for a day, and takes four of the five HMACs of a signature. */
const signingKeys = new WeakMap<AwsKeys, { readonly scope: string; readonly key: Uint8Array }>();

function signingKey(keys: AwsKeys, scope: string): Uint8Array {
  const known = signingKeys.get(keys);
  if (known?.scope === scope) return known.key;
  const key = scope.split('/').reduce<Uint8Array | string>(hmacOf, `AWS4${keys.secret}`) as Uint8Array;
  signingKeys.set(keys, { scope, key });
  return key;
}

function canonicalQuery(query: string): string {
  const pairs = query.replace(/^\?/, '').split('&').filter(Boolean);
  const canonical = pairs.map((pair) => {
    const [name, ...value] = pair.split('=');
    return [name, value.join('=')].map((part) => escapeUri(decodeURIComponent(part)));
  });
  canonical.sort(([one, a], [other, b]) => (one === other ? compare(a, b) : compare(one, other)));
  return canonical.map(([name, value]) => `${name}=${value}`).join('&');
}

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}

function dateOf(now: number): string {
  return new Date(now).toISOString().replace(/[-:]|\.\d{3}/g, '');
}

function scopeOf(date: string, { region, service }: SignedScope): string {
  return `${date.slice(0, 8)}/${region}/${service}/aws4_request`;
}

function sha256(text: string): string {
  return bytesToHex(sha256Of(text));
}
