import { randomBytes, randomUUID } from 'node:crypto';
import { type AccountPlace, readCloudAccount } from '../../src/core/cloud-account';
import { DocumentFields } from '../../src/core/document-fields';
import { hrefOf, type Url } from '../../src/core/url';

const SECRET = randomBytes(12).toString('hex');
const PEM = `-----BEGIN PRIVATE KEY-----\n${SECRET}\n-----END PRIVATE KEY-----\n`;
const KEY = { type: 'service_account', client_email: 'robot@project.iam.example.com', private_key: PEM };
const USER = { type: 'authorized_user', client_id: 'id', client_secret: SECRET, refresh_token: SECRET };
const GCR = 'gcr.io';
const ECR = '123456789012.dkr.ecr.eu-central-1.amazonaws.com';
const ACR = 'registry.cn-hangzhou.aliyuncs.com';
const ACR_EE = 'team-registry.cn-shanghai.cr.aliyuncs.com';

interface Around extends Partial<AccountPlace> {
  files?: Record<string, string>;
}

/** The account as it is read, or what is wrong. */
const read = (document: object, host: string, { files = {}, ...place }: Around = {}) => {
  const faults: string[] = [];
  const { env = {} } = place;
  const readFile = (path: string) => {
    if (files[path] === undefined) throw new Error('there is no such file');
    return files[path];
  };
  const fields = new DocumentFields('login', document as Record<string, unknown>, { env, readFile }, faults);
  const account = readCloudAccount(fields, { host, ...place, env });
  return faults.length > 0 ? { faults } : account;
};

const faults = (document: object, host: string, around?: Around) => {
  const found = read(document, host, around) as { faults?: string[] };
  expect(JSON.stringify(found.faults)).not.toContain(SECRET);
  return found.faults;
};

