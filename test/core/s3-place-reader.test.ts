import { randomUUID } from 'node:crypto';
import { readS3Place } from '../../src/core/s3-place-reader';
import { hrefOf } from '../../src/core/url';

const [id, secret, token] = [randomUUID(), randomUUID(), randomUUID()];
const AWS = { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret };
const ALIYUN = { ALIBABA_CLOUD_ACCESS_KEY_ID: id, ALIBABA_CLOUD_ACCESS_KEY_SECRET: secret };
const TENCENT = { TENCENTCLOUD_SECRETID: id, TENCENTCLOUD_SECRETKEY: secret };

const shown = (text: string, env: Record<string, string> = AWS) => {
  const { endpoint, publicEndpoint, region, pathStyle } = readS3Place(text, env);
  return [hrefOf(endpoint), hrefOf(publicEndpoint), region, pathStyle ? 'path' : 'host'];
};

test('a bucket at AWS needs its region only', () => {
  expect(readS3Place('s3://bucket?region=eu-central-1', AWS)).toEqual({
    kind: 's3',
    bucket: 'bucket',
    prefix: '',
    region: 'eu-central-1',
    endpoint: { scheme: 'https', hostname: 's3.eu-central-1.amazonaws.com', port: 443, path: '/', query: '' },
    publicEndpoint: { scheme: 'https', hostname: 's3.eu-central-1.amazonaws.com', port: 443, path: '/', query: '' },
    pathStyle: false,
    keys: { id, secret },
  });
});

test.each<[string, string[]]>([
  ['region=cn-north-1', ['https://s3.cn-north-1.amazonaws.com.cn/', '', 'cn-north-1', 'host']],
  ['endpoint=https://s3.us-west-2.amazonaws.com', ['https://s3.us-west-2.amazonaws.com/', '', 'us-west-2', 'host']],
  ['endpoint=s3.oss-cn-hongkong.aliyuncs.com', ['https://s3.oss-cn-hongkong.aliyuncs.com/', '', 'cn-hongkong', 'host']],
  [
    'endpoint=https://oss-cn-hongkong.aliyuncs.com&internalEndpoint=https://oss-cn-hongkong-internal.aliyuncs.com',
    ['https://oss-cn-hongkong-internal.aliyuncs.com/', 'https://oss-cn-hongkong.aliyuncs.com/', 'cn-hongkong', 'host'],
  ],
  [
    'internalEndpoint=http%3A%2F%2Fs3.oss-cn-beijing-internal.aliyuncs.com',
    ['http://s3.oss-cn-beijing-internal.aliyuncs.com/', '', 'cn-beijing', 'host'],
  ],
  [
    'endpoint=https://cos.ap-hongkong.myqcloud.com',
    ['https://cos.ap-hongkong.myqcloud.com/', '', 'ap-hongkong', 'host'],
  ],
  [
    'endpoint=https://account.r2.cloudflarestorage.com',
    ['https://account.r2.cloudflarestorage.com/', '', 'auto', 'path'],
  ],
  ['endpoint=http://10.0.0.5:9000', ['http://10.0.0.5:9000/', '', 'us-east-1', 'path']],
  ['endpoint=http://minio:9000/&region=home', ['http://minio:9000/', '', 'home', 'path']],
  ['endpoint=https://minio.example.com&pathStyle=false', ['https://minio.example.com/', '', 'us-east-1', 'host']],
  ['region=eu-west-1&pathStyle=true', ['https://s3.eu-west-1.amazonaws.com/', '', 'eu-west-1', 'path']],
])('%s', (parameters, [endpoint, publicEndpoint, ...others]) => {
  expect(shown(`s3://bucket/?${parameters}`)).toEqual([endpoint, publicEndpoint || endpoint, ...others]);
});

test('a bucket with dots goes into the path: no certificate names it', () => {
  expect(shown('s3://my.bucket?region=eu-west-1').at(-1)).toBe('path');
});

test.each([
  ['s3://bucket', ''],
  ['s3://bucket/', ''],
  ['s3://bucket/a', 'a/'],
  ['s3://bucket/a/b-1_c.d/', 'a/b-1_c.d/'],
])('%s has the prefix %j', (text, prefix) => {
  expect(readS3Place(`${text}?region=eu-west-1`, AWS).prefix).toBe(prefix);
});

test('the environment gives region and endpoint where the address does not', () => {
  expect(shown('s3://bucket', { ...AWS, AWS_REGION: 'eu-west-1' })[2]).toBe('eu-west-1');
  expect(shown('s3://bucket', { ...AWS, AWS_DEFAULT_REGION: 'eu-west-2' })[2]).toBe('eu-west-2');
  const env = { ...AWS, AWS_REGION: 'eu-west-1', AWS_ENDPOINT_URL: 'http://any:1', AWS_ENDPOINT_URL_S3: 'http://s3:2' };
  expect(shown('s3://bucket', env)).toEqual(['http://s3:2/', 'http://s3:2/', 'eu-west-1', 'path']);
  expect(shown('s3://bucket?endpoint=http://own:3&region=x', env).slice(1, 3)).toEqual(['http://own:3/', 'x']);
});

