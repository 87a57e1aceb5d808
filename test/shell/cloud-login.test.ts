import {
  createHash,
  createHmac,
  createPrivateKey,
  createVerify,
  generateKeyPairSync,
  randomBytes,
  randomUUID,
} from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AccountPlace, type CloudAccount, readCloudAccount } from '../../src/core/cloud-account';
import { DocumentFields } from '../../src/core/document-fields';
import { hostOf } from '../../src/core/url';
import { failureOf } from '../../src/node/failures';
import { machine } from '../../src/node/machine';
import { fetchLogin, obtainLogin } from '../../src/shell/cloud-login';
import { type CloudFetch, type CloudRequest, MAX_CLOUD_ANSWER } from '../../src/shell/cloud-request';
import { listen, readBody } from '../upstream/listen';
import type { Recorded } from '../upstream/record';

type Reply = [status: number, body: object | string];

/** What the clouds answer, one after the other; the last one stays. */
let replies: Reply[] = [];
let asked: CloudRequest[] = [];
let cloud: Awaited<ReturnType<typeof listen>>;

beforeAll(async () => {
  cloud = await listen('cloud', async (exchange) => {
    await readBody(exchange);
    const [status, body] = replies.length > 1 ? (replies.shift() as Reply) : replies[0];
    exchange.send(status, {}, typeof body === 'string' ? body : JSON.stringify(body));
  });
});
beforeEach(() => {
  cloud.requests.length = 0;
  asked = [];
});
afterAll(() => cloud.stop());

/** Sends every request to the stand-in, with the Host of the cloud that is meant. */
const fetch: CloudFetch = (request) =>
  new Promise((resolve, reject) => {
    asked.push(request);
    const { method, url, headers, body } = request;
    const fields = { ...Object.fromEntries(headers), host: hostOf(url) };
    const target = { host: '127.0.0.1', port: cloud.port, method, path: url.path + url.query, headers: fields };
    const sent = http.request(target, async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() });
    });
    sent.on('error', (error) => reject(new Error(failureOf(error).message))).end(body);
  });

const NOW = Date.UTC(2026, 10, 21, 4, 4, 12);
const login = (account: CloudAccount, host = 'r.example.com') =>
  obtainLogin(account, { host, fetch, machine, now: () => NOW });

function account(document: object, host: string, { env = {} }: Partial<AccountPlace> = {}): CloudAccount {
  const faults: string[] = [];
  const around = { env, readFile: () => '' };
  const fields = new DocumentFields('login', document as Record<string, unknown>, around, faults);
  const read = readCloudAccount(fields, { host, env });
  expect(faults).toEqual([]);
  return read as CloudAccount;
}

/** The error of an account that gets no login; none of these secrets stands in it. */
async function refusalOf(given: CloudAccount, ...secrets: string[]): Promise<string> {
  const error = await login(given).then(
    () => new Error('got a login'),
    (reason: Error) => reason,
  );
  for (const secret of secrets) expect(`${error.stack} ${error.cause}`).not.toContain(secret);
  return error.message;
}

