import { randomUUID } from 'node:crypto';
import type { AwsRole } from '../../src/core/aws-account';
import { parseUrl, type Url } from '../../src/core/url';
import { KEYS_LIFETIME, roleKeys } from '../../src/node/role-keys';
import type { CloudFetch } from '../../src/shell/cloud-request';

const role: AwsRole = { from: 'container', url: parseUrl('http://169.254.170.2/keys') as Url };

let now = 1_700_000_000_000;
let asked = 0;
let isDown = false;
const given = () => ({ AccessKeyId: `id-${asked}`, SecretAccessKey: randomUUID(), Token: randomUUID() });
const fetch: CloudFetch = async () => {
  asked += 1;
  return isDown ? { status: 403, body: '{"code":"Forbidden"}' } : { status: 200, body: JSON.stringify(given()) };
};
beforeEach(() => {
  asked = 0;
  isDown = false;
});

test('keys are asked for once, whoever needs them, and again after a while', async () => {
  const keys = roleKeys(role, fetch, () => now);
  const all = await Promise.all([keys(), keys(), keys()]);
  expect(new Set(all.map(({ id }) => id))).toEqual(new Set(['id-1']));
  expect(all[0]).toMatchObject({ secret: expect.any(String), token: expect.any(String) });
  now += KEYS_LIFETIME - 1;
  expect((await keys()).id).toBe('id-1');
  now += 1;
  expect((await Promise.all([keys(), keys()])).map(({ id }) => id)).toEqual(['id-2', 'id-2']);
});

test('the old ones are tried where there are no new ones, and new ones are asked for each time', async () => {
  const keys = roleKeys(role, fetch, () => now);
  await keys();
  isDown = true;
  now += KEYS_LIFETIME;
  expect([(await keys()).id, (await keys()).id, asked]).toEqual(['id-1', 'id-1', 3]);
  isDown = false;
  expect((await keys()).id).toBe('id-4');
});

test('without any the call fails, and the next one asks again', async () => {
  const keys = roleKeys(role, fetch, () => now);
  isDown = true;
  await expect(keys()).rejects.toThrow("the container's credentials service");
  isDown = false;
  expect((await keys()).id).toBe('id-2');
});