describe('an account of Google', () => {
  test.each(['gcr.io', 'eu.gcr.io', 'europe-west3-docker.pkg.dev'])('for %s is a key file as it is', (host) => {
    expect(read({ ...KEY, private_key_id: 'k1', token_uri: 'https://oauth2.googleapis.com/token' }, host)).toEqual({
      kind: 'google-key',
      email: KEY.client_email,
      keyId: 'k1',
      privateKey: PEM,
      tokenUrl: expect.objectContaining({ hostname: 'oauth2.googleapis.com', path: '/token' }),
      scope: 'https://www.googleapis.com/auth/devstorage.read_only',
    });
  });

  test('may be named by its path, and may be meant to push', () => {
    const files = { '/key.json': JSON.stringify(KEY) };
    const account = read({ type: 'google', credentials: '/key.json', push: true }, GCR, { files });
    expect(account).toMatchObject({
      kind: 'google-key',
      privateKey: PEM,
      scope: 'https://www.googleapis.com/auth/devstorage.read_write',
    });
  });

  test('may be in a variable', () => {
    const env = { KEY: JSON.stringify(KEY) };
    const account = read({ type: 'google', credentials: `\${KEY}` }, GCR, { env });
    expect(account).toMatchObject({ kind: 'google-key', privateKey: PEM });
  });

  test('may be on one line, with line ends written out', () => {
    const line = JSON.stringify({ ...KEY, private_key: PEM.replaceAll('\n', '\\n') });
    expect(read({ type: 'google', credentials: line }, GCR)).toMatchObject({ privateKey: PEM });
  });

  test('may be somebody’s own login', () => {
    expect(read(USER, GCR)).toEqual({
      kind: 'google-user',
      clientId: 'id',
      clientSecret: SECRET,
      refreshToken: SECRET,
      tokenUrl: expect.objectContaining({ hostname: 'oauth2.googleapis.com' }),
    });
  });

  test('is the machine’s where no credentials are given', () => {
    expect(read({ type: 'google' }, GCR)).toEqual({ kind: 'google-machine' });
  });

  test('may be the whole key as a password, without line ends', () => {
    const account = read({ type: 'google', as: 'json-key', credentials: KEY }, GCR) as { kind: string; key: string };
    expect(account.kind).toBe('google-json-key');
    expect(JSON.parse(account.key)).toEqual(KEY);
    expect(account.key).not.toContain('\n');
  });

  test.each([
    'https://accounts.google.com/o/oauth2/token',
    'https://www.googleapis.com/oauth2/v4/token',
    'https://sts.europe-west3.rep.googleapis.com/token',
  ])('gets its tokens from %s, as older files say', (token_uri) => {
    const { tokenUrl } = read({ ...KEY, token_uri }, GCR) as { tokenUrl: Url };
    expect(hrefOf(tokenUrl)).toBe(token_uri);
  });

  test.each([
    'http://oauth2.googleapis.com/token',
    'https://oauth2.googleapis.com:8443/token',
    'https://googleapis.com.example.com/token',
    'https://evilgoogleapis.com/token',
    'https://user@oauth2.googleapis.com/token',
    'http://127.0.0.1:1/token',
  ])('never gets them from %s', (token_uri) => {
    expect(faults({ ...KEY, token_uri }, GCR)).toEqual(['login.token_uri: expected https on googleapis.com']);
  });

  test('is on loopback for tests only', () => {
    const own = { ...KEY, token_uri: 'http://127.0.0.1:1/token' };
    expect(read(own, '127.0.0.1', { loopback: true })).toMatchObject({ kind: 'google-key' });
    expect(faults(own, '127.0.0.1')).toHaveLength(2);
    expect(faults({ ...own, token_uri: 'http://10.0.0.1/token' }, GCR, { loopback: true })).toHaveLength(1);
  });

  test.each<[string, object, string]>([
    ['a missing mail address', { ...KEY, client_email: undefined }, 'client_email: is missing'],
    ['a missing key', { ...KEY, private_key: null }, 'private_key: is missing'],
    ['a key that is none', { ...KEY, private_key: SECRET }, 'private_key: expected a key in PEM form'],
    ['another universe', { ...KEY, universe_domain: 'example.com' }, 'universe_domain: only googleapis.com'],
    ['a list', { ...USER, client_secret: [SECRET] }, 'client_secret: expected text'],
    ['federation', { type: 'external_account' }, 'type: external_account is not supported'],
    ['an unknown file', { type: 'google', credentials: { type: 'x' } }, 'credentials.type: expected service_account'],
    ['a broken line', { type: 'google', credentials: `{"private_key": "${SECRET}` }, 'credentials: is no JSON'],
    ['a broken file', { type: 'google', credentials: '/broken.json' }, 'credentials: is no JSON'],
    ['a file of something else', { type: 'google', credentials: '/list.json' }, 'credentials: expected a mapping'],
    [
      'a key in another form',
      { type: 'google', credentials: btoa(SECRET.repeat(90)) },
      'credentials: expected a mapping',
    ],
    ['credentials in a list', { type: 'google', credentials: [KEY] }, 'credentials: expected a mapping'],
    ['a file that is not there', { type: 'google', credentials: '/a' }, 'credentials: /a: there is no such file'],
    ['a variable that is not set', { type: 'google', credentials: `\${X}` }, `credentials: \${X} is not set`],
    ['a misspelt key', { type: 'google', credential: KEY }, 'credential: unknown key; did you mean credentials?'],
    ['an unknown form', { type: 'google', as: 'basic', credentials: KEY }, 'as: expected token or json-key'],
    ['a person’s key as JSON', { type: 'google', as: 'json-key', credentials: USER }, 'as: json-key needs'],
    ['no key as JSON', { type: 'google', as: 'json-key' }, 'as: json-key needs'],
    ['a word for yes', { type: 'google', push: 'yes', credentials: KEY }, 'push: expected true or false'],
  ])('%s is a fault', (_, document, fault) => {
    const files = { '/broken.json': `{"private_key": "${SECRET}`, '/list.json': '[]' };
    expect(faults(document, GCR, { files })).toEqual([expect.stringContaining(`login.${fault}`)]);
  });

  test.each(['registry.example.com', 'gcr.io.example.com', 'notgcr.io', 'docker.io'])('is not for %s', (host) => {
    expect(faults(KEY, host)).toEqual([expect.stringContaining(`not for ${host}`)]);
  });
});

