import { createHash, randomBytes, randomUUID } from 'node:crypto';
import peer from '@alicloud/openapi-core/dist/utils';
import { hostOf, parseUrl, type Url } from '../../src/core/url';
import { type AliyunAction, signAliyun } from '../../src/shell/aliyun-signature';

const cr = (action: Partial<AliyunAction>): AliyunAction => ({
  method: 'POST',
  api: parseUrl('https://cr.cn-hangzhou.aliyuncs.com/') as Url,
  path: '/',
  query: [],
  action: 'GetAuthorizationToken',
  version: '2018-12-01',
  ...action,
});

test('the example that Aliyun publishes is signed as it says', () => {
  const { url, headers } = signAliyun(
    {
      method: 'POST',
      api: parseUrl('https://ecs.cn-shanghai.aliyuncs.com/') as Url,
      path: '/',
      query: [
        ['RegionId', 'cn-shanghai'],
        ['ImageId', 'win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd'],
      ],
      action: 'RunInstances',
      version: '2014-05-26',
    },
    { id: 'YourAccessKeyId', secret: 'YourAccessKeySecret' },
    Date.UTC(2023, 9, 26, 10, 22, 32),
    '3156853299f313e23d1673dc12e1703d',
  );
  expect(Object.fromEntries(headers).authorization).toBe(
    'ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0',
  );
  expect(url.query).toBe('?ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai');
});

describe("Aliyun's own SDK", () => {
  test.each<[string, AliyunAction, string | undefined]>([
    ['a request with a query', cr({ query: [['InstanceId', 'cri-abc']] }), undefined],
    ['a request with a path', cr({ method: 'GET', path: '/tokens', version: '2016-06-07' }), undefined],
    ['temporary keys', cr({ query: [['InstanceId', 'cri-abc']] }), randomUUID()],
    ['what must be escaped', cr({ query: [['InstanceId', "a b*c~d/e!'()é"]] }), undefined],
  ])('signs %s alike', (_, action, token) => {
    const keys = { id: randomUUID(), secret: randomBytes(16).toString('hex'), ...(token && { token }) };
    const { headers } = signAliyun(action, keys, Date.now(), randomUUID());
    const { authorization, ...sent } = Object.fromEntries(headers);
    const theirs = peer.getAuthorization(
      {
        method: action.method,
        pathname: action.path,
        query: Object.fromEntries(action.query),
        headers: { ...sent, host: hostOf(action.api) },
      } as never,
      'ACS3-HMAC-SHA256',
      createHash('sha256').update('').digest('hex'),
      keys.id,
      keys.secret,
    );
    expect(authorization).toBe(theirs);
  });
});
