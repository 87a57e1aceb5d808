import { bytesToHex } from '@noble/hashes/utils';
import type { AliyunKeys } from '../core/aliyun-account';
import type { HeaderList } from '../core/headers';
import { hostOf, type Url } from '../core/url';
import { hmacOf, sha256Of } from './digests';

export interface AliyunAction {
  readonly method: 'GET' | 'POST';
  /** Origin of the API. */
  readonly api: Url;
  readonly path: string;
  readonly query: readonly (readonly [string, string])[];
  readonly action: string;
  readonly version: string;
}

const ALGORITHM = 'ACS3-HMAC-SHA256';

/**
 * A signed request without a body (Alibaba Cloud, "Request syntax and signature method V3").
 * @param now milliseconds since 1970
 * @param nonce never used before with these keys
 */
export function signAliyun(
  { method, api, path, query, action, version }: AliyunAction,
  { id, secret, token }: AliyunKeys,
  now: number,
  nonce: string,
): { url: Url; headers: HeaderList } {
  const bodyHash = sha256('');
  const sent: HeaderList = [
    ['x-acs-action', action],
    ['x-acs-content-sha256', bodyHash],
    ['x-acs-date', new Date(now).toISOString().replace(/\.\d{3}/, '')],
    ...(token === undefined ? [] : [['x-acs-security-token', token] as const]),
    ['x-acs-signature-nonce', nonce],
    ['x-acs-version', version],
  ];
  // All in order, as they are written here.
  const signed: HeaderList = [['host', hostOf(api)], ...sent];
  const names = signed.map(([name]) => name).join(';');
  const fields = signed.map(([name, value]) => `${name}:${value.trim()}\n`).join('');
  const pairs = query.map(([name, value]) => `${encode(name)}=${encode(value)}`).sort();
  const canonical = [method, path, pairs.join('&'), fields, names, bodyHash].join('\n');
  const signature = bytesToHex(hmacOf(secret, `${ALGORITHM}\n${sha256(canonical)}`));
  return {
    url: { ...api, path, query: pairs.length > 0 ? `?${pairs.join('&')}` : '' },
    headers: [
      ...sent,
      ['authorization', `${ALGORITHM} Credential=${id},SignedHeaders=${names},Signature=${signature}`],
    ],
  };
}

/** RFC 3986 section 2.3: everything but unreserved characters. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function sha256(text: string): string {
  return bytesToHex(sha256Of(text));
}