describe('Google', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const token = `ya29.${randomBytes(12).toString('hex')}`;
  const file = {
    type: 'service_account',
    client_email: 'robot@project.iam.example.com',
    private_key: privateKey,
    private_key_id: 'k1',
    token_uri: 'https://oauth2.googleapis.com/token',
  };
  const key = () => account(file, 'gcr.io');

  test('gets an assertion that it can verify, and its token is the password', async () => {
    replies = [[200, { access_token: token, expires_in: 3599, token_type: 'Bearer' }]];
    expect(await login(key())).toEqual({ username: 'oauth2accesstoken', password: token, expiresIn: 3599 });
    const [request] = cloud.requests;
    expect([request.method, request.target, request.header('host')]).toEqual([
      'POST',
      '/token',
      'oauth2.googleapis.com',
    ]);
    expect(request.header('content-type')).toBe('application/x-www-form-urlencoded');
    const form = new URLSearchParams(request.body.toString());
    expect(form.get('grant_type')).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer');
    const [head, claims, signature] = (form.get('assertion') as string).split('.');
    const parsed = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString());
    expect(parsed(head)).toEqual({ alg: 'RS256', typ: 'JWT', kid: 'k1' });
    expect(parsed(claims)).toEqual({
      iss: file.client_email,
      scope: 'https://www.googleapis.com/auth/devstorage.read_only',
      aud: file.token_uri,
      iat: NOW / 1000 - 30,
      exp: NOW / 1000 - 30 + 3600,
    });
    expect(createVerify('RSA-SHA256').update(`${head}.${claims}`).verify(publicKey, signature, 'base64url')).toBe(true);
    expect(asked[0]).toMatchObject({ url: { scheme: 'https', port: 443 }, reach: 'public', within: 10_000 });
    expect(asked[0].limit).toBe(MAX_CLOUD_ANSWER);
  });

  test('gets the refresh token of a person, and no narrower scope', async () => {
    const secrets = { client_secret: randomUUID(), refresh_token: randomUUID() };
    replies = [[200, { access_token: token, expires_in: 100 }]];
    await login(account({ type: 'authorized_user', client_id: 'gcloud', ...secrets }, 'gcr.io'));
    expect(Object.fromEntries(new URLSearchParams(cloud.requests[0].body.toString()))).toEqual({
      grant_type: 'refresh_token',
      client_id: 'gcloud',
      ...secrets,
    });
  });

  test('is asked for the machine’s own account at its metadata server', async () => {
    replies = [[200, { access_token: token, expires_in: 1967 }]];
    expect(await login(account({ type: 'google' }, 'gcr.io'))).toMatchObject({ password: token, expiresIn: 1967 });
    const [request] = cloud.requests;
    expect([request.method, request.header('host'), request.header('metadata-flavor')]).toEqual([
      'GET',
      'metadata.google.internal',
      'Google',
    ]);
    expect(request.target).toBe('/computeMetadata/v1/instance/service-accounts/default/token');
    expect(asked[0]).toMatchObject({ reach: 'any', within: 2000 });
  });

  test('takes the whole key as a password without being asked', async () => {
    const given = await login(account({ type: 'google', as: 'json-key', credentials: file }, 'gcr.io'));
    expect([given.username, given.expiresIn]).toEqual(['_json_key', Number.POSITIVE_INFINITY]);
    expect(JSON.parse(given.password)).toEqual(file);
    expect(cloud.requests).toEqual([]);
  });

  test.each<[string, RegExp]>([
    [
      'Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.',
      /clock of this machine may be wrong, it says 2026-11-21T04:04:12/,
    ],
    ['Invalid JWT Signature.', /the key has been deleted/],
    ['Invalid grant: account not found', /the service account has been deleted/],
    ['something new', /clock/],
  ])('refuses with invalid_grant: %s', async (error_description, hint) => {
    replies = [[400, { error: 'invalid_grant', error_description }]];
    const said = await refusalOf(key(), privateKey);
    expect(said).toContain(`no login for r.example.com: Google refuses (400, invalid_grant, ${error_description})`);
    expect(said).toMatch(hint);
    expect(cloud.requests).toHaveLength(1);
  });

  test('refuses a person whose login has run out, and nothing of it is quoted', async () => {
    const secret = randomUUID();
    replies = [[400, { error: 'invalid_grant', error_description: `Token ${secret} has been expired or revoked.` }]];
    const user = { type: 'authorized_user', client_id: 'i', client_secret: randomUUID(), refresh_token: secret };
    expect(await refusalOf(account(user, 'gcr.io'), secret)).toMatch(/Token \*\*\* has been.+log in anew with gcloud/);
  });

  test('has no account for this machine', async () => {
    replies = [[404, 'no such thing\nat all']];
    expect(await refusalOf(account({ type: 'google' }, 'gcr.io'))).toMatch(
      /\(404\); this machine has no service account/,
    );
  });

  test('gets what an older key file signs, with a key in PKCS #1', async () => {
    replies = [[200, { access_token: token, expires_in: 60 }]];
    const older = createPrivateKey(privateKey).export({ type: 'pkcs1', format: 'pem' });
    await login(account({ ...file, private_key: older }, 'gcr.io'));
    const [head, claims, signature] = (
      new URLSearchParams(cloud.requests[0].body.toString()).get('assertion') as string
    ).split('.');
    expect(createVerify('RSA-SHA256').update(`${head}.${claims}`).verify(publicKey, signature, 'base64url')).toBe(true);
  });

  test('cannot be asked with a key of another kind', async () => {
    const other = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    }).privateKey;
    const given = account({ ...file, private_key: other }, 'gcr.io');
    expect(await refusalOf(given, other.split('\n')[1])).toMatch(/private_key cannot be used: it is not an RSA key/);
    expect(cloud.requests).toEqual([]);
  });

  test('cannot be asked with a broken key, which is not quoted', async () => {
    const broken = privateKey.replace(/^(.*\n.*\n)[\s\S]*?(-----END)/, '$1$2');
    const given = account({ ...file, private_key: broken }, 'gcr.io');
    expect(await refusalOf(given, broken.split('\n')[1])).toMatch(/private_key cannot be used/);
  });

  test.each<[string, Reply]>([
    ['a page', [200, '<html>sign in</html>']],
    ['an empty answer', [200, {}]],
    ['a list', [200, []]],
    ['a token that no header can carry', [200, { access_token: 'a b\n' }]],
  ])('gives no login with %s', async (_, reply) => {
    replies = [reply];
    expect(await refusalOf(key())).toMatch(/answers without an access token$/);
  });
});

