import { parseUrl, type Url } from '../../src/core/url';
import { signV4 } from '../../src/node/signature-v4';

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
