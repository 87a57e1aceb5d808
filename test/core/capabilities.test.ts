import { capabilities, detectPlatform, SMALL_BODY_BYTES } from '../../src/core/capabilities';

test.each<[Record<string, string | undefined>, string]>([
  [{}, 'node'],
  [{ FC_FUNCTION_NAME: 'f', FC_ACCOUNT_ID: '1' }, 'aliyun-fc'],
  [{ FC_FUNCTION_NAME: 'f' }, 'node'],
  [{ FC_FUNCTION_NAME: '', FC_ACCOUNT_ID: '1' }, 'node'],
  [{ AWS_LAMBDA_FUNCTION_NAME: 'f', AWS_LAMBDA_RUNTIME_API: '127.0.0.1:9001' }, 'aws-lambda'],
  // Somebody who calls a function from a machine of their own has the name alone.
  [{ AWS_LAMBDA_FUNCTION_NAME: 'f' }, 'node'],
  [{ TENCENTCLOUD_RUNENV: 'SCF' }, 'tencent-scf'],
  [{ K_SERVICE: 's', K_REVISION: 's-1' }, 'cloud-run'],
  [{ K_SERVICE: 's' }, 'node'],
])('%j is %s', (env, expected) => {
  expect(detectPlatform(env)).toBe(expected);
});

test('Function Compute carries 4 KiB of path and query; manifests are always small', () => {
  expect(capabilities['aliyun-fc'].maxTarget).toBe(4096);
  expect(capabilities.node.maxTarget).toBe(Number.POSITIVE_INFINITY);
  expect(SMALL_BODY_BYTES).toBe(4 * 1024 * 1024);
});
