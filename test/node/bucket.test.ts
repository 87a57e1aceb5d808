import { parseUrl, type Url } from '../../src/core/url';
import { openStore } from '../../src/node/stores';
import { content, has, putBlob } from '../storage/bytes';
import { startS3 } from '../storage/s3-server';
import { listen } from '../upstream/listen';

test('a bucket is opened by the keys of a role, which are asked for once', async () => {
  const s3 = await startS3();
  const { id, secret, token } = s3.login;
  const service = await listen('keys', ({ send }) =>
    send(200, {}, JSON.stringify({ AccessKeyId: id, SecretAccessKey: secret, Token: token })),
  );
  const { keys: _, ...place } = s3.bucket({}).place;
  const store = await openStore({ ...place, role: { from: 'container', url: parseUrl(`${service.url}/keys`) as Url } });
  const [one, two] = [content(1000), content(2000)];
  await putBlob(store, one);
  await putBlob(store, two);
  expect([await has(store, one), await has(store, two)]).toEqual([true, true]);
  expect(service.requests).toHaveLength(1);
  await store.close();
  await Promise.all([service.stop(), s3.stop()]);
});

test('without keys and without anybody who gives them, the store says so', async () => {
  const s3 = await startS3();
  const service = await listen('keys', ({ send }) => send(403, {}, '{"code":"AccessDenied"}'));
  const { keys: _, ...place } = s3.bucket({}).place;
  const store = await openStore({ ...place, role: { from: 'container', url: parseUrl(`${service.url}/keys`) as Url } });
  await expect(store.stat(content(10).key)).rejects.toMatchObject({ name: 'StoreError' });
  await store.close();
  await Promise.all([service.stop(), s3.stop()]);
});