describe('an account of AWS', () => {
  const keys = { accessKeyId: 'AKID', secretAccessKey: SECRET };

  test.each([
    [ECR, 'eu-central-1', 'api.ecr.eu-central-1.amazonaws.com'],
    ['123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn', 'cn-north-1', 'api.ecr.cn-north-1.amazonaws.com.cn'],
    ['123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com', 'us-gov-west-1', 'ecr-fips.us-gov-west-1.amazonaws.com'],
    ['123456789012.dkr-ecr.us-east-2.on.aws', 'us-east-2', 'ecr.us-east-2.api.aws'],
    ['123456789012.dkr-ecr-fips.us-east-2.on.aws', 'us-east-2', 'ecr-fips.us-east-2.api.aws'],
  ])('for %s asks %s at %s', (host, region, hostname) => {
    expect(read({ type: 'aws', ...keys }, host)).toEqual({
      kind: 'aws',
      region,
      api: { scheme: 'https', hostname, port: 443, path: '/', query: '' },
      keys: { from: 'given', id: 'AKID', secret: SECRET },
    });
  });

  test('takes the region from the document where ECR has another name', () => {
    const api = (region: string) => read({ type: 'aws', region, ...keys }, 'images.example.com');
    expect(api('us-west-2')).toMatchObject({ api: { hostname: 'api.ecr.us-west-2.amazonaws.com' } });
    expect(api('cn-north-1')).toMatchObject({ api: { hostname: 'api.ecr.cn-north-1.amazonaws.com.cn' } });
  });

  test('prefers the keys of the document to those of the environment, and those to the container’s', () => {
    const env = {
      AWS_ACCESS_KEY_ID: 'AKENV',
      AWS_SECRET_ACCESS_KEY: `${SECRET}\n`,
      AWS_SESSION_TOKEN: 'session',
      AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/v2/credentials/1',
    };
    const from = (document: object, given: Record<string, string>) =>
      (read({ type: 'aws', ...document }, ECR, { env: given }) as { keys: object }).keys;
    expect(from({ ...keys, sessionToken: 's' }, env)).toEqual({
      from: 'given',
      id: 'AKID',
      secret: SECRET,
      token: 's',
    });
    expect(from({}, env)).toEqual({ from: 'given', id: 'AKENV', secret: SECRET, token: 'session' });
    const { AWS_ACCESS_KEY_ID, ...rest } = env;
    expect(from({}, rest)).toMatchObject({
      from: 'container',
      url: { hostname: '169.254.170.2', path: '/v2/credentials/1' },
    });
    expect(from({}, {})).toEqual({ from: 'instance' });
  });

  test.each([
    'https://keys.example.com/a',
    'http://127.0.0.1:8080/a',
    'http://169.254.170.23/v1/credentials',
    'http://[fd00:ec2::23]/a',
  ])('may have its keys from %s', (AWS_CONTAINER_CREDENTIALS_FULL_URI) => {
    const env = { AWS_CONTAINER_CREDENTIALS_FULL_URI, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: '/token' };
    const account = read({ type: 'aws' }, ECR, { env }) as { keys: { url: Url; authorizationFile: string } };
    expect([hrefOf(account.keys.url), account.keys.authorizationFile]).toEqual([
      AWS_CONTAINER_CREDENTIALS_FULL_URI,
      '/token',
    ]);
  });

  test.each(['http://keys.example.com/a', 'http://10.0.0.1/a', 'http://169.254.169.254/latest', 'file:///a', 'x'])(
    'never has its keys from %s',
    (AWS_CONTAINER_CREDENTIALS_FULL_URI) => {
      expect(faults({ type: 'aws' }, ECR, { env: { AWS_CONTAINER_CREDENTIALS_FULL_URI } })).toEqual([
        expect.stringMatching(/^login\.accessKeyId: AWS_CONTAINER_CREDENTIALS_FULL_URI must be https/),
      ]);
    },
  );

  test.each<[string, object, string, RegExp]>([
    [
      'a registry of somebody else',
      keys,
      'registry.example.com',
      /^login\.type: registry\.example\.com is not <account>/,
    ],
    ['a host that only looks like ECR', keys, `${ECR}.example.com`, /^login\.type: .+ is not <account>/],
    ['another region', { region: 'us-east-1', ...keys }, ECR, /^login\.region: .+ is in eu-central-1$/],
    [
      'a region that is a host',
      { region: 'x.example.com/', ...keys },
      'r.example.com',
      /^login\.region: expected a region like/,
    ],
    ['an empty key', { accessKeyId: 'AKID', secretAccessKey: ' ' }, ECR, /secretAccessKey: expected text/],
    ['half a key', { accessKeyId: 'AKID' }, ECR, /accessKeyId: belongs together/],
    ['a session alone', { sessionToken: SECRET }, ECR, /accessKeyId: belongs together/],
    ['a misspelt key', { accesKeyId: SECRET }, ECR, /^login\.accesKeyId: unknown key; did you mean accessKeyId\?$/],
  ])('%s is a fault', (_, document, host, fault) => {
    expect(faults({ type: 'aws', ...document }, host)).toContainEqual(expect.stringMatching(fault));
  });
});