describe('a platform that is no machine of a cloud', () => {
  const ECR = '123456789012.dkr.ecr.eu-central-1.amazonaws.com';

  test.each<[string, object, string]>([
    ['gcr.io', { type: 'google' }, 'this platform has no service account of Google: set credentials'],
    [ECR, { type: 'aws' }, 'this platform has no role at AWS: set accessKeyId and secretAccessKey'],
  ])('asks nobody for the right of the machine at %s, and says what to do', async (host, document, what) => {
    const given = account(document, host);
    await expect(obtainLogin(given, { host, fetch })).rejects.toThrow(`no login for ${host}: ${what}`);
    await expect(fetchLogin(given, host, fetch)).rejects.toThrow(what);
    expect(asked).toEqual([]);
  });

  test('gets logins by keys that it is given, as a document that says how long they live', async () => {
    const password = randomUUID();
    const expiresAt = Math.floor(Date.now() / 1000) + 600;
    replies = [[200, { authorizationData: [{ authorizationToken: btoa(`AWS:${password}`), expiresAt }] }]];
    const given = account({ type: 'aws', accessKeyId: 'AKID1', secretAccessKey: randomUUID() }, ECR);
    const document = JSON.parse(await fetchLogin(given, ECR, fetch));
    expect(document).toEqual({ username: 'AWS', password, expires_in: expect.any(Number) });
    expect(document.expires_in).toBeLessThanOrEqual(600);
    expect(document.expires_in).toBeGreaterThan(500);
  });

  test('keeps a login without an end for an hour', async () => {
    const credentials = { type: 'service_account', client_email: 'a', private_key: pem() };
    const given = account({ type: 'google', as: 'json-key', credentials }, 'gcr.io');
    expect(JSON.parse(await fetchLogin(given, 'gcr.io', fetch))).toMatchObject({
      username: '_json_key',
      expires_in: 3600,
    });
  });
});

const pem = () =>
  generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;

describe('a cloud that is in trouble', () => {
  const given = () => account({ type: 'google' }, 'gcr.io');

  test('is asked once more', async () => {
    replies = [
      [503, 'busy'],
      [200, { access_token: 't', expires_in: 60 }],
    ];
    expect((await login(given())).password).toBe('t');
    expect(cloud.requests).toHaveLength(2);
  });

  test('is asked once more where the connection broke', async () => {
    cloud.fail(/./, { kind: 'refuse' });
    replies = [[200, { access_token: 't', expires_in: 60 }]];
    expect((await login(given())).password).toBe('t');
  });

  test('is not asked for ever', async () => {
    replies = [[500, 'secret page']];
    expect(await refusalOf(given(), 'secret page')).toMatch(
      /could not be asked: it answers 500; where this is no machine/,
    );
    expect(cloud.requests).toHaveLength(2);
    cloud.fail(/./, { kind: 'refuse' }, 2);
    expect(await refusalOf(given())).toMatch(/could not be asked: connection reset/);
  });
});

const hash = (text: string | Buffer) => createHash('sha256').update(text).digest('hex');
const mac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();

