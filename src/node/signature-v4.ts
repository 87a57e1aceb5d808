import { createHash, createHmac } from 'node:crypto';
import type { AwsKeys } from '../core/aws-account';
import type { HeaderList } from '../core/headers';
import { hostOf, type Url } from '../core/url';

export interface SignedScope {
  readonly region: string;
  readonly service: string;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';

/**
 * The header fields of a signed request (AWS, "Signature Version 4 signing process"): those given, the date, the session
 * token, and `authorization` over all of them and the body. Only for paths without anything to escape and without a
 * query, which is all that APIs of AWS's JSON protocol have.
 * @param now milliseconds since 1970
 */
export function signV4(
  { method, url, headers, body }: { method: string; url: Url; headers: HeaderList; body: string },
  { id, secret, token }: AwsKeys,
  { region, service }: SignedScope,
  now: number,
): HeaderList {
  const date = new Date(now).toISOString().replace(/[-:]|\.\d{3}/g, '');
  const sent: HeaderList = [
    ...headers,
    ['x-amz-date', date],
    ...(token === undefined ? [] : [['x-amz-security-token', token] as const]),
  ];
  const signed = [...sent, ['host', hostOf(url)] as const].sort(([one], [other]) => (one < other ? -1 : 1));
  const names = signed.map(([name]) => name).join(';');
  const fields = signed.map(([name, value]) => `${name}:${value.trim().replace(/ +/g, ' ')}\n`).join('');
  const canonical = [method, url.path, '', fields, names, sha256(body)].join('\n');
  const scope = `${date.slice(0, 8)}/${region}/${service}/aws4_request`;
  const key = [date.slice(0, 8), region, service, 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${secret}`);
  const signature = hmac(key, [ALGORITHM, date, scope, sha256(canonical)].join('\n')).toString('hex');
  return [
    ...sent,
    ['authorization', `${ALGORITHM} Credential=${id}/${scope}, SignedHeaders=${names}, Signature=${signature}`],
  ];
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