describe('an account of Aliyun', () => {
  const keys = { accessKeyId: 'LTAI', accessKeySecret: SECRET };

  test.each([
    [ACR, {}, 'cr.cn-hangzhou.aliyuncs.com', undefined],
    ['registry-vpc.cn-beijing.aliyuncs.com', {}, 'cr.cn-beijing.aliyuncs.com', undefined],
    ['registry-intl.ap-southeast-1.aliyuncs.com', {}, 'cr.ap-southeast-1.aliyuncs.com', undefined],
    [ACR_EE, { instanceId: 'cri-1' }, 'cr.cn-shanghai.aliyuncs.com', 'cri-1'],
    [
      'my-team-registry-vpc.cn-shanghai.cr.aliyuncs.com',
      { instanceId: 'cri-1' },
      'cr.cn-shanghai.aliyuncs.com',
      'cri-1',
    ],
    ['r.example.com', { instanceId: 'cri-1', region: 'cn-hongkong' }, 'cr.cn-hongkong.aliyuncs.com', 'cri-1'],
  ])('for %s asks the right API', (host, more, hostname, instanceId) => {
    expect(read({ type: 'aliyun', ...keys, ...more }, host)).toEqual({
      kind: 'aliyun',
      api: { scheme: 'https', hostname, port: 443, path: '/', query: '' },
      ...(instanceId && { instanceId }),
      keys: { id: 'LTAI', secret: SECRET },
    });
  });

  test('takes the keys of the environment, which are the role’s on Function Compute', () => {
    const env = {
      ALIBABA_CLOUD_ACCESS_KEY_ID: 'STS.1',
      ALIBABA_CLOUD_ACCESS_KEY_SECRET: SECRET,
      ALIBABA_CLOUD_SECURITY_TOKEN: 'token',
    };
    expect(read({ type: 'aliyun' }, ACR, { env })).toMatchObject({
      keys: { id: 'STS.1', secret: SECRET, token: 'token' },
    });
  });

  test.each<[string, object, string, RegExp]>([
    ['no keys', {}, ACR, /^login\.accessKeyId: is missing, .+ALIBABA_CLOUD_ACCESS_KEY_ID/],
    ['half a key', { accessKeySecret: SECRET }, ACR, /accessKeyId: belongs together/],
    ['an Enterprise Edition without its id', keys, ACR_EE, /^login\.instanceId: is missing/],
    [
      'a registry of somebody else',
      keys,
      'registry.example.com',
      /^login\.type: registry\.example\.com is not registry/,
    ],
    ['a region without an instance', { ...keys, region: 'cn-hangzhou' }, 'r.example.com', /set region and instanceId$/],
    ['a new Personal Edition', keys, 'crpi-1.cn-hangzhou.personal.cr.aliyuncs.com', /fixed user name and password/],
    [
      'a region that is a host',
      { ...keys, region: 'x.y/', instanceId: 'cri-1' },
      'r.example.com',
      /^login\.region: expected/,
    ],
  ])('%s is a fault', (_, document, host, fault) => {
    expect(faults({ type: 'aliyun', ...document }, host)).toEqual([expect.stringMatching(fault)]);
  });
});

test.each([{ type: 1 }, { type: [] }, { type: randomUUID() }, { type: 'toString' }])('%j is no account', (document) => {
  expect(faults(document, GCR)).toEqual(['login.type: expected google, aws or aliyun']);
});

test.each([{}, { type: null }])('%j does not say whose account it is', (document) => {
  expect(faults(document, GCR)).toEqual(['login.type: is missing']);
});

describe('where nothing has a role at a cloud', () => {
  test.each<[string, object, string, string]>([
    ['gcr.io', { type: 'google' }, 'credentials', 'this platform has no service account'],
    [ECR, { type: 'aws' }, 'accessKeyId', 'with secretAccessKey: this platform has no role at AWS'],
  ])('an account for %s without keys is a fault', (host, document, key, what) => {
    expect(read(document, host)).not.toHaveProperty('faults');
    expect(faults(document, host, { isRoleless: true })).toEqual([expect.stringContaining(`login.${key}: is missing`)]);
    expect(faults(document, host, { isRoleless: true })?.[0]).toContain(what);
  });

  test('an account that holds keys is none', () => {
    const env = { AWS_ACCESS_KEY_ID: 'AKID', AWS_SECRET_ACCESS_KEY: SECRET };
    expect(read({ type: 'aws' }, ECR, { env, isRoleless: true })).toMatchObject({
      keys: { from: 'given', id: 'AKID' },
    });
    expect(read(KEY, GCR, { isRoleless: true })).toMatchObject({ kind: 'google-key' });
  });
});
