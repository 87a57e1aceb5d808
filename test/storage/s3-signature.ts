import { createHash, createHmac } from 'node:crypto';
import type { Recorded } from '../upstream/record';

export interface Login {
  readonly id: string;
  readonly secret: string;
  readonly token?: string;
}

/** Milliseconds that a request's date may be wrong by (Amazon S3, RequestTimeTooSkewed). */
const SKEW = 15 * 60 * 1000;

const sha256 = (text: string | Buffer) => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();
const encode = (text: string) =>
  Array.from(Buffer.from(text), (byte) => {
    const character = String.fromCharCode(byte);
    return /[A-Za-z0-9_.~-]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }).join('');

/**
 * Judges a request by what came over the wire, from Amazon's description (Amazon S3, "Authenticating Requests"), apart from the code that
 * signed it. The code of the error that S3 would answer; undefined where all is right.
 */
export function judgeSignature(
  seen: Recorded,
  body: Buffer,
  { id, secret, token }: Login,
  region: string,
  now: number,
): string | undefined {
  const isPresigned = seen.query.has('X-Amz-Signature');
  const header = seen.header('authorization') ?? '';
  const [, credential = '', names = '', signature = ''] = isPresigned
    ? ['', ...['Credential', 'SignedHeaders', 'Signature'].map((name) => seen.query.get(`X-Amz-${name}`) ?? '')]
    : (/^AWS4-HMAC-SHA256 Credential=([^,\s]+), ?SignedHeaders=([^,\s]+), ?Signature=([0-9a-f]{64})$/.exec(header) ??
      []);
  if (isPresigned && header !== '') return 'InvalidRequest';
  const [keyId, day, ...scope] = credential.split('/');
  if (keyId !== id) return 'InvalidAccessKeyId';
  if (scope.join('/') !== `${region}/s3/aws4_request`) return 'AuthorizationHeaderMalformed';

  const date = (isPresigned ? seen.query.get('X-Amz-Date') : seen.header('x-amz-date')) ?? '';
  const at = Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  if (date.slice(0, 8) !== day || Number.isNaN(at)) return 'AccessDenied';
  if (!isPresigned && Math.abs(now - at) > SKEW) return 'RequestTimeTooSkewed';
  if (isPresigned && (now < at - SKEW || now > at + Number(seen.query.get('X-Amz-Expires')) * 1000))
    return 'AccessDenied';
  const given = isPresigned ? seen.query.get('X-Amz-Security-Token') : seen.header('x-amz-security-token');
  if ((given ?? undefined) !== token) return 'InvalidToken';

  const signed = names.split(';');
  const own = seen.rawHeaders.map(([name]) => name.toLowerCase()).filter((name) => name.startsWith('x-amz-'));
  if (['host', ...own].some((name) => !signed.includes(name))) return 'AccessDenied';
  const payload = isPresigned ? 'UNSIGNED-PAYLOAD' : (seen.header('x-amz-content-sha256') ?? '');
  const parameters = seen.target.includes('?') ? seen.target.slice(seen.target.indexOf('?') + 1).split('&') : [];
  const query = parameters
    .map((pair) => pair.split(/=(.*)/s).slice(0, 2))
    .map(([name = '', value = '']) => [decodeURIComponent(name), decodeURIComponent(value)].map(encode).join('='))
    .filter((pair) => !pair.startsWith('X-Amz-Signature='))
    .sort();
  const canonical = [
    seen.method,
    seen.path
      .split('/')
      .map((part) => encode(decodeURIComponent(part)))
      .join('/'),
    query.join('&'),
    ...signed.map((name) => `${name}:${seen.header(name)?.trim() ?? ''}`),
    '',
    names,
    payload,
  ].join('\n');
  const key = [day as string, region, 's3', 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${secret}`);
  const expected = hmac(key, ['AWS4-HMAC-SHA256', date, `${day}/${scope.join('/')}`, sha256(canonical)].join('\n'));
  if (expected.toString('hex') !== signature) return 'SignatureDoesNotMatch';
  return isPresigned || payload === sha256(body) ? undefined : 'XAmzContentSHA256Mismatch';
}
