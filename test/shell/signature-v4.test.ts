import { createHash, randomUUID } from 'node:crypto';
import { hrefOf, parseUrl, type Url } from '../../src/core/url';
import { presignV4, signV4 } from '../../src/shell/signature-v4';

/**
 * AWS's published test suite ("Signature Version 4 test suite"): its example keys, which open nothing, and its results.
 */
const KEYS = { id: 'AKIDEXAMPLE', secret: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
const SCOPE = { region: 'us-east-1', service: 'service' };
const TIME = Date.UTC(2015, 7, 30, 12, 36, 0);
const STS_TOKEN =
  'AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==';

const sign = (method: string, headers: [string, string][], body: string, token?: string) =>
  Object.fromEntries(
    signV4(
      { method, url: parseUrl('https://example.amazonaws.com/') as Url, headers, body },
      { ...KEYS, ...(token && { token }) },
      SCOPE,
      TIME,
    ),
  );

describe('the published vector', () => {
  test.each<[string, string, [string, string][], string, string | undefined, string, string]>([
    [
      'get-vanilla',
      'GET',
      [],
      '',
      undefined,
      'host;x-amz-date',
      '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
    ],
    [
      'post-vanilla',
      'POST',
      [],
      '',
      undefined,
      'host;x-amz-date',
      '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b',
    ],
    [
      'post-header-value-case',
      'POST',
      [['my-header1', 'VALUE1']],
      '',
      undefined,
      'host;my-header1;x-amz-date',
      'cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d',
    ],
    [
      'get-header-value-trim',
      'GET',
      [
        ['my-header1', ' value1'],
        ['my-header2', '"a   b   c"'],
      ],
      '',
      undefined,
      'host;my-header1;my-header2;x-amz-date',
      'acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736',
    ],
    [
      'post-x-www-form-urlencoded',
      'POST',
      [['content-type', 'application/x-www-form-urlencoded']],
      'Param1=value1',
      undefined,
      'content-type;host;x-amz-date',
      'ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a',
    ],
    [
      'post-sts-header-before',
      'POST',
      [],
      '',
      STS_TOKEN,
      'host;x-amz-date;x-amz-security-token',
      '85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead',
    ],
  ])('%s', (_, method, headers, body, token, names, signature) => {
    const sent = sign(method, headers, body, token);
    expect(sent.authorization).toBe(
      `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=${names}, Signature=${signature}`,
    );
    expect(sent['x-amz-date']).toBe('20150830T123600Z');
    expect(sent['x-amz-security-token']).toBe(token);
  });
});

test('the host is signed and not sent, since node:http sends it', () => {
  expect(sign('GET', [], '')).not.toHaveProperty('host');
});

/** Amazon S3, "Signature Calculations for the Authorization Header: Transferring Payload in a Single Chunk": keys that open nothing. */
describe("S3's published example", () => {
  const keys = { id: 'AKIAIOSFODNN7EXAMPLE', secret: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' };
  const scope = { region: 'us-east-1', service: 's3' };
  const time = Date.UTC(2013, 4, 24);
  const at = (path: string) => parseUrl(`https://examplebucket.s3.amazonaws.com${path}`) as Url;
  const hash = (text: string) => createHash('sha256').update(text).digest('hex');

  test.each<[string, string, string, [string, string][], string, string, string]>([
    [
      'of a range',
      'GET',
      '/test.txt',
      [['range', 'bytes=0-9']],
      '',
      'host;range;x-amz-content-sha256;x-amz-date',
      'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    ],
    [
      'of a body and an escaped path',
      'PUT',
      '/test%24file.text',
      [
        ['date', 'Fri, 24 May 2013 00:00:00 GMT'],
        ['x-amz-storage-class', 'REDUCED_REDUNDANCY'],
      ],
      'Welcome to Amazon S3.',
      'date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class',
      '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
    ],
    [
      'of a parameter without a value',
      'GET',
      '/?lifecycle',
      [],
      '',
      'host;x-amz-content-sha256;x-amz-date',
      'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
    ],
    [
      'of several parameters',
      'GET',
      '/?prefix=J&max-keys=2',
      [],
      '',
      'host;x-amz-content-sha256;x-amz-date',
      '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
    ],
  ])('%s', (_, method, path, fields, body, names, signature) => {
    const headers = [...fields, ['x-amz-content-sha256', hash(body)] as const];
    const sent = Object.fromEntries(signV4({ method, url: at(path), headers }, keys, scope, time));
    expect(sent.authorization).toBe(
      `AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=${names}, Signature=${signature}`,
    );
  });

  test('of a URL that is good for a day', () => {
    const url = presignV4({ method: 'GET', url: at('/test.txt') }, keys, scope, time, 86_400);
    expect(hrefOf(url)).toBe(
      'https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
    );
  });
});

test('a URL signed with temporary keys names their token, and keeps what it asked for before', () => {
  const keys = { id: 'id', secret: randomUUID(), token: 'to/ken+=' };
  const url = parseUrl('https://bucket.example.com/key?a=b') as Url;
  const { query } = presignV4({ method: 'GET', url }, keys, { region: 'r', service: 's3' }, TIME, 60);
  expect(query).toMatch(/^\?a=b&.*&X-Amz-Security-Token=to%2Fken%2B%3D&X-Amz-Signature=[0-9a-f]{64}$/);
});

describe('a key for signing that is kept', () => {
  const url = parseUrl('https://example.amazonaws.com/') as Url;
  const signature = (keys: typeof KEYS, scope: typeof SCOPE, now: number) =>
    Object.fromEntries(signV4({ method: 'GET', url, headers: [] }, keys, scope, now)).authorization;

  test.each<[string, typeof KEYS, typeof SCOPE, number]>([
    ['day', KEYS, SCOPE, TIME + 24 * 3600_000],
    ['region', KEYS, { ...SCOPE, region: 'eu-central-1' }, TIME],
    ['service', KEYS, { ...SCOPE, service: 's3' }, TIME],
    ['pair of keys', { ...KEYS, secret: randomUUID() }, SCOPE, TIME],
  ])('is not used for another %s', (_, keys, scope, now) => {
    signature(KEYS, SCOPE, TIME);
    // A pair that was never seen has none that is kept.
    expect(signature(keys, scope, now)).toBe(signature({ ...keys }, scope, now));
    expect(signature(keys, scope, now)).not.toBe(signature(KEYS, SCOPE, TIME));
  });
});
