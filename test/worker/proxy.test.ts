import { exchangeRaw } from '../upstream/client';
import { stageFor, until } from '../upstream/scene';
import { worker } from '../worker-runtime';

const stage = stageFor(worker);

afterEach(async () => expect(await stage.close()).toEqual([]));

test('says 408 to a client that does not send its form, and waits no longer', async () => {
  const proxy = await stage.proxy(await stage.registry(), { RESPONSE_TIMEOUT: '300ms' });
  const head = 'POST /token HTTP/1.1\r\nHost: r.test\r\nContent-Type: application/x-www-form-urlencoded\r\n';
  const raw = await exchangeRaw(proxy.port, `${head}Content-Length: 100\r\n\r\ngrant_type=`, 3000);
  expect(raw.slice(0, 12)).toBe('HTTP/1.1 408');
  expect(raw).toContain('the request body did not come in time');
  await until(() => proxy.logs().length > 0);
  expect(proxy.logs()).toMatchObject([{ status: 408 }]);
});