describe('keys', () => {
  const keys = (endpoint: string, env: Record<string, string>) =>
    readS3Place(`s3://bucket?endpoint=https://${endpoint}`, env).keys;

  test('come with their token', () => {
    expect(keys('minio', { ...AWS, AWS_SESSION_TOKEN: token })).toEqual({ id, secret, token });
  });

  test('of a function of a cloud go to this cloud only', () => {
    const aliyun = { ...ALIYUN, ALIBABA_CLOUD_SECURITY_TOKEN: token };
    expect(keys('oss-cn-hongkong.aliyuncs.com', aliyun)).toEqual({ id, secret, token });
    const tencent = { ...TENCENT, TENCENTCLOUD_SESSIONTOKEN: token };
    expect(keys('cos.ap-hongkong.myqcloud.com', tencent)).toEqual({ id, secret, token });
    for (const host of ['minio', 'aliyuncs.com.example.com', 'cos.ap-hongkong.myqcloud.com'])
      expect(() => keys(host, ALIYUN)).toThrow('set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY');
    expect(() =>
      readS3Place('s3://bucket?endpoint=oss-cn-x.aliyuncs.com&internalEndpoint=http://elsewhere', ALIYUN),
    ).toThrow('set AWS_ACCESS_KEY_ID');
  });

  test('that were set by hand go first', () => {
    const other = randomUUID();
    expect(keys('oss-cn-x.aliyuncs.com', { ...ALIYUN, ...AWS, AWS_ACCESS_KEY_ID: other })?.id).toBe(other);
  });

  test('may be missing at AWS, where a role has them', () => {
    const read = (env: Record<string, string>) => readS3Place('s3://bucket?region=eu-west-1', env);
    expect(read({})).toMatchObject({ role: { from: 'instance' } });
    expect(read({ AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/v2/x' })).toMatchObject({ role: { from: 'container' } });
    expect([Object.keys(read({})).includes('keys'), Object.keys(read(AWS)).includes('role')]).toEqual([false, false]);
    const elsewhere = { AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://example.com/keys' };
    expect(() => read(elsewhere)).toThrow('AWS_CONTAINER_CREDENTIALS_FULL_URI must be https');
  });
});

test.each([
  ['s3:/bucket', 'expected s3://bucket/prefix'],
  ['http://bucket', 'expected s3://bucket/prefix'],
  ['s3://bucket?region=eu-west-1#x', 'expected s3://bucket/prefix'],
  ['s3://id:key@bucket?region=eu-west-1', 'keys do not belong into the address'],
  ['s3://Bucket?region=eu-west-1', 'a bucket has 3 to 63'],
  ['s3://b?region=eu-west-1', 'a bucket has 3 to 63'],
  ['s3://bucket/a//b?region=eu-west-1', 'a prefix has'],
  ['s3://bucket/../b?region=eu-west-1', 'a prefix has'],
  ['s3://bucket/a/.?region=eu-west-1', 'a prefix has'],
  ['s3://bucket/%61?region=eu-west-1', 'a prefix has'],
  [`s3://bucket/${'a'.repeat(513)}?region=eu-west-1`, 'a prefix has'],
  ['s3://bucket', 'set region'],
  ['s3://bucket?region=eu west', 'region: expected a name'],
  ['s3://bucket?endpoint=ftp://x', 'endpoint: expected https://host'],
  ['s3://bucket?endpoint=http://x/path', 'endpoint: expected https://host'],
  ['s3://bucket?endpoint=http://user@x', 'endpoint: expected https://host'],
  ['s3://bucket?endpoint=http://x&internalEndpoint=y z', 'internalEndpoint: expected https://host'],
  ['s3://bucket?endpoint=http://x&pathStyle=maybe', 'pathStyle: expected true or false'],
  ['s3://bucket?endpoint=http://x&endpoint=http://y', 'endpoint stands there twice'],
  ['s3://bucket?endpont=http://x', 'endpont is no parameter; is endpoint meant?'],
  [
    's3://bucket?secretKey=x&region=y',
    'secretKey is no parameter; there are endpoint, internalEndpoint, region, pathStyle',
  ],
])('%s: %s', (text, message) => {
  expect(() => readS3Place(text, AWS)).toThrow(message);
});

test('all faults are named at once, and no value that stands where a name belongs', () => {
  const read = () => readS3Place(`s3://B?${secret}&pathStyle=maybe&region=x`, {});
  expect(read).toThrow(/a bucket has.*; one of the parameters is unknown.*; pathStyle/);
  expect(read).not.toThrow(secret);
});