/** Recomputes the signature from what came over the wire, as AWS does ("Signature Version 4 signing process"). */
function expectSignedV4(request: Recorded, secret: string): void {
  const [, id, date, region, service, names, signature] =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d+)\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=(\S+), Signature=(\w{64})$/.exec(
      request.header('authorization') ?? '',
    ) as unknown as string[];
  const lines = names.split(';').map((name) => `${name}:${request.header(name)}`);
  const canonical = [request.method, request.path, '', ...lines, '', names, hash(request.body)].join('\n');
  const scope = `${date}/${region}/${service}/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', request.header('x-amz-date'), scope, hash(canonical)].join('\n');
  const key = mac(mac(mac(mac(`AWS4${secret}`, date), region), service), 'aws4_request');
  expect([id, signature]).toEqual([expect.stringMatching(/^AK/), mac(key, text).toString('hex')]);
}

describe('ECR', () => {
  const HOST = '123456789012.dkr.ecr.eu-central-1.amazonaws.com';
  const secret = randomBytes(20).toString('base64');
  const session = randomBytes(20).toString('base64');
  const password = randomBytes(20).toString('hex');
  const keys = { accessKeyId: 'AKID1', secretAccessKey: secret };
  const given = (more: object = {}) => account({ type: 'aws', ...keys, ...more }, HOST);
  const answer = (expiresAt: unknown = NOW / 1000 + 43_200.25): Reply => [
    200,
    {
      authorizationData: [{ authorizationToken: btoa(`AWS:${password}`), expiresAt, proxyEndpoint: `https://${HOST}` }],
    },
  ];

  test('gets a signed request, and its token is a user and a password', async () => {
    replies = [answer()];
    expect(await login(given())).toEqual({ username: 'AWS', password, expiresIn: 43_200 });
    const [request] = cloud.requests;
    expect([request.method, request.target, request.body.toString()]).toEqual(['POST', '/', '{}']);
    expect(request.header('host')).toBe('api.ecr.eu-central-1.amazonaws.com');
    expect(request.header('x-amz-target')).toBe('AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken');
    expect(request.header('content-type')).toBe('application/x-amz-json-1.1');
    expect(request.header('authorization')).toContain(
      'AKID1/20261121/eu-central-1/ecr/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target,',
    );
    expectSignedV4(request, secret);
    expect(asked[0]).toMatchObject({ url: { scheme: 'https' }, reach: 'public' });
  });

  test('gets the session of temporary keys, signed as well', async () => {
    replies = [answer()];
    await login(given({ sessionToken: session }));
    const [request] = cloud.requests;
    expect(request.header('x-amz-security-token')).toBe(session);
    expect(request.header('authorization')).toContain('x-amz-security-token');
    expectSignedV4(request, secret);
  });

  test.each<[string, unknown, number]>([
    ['says when', NOW / 1000 + 600, 600],
    ['says nothing', null, 43_200],
    ['is far ahead of our clock', NOW / 1000 + 999_999, 43_200],
    ['is behind our clock', NOW / 1000 - 1, 0],
  ])('gives a login that runs out; where it %s', async (_, expiresAt, expiresIn) => {
    replies = [answer(expiresAt)];
    expect((await login(given())).expiresIn).toBe(expiresIn);
  });

  test.each<[string, string, RegExp]>([
    ['AccessDeniedException', 'User: arn:aws:iam::1:user/x is not authorized', /permission ecr:GetAuthorizationToken/],
    ['UnrecognizedClientException', 'The security token included in the request is invalid.', /has been deleted/],
    [
      'InvalidSignatureException',
      'Signature expired: 20260101T000000Z is now earlier than',
      /clock.+it says 2026-11-21/,
    ],
    ['InvalidSignatureException', 'Signature not yet current: 2026', /clock/],
    [
      'InvalidSignatureException',
      'The request signature we calculated does not match',
      /secret access key does not fit/,
    ],
    ['ExpiredTokenException', 'The security token included in the request is expired', /session token has run out/],
    ['ThrottlingException', 'Rate exceeded', /Rate exceeded\)$/],
  ])('refuses with %s: %s', async (type, message, hint) => {
    replies = [[400, { __type: `com.amazon.coral.service#${type}`, message }]];
    const said = await refusalOf(given(), secret);
    expect(said).toContain(`ECR refuses (400, ${type}, ${message}`);
    expect(said).toMatch(hint);
  });

  test('may quote the whole request in its refusal, and we do not', async () => {
    const canonical = `x-amz-security-token:${session}`;
    const message = `The request signature we calculated does not match.\n\nThe Canonical String should have been\n${canonical}`;
    replies = [[403, { __type: 'InvalidSignatureException', message }]];
    expect(await refusalOf(given({ sessionToken: session }), session, 'Canonical')).toContain('InvalidSignature');
  });

  test.each<[string, Reply]>([
    ['no data', [200, { authorizationData: [] }]],
    ['no colon', [200, { authorizationData: [{ authorizationToken: btoa('AWS') }] }]],
    ['a page', [200, '<html>']],
  ])('gives no login with %s', async (_, reply) => {
    replies = [reply];
    expect(await refusalOf(given())).toMatch(/ECR answers without a login$/);
  });

  const temporary = {
    AccessKeyId: 'AKROLE',
    SecretAccessKey: secret,
    Token: session,
    Expiration: '2026-11-21T10:00:00Z',
  };

  test('is asked with the keys of the container', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'token-'));
    const path = join(folder, 'token');
    writeFileSync(path, `${session}\n`);
    const env = {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://169.254.170.23/v1/credentials',
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: path,
    };
    const container = account({ type: 'aws' }, HOST, { env });
    replies = [[200, temporary], answer()];
    expect((await login(container)).password).toBe(password);
    const [first, second] = cloud.requests;
    expect([first.target, first.header('authorization')]).toEqual(['/v1/credentials', session]);
    expect(second.header('x-amz-security-token')).toBe(session);
    expectSignedV4(second, secret);
    expect(asked.map(({ reach }) => reach)).toEqual(['any', 'public']);

    replies = [[403, { code: 'AccessDenied', message: `no ${session}` }]];
    expect(await refusalOf(container, session)).toMatch(/credentials service refuses \(403, AccessDenied, no \*\*\*\)/);
    rmSync(folder, { recursive: true });
    expect(await refusalOf(container)).toMatch(/AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE names cannot be read$/);
  });

  test('is asked with the keys of the instance, by the second version of its metadata service', async () => {
    replies = [[200, session], [200, 'role-1'], [200, temporary], answer()];
    expect((await login(account({ type: 'aws' }, HOST))).password).toBe(password);
    const path = '/latest/meta-data/iam/security-credentials/';
    expect(cloud.requests.map(({ method, target }) => `${method} ${target}`)).toEqual([
      'PUT /latest/api/token',
      `GET ${path}`,
      `GET ${path}role-1`,
      'POST /',
    ]);
    expect(cloud.requests[0].header('x-aws-ec2-metadata-token-ttl-seconds')).toBe('60');
    expect(cloud.requests[2].header('x-aws-ec2-metadata-token')).toBe(session);
    expectSignedV4(cloud.requests[3], secret);
    expect(asked.map(({ reach }) => reach)).toEqual(['any', 'any', 'any', 'public']);
  });

  test.each<[string, Reply[], RegExp]>([
    [
      'no role',
      [
        [200, 's'],
        [404, 'Not Found'],
      ],
      /knows no role of this instance$/,
    ],
    [
      'a role that leads elsewhere',
      [
        [200, 's'],
        [200, '../../user-data'],
      ],
      /knows no role of this instance$/,
    ],
    [
      'no keys',
      [
        [200, 's'],
        [200, 'role'],
        [200, {}],
      ],
      /answers without keys$/,
    ],
    ['no second version', [[405, '']], /metadata service refuses \(405\)$/],
    ['nobody', [[500, '']], /it answers 500; where this is no EC2 instance, set accessKeyId/],
  ])('has no keys where the instance has %s', async (_, given, said) => {
    replies = given;
    expect(await refusalOf(account({ type: 'aws' }, HOST))).toMatch(said);
  });
});

