import { capabilities, detectPlatform, SMALL_BODY_BYTES } from '../../src/core/capabilities';

test.each<[Record<string, string | undefined>, string]>([
  [{}, 'node'],
  [{ FC_FUNCTION_NAME: 'f', FC_ACCOUNT_ID: '1' }, 'aliyun-fc'],
  [{ FC_FUNCTION_NAME: 'f' }, 'node'],
  [{ FC_FUNCTION_NAME: '', FC_ACCOUNT_ID: '1' }, 'node'],
])('%j is %s', (env, expected) => {
  expect(detectPlatform(env)).toBe(expected);
});

test('Function Compute carries 4 KiB of path and query; manifests are always small', () => {
  expect(capabilities['aliyun-fc'].maxTarget).toBe(4096);
  expect(capabilities.node.maxTarget).toBe(Number.POSITIVE_INFINITY);
  expect(SMALL_BODY_BYTES).toBe(4 * 1024 * 1024);
});