describe('ACR', () => {
  const secret = randomBytes(15).toString('hex');
  const token = randomBytes(15).toString('hex');
  const password = `${randomBytes(10).toString('base64url')}:${randomBytes(10).toString('hex')}`;
  const keys = { accessKeyId: 'LTAI1', accessKeySecret: secret };
  const enterprise = () =>
    account({ type: 'aliyun', instanceId: 'cri-1', ...keys }, 'team-registry.cn-shanghai.cr.aliyuncs.com');
  const personal = (more: object = {}) =>
    account({ type: 'aliyun', ...keys, ...more }, 'registry.cn-hangzhou.aliyuncs.com');

  /** As Aliyun verifies it ("Request syntax and signature method V3"). */
  function expectSigned(request: Recorded): void {
    const [, id, names, signature] = /^ACS3-HMAC-SHA256 Credential=(\w+),SignedHeaders=(\S+),Signature=(\w{64})$/.exec(
      request.header('authorization') ?? '',
    ) as unknown as string[];
    const lines = names.split(';').map((name) => `${name}:${request.header(name)}`);
    const query = request.target.split('?')[1] ?? '';
    const canonical = [request.method, request.path, query, ...lines, '', names, hash(request.body)].join('\n');
    expect([id, signature]).toEqual(['LTAI1', mac(secret, `ACS3-HMAC-SHA256\n${hash(canonical)}`).toString('hex')]);
    expect(request.header('x-acs-content-sha256')).toBe(hash(request.body));
    const sent = request.rawHeaders.map(([name]) => name.toLowerCase()).filter((name) => name.startsWith('x-acs-'));
    expect(names.split(';').sort()).toEqual(['host', ...sent].sort());
  }

  test('of an Enterprise Edition gives a temporary login', async () => {
    const fields = { Code: 'success', IsSuccess: true, TempUsername: 'cr_temp_user', AuthorizationToken: password };
    replies = [[200, { ...fields, ExpireTime: NOW + 3_600_000 }]];
    expect(await login(enterprise())).toEqual({ username: 'cr_temp_user', password, expiresIn: 3600 });
    const [request] = cloud.requests;
    expect([request.method, request.target, request.header('host')]).toEqual([
      'POST',
      '/?InstanceId=cri-1',
      'cr.cn-shanghai.aliyuncs.com',
    ]);
    expect([request.header('x-acs-action'), request.header('x-acs-version')]).toEqual([
      'GetAuthorizationToken',
      '2018-12-01',
    ]);
    expect(request.header('x-acs-date')).toBe('2026-11-21T04:04:12Z');
    expectSigned(request);
  });

  test('of a Personal Edition too, also for the role of a function', async () => {
    const data = { authorizationToken: password, tempUserName: 'cr_temp_user', expireDate: NOW + 900_000 };
    replies = [[200, { data, requestId: '1' }]];
    expect(await login(personal({ securityToken: token }))).toEqual({
      username: 'cr_temp_user',
      password,
      expiresIn: 900,
    });
    const [request] = cloud.requests;
    expect(`${request.method} ${request.target} ${request.header('x-acs-version')}`).toBe('GET /tokens 2016-06-07');
    expect(request.header('x-acs-security-token')).toBe(token);
    expectSigned(request);
  });

  test('is asked with a new nonce when it is asked once more, or it would take it for a replay', async () => {
    replies = [
      [500, ''],
      [200, { data: { authorizationToken: password, tempUserName: 'cr_temp_user' } }],
    ];
    expect((await login(personal())).expiresIn).toBe(3600);
    expect(new Set(cloud.requests.map((request) => request.header('x-acs-signature-nonce'))).size).toBe(2);
    for (const request of cloud.requests) expectSigned(request);
  });

  test.each<[number, object, RegExp]>([
    [404, { Code: 'InvalidAccessKeyId.NotFound', Message: 'Specified access key is not found.' }, /has been deleted/],
    [400, { Code: 'SignatureDoesNotMatch', Message: `server string to sign is: ${secret}` }, /secret does not fit/],
    [400, { Code: 'InvalidTimeStamp.Expired', Message: 'expired' }, /clock of this machine may be wrong/],
    [403, { Code: 'NoPermission', Message: 'not authorized' }, /permission cr:GetAuthorizationToken/],
    [400, { Code: 'InvalidSecurityToken.Expired', Message: 'expired' }, /security token has run out/],
    [200, { Code: 'INSTANCE_NOT_EXIST', IsSuccess: false }, /refuses \(200, INSTANCE_NOT_EXIST\); look at instanceId/],
    [499, { code: 'X', message: 'y' }, /ACR refuses \(499, X, y\)$/],
  ])('refuses with %d %j', async (status, body, said) => {
    replies = [[status, body]];
    expect(await refusalOf(enterprise(), secret)).toMatch(said);
  });

  test('gives no login with a page', async () => {
    replies = [[200, '<html>']];
    expect(await refusalOf(enterprise())).toMatch(/ACR answers without a login$/);
  });
});
