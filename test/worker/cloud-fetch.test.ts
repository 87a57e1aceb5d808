import type { CloudRequest } from '../../src/shell/cloud-request';
import { startInWorkerd } from '../tools/workerd';
import { listen, readBody } from '../upstream/listen';

let cloud: Awaited<ReturnType<typeof listen>>;
let worker: Awaited<ReturnType<typeof startInWorkerd>>;

beforeAll(async () => {
  cloud = await listen('cloud', async (exchange) => {
    const body = await readBody(exchange);
    if (exchange.seen.path === '/large') return exchange.send(200, {}, 'x'.repeat(5000));
    if (exchange.seen.path === '/elsewhere') return exchange.send(302, { location: '/' }, '');
    return exchange.send(418, {}, `${exchange.seen.method} ${exchange.seen.header('x-a')} ${body}`);
  });
  worker = await startInWorkerd(`
    import { parseUrl } from './core/url';
    import { cloudFetch } from './worker/cloud-fetch';
    const ask = cloudFetch({ connect: 1000, response: 1000, retry: 0, stall: 1000, client: 0, shutdown: 0 });
    const work = { ask: ({ url, ...request }) => ask({ ...request, url: parseUrl(url) }) };
  `);
});
afterAll(async () => {
  await worker.stop();
  await cloud.stop();
});

const ask = (path: string, more: Partial<CloudRequest> = {}) =>
  worker.call('ask', {
    method: 'GET',
    url: cloud.url + path,
    headers: [['x-a', 'b']],
    reach: 'public',
    within: 1000,
    limit: 1024,
    ...more,
  });

test('sends what it is given, and hands back status and body', async () => {
  expect(await ask('/')).toEqual({ status: 418, body: 'GET b ' });
  expect(await ask('/', { method: 'POST', body: '{}' })).toEqual({ status: 418, body: 'POST b {}' });
});

test('an empty body has its length, which some servers insist on', async () => {
  await ask('/', { method: 'POST', body: '' });
  expect(cloud.requests.at(-1)?.header('content-length')).toBe('0');
});

test('follows nothing', async () => {
  expect(await ask('/elsewhere')).toEqual({ status: 302, body: '' });
});

test('reads no more than it may', async () => {
  await expect(ask('/large')).rejects.toThrow('the answer is larger than 1 KiB');
  expect(await ask('/large', { limit: 5000 })).toMatchObject({ status: 200 });
});

test('does not wait for ever', async () => {
  cloud.fail(/./, { kind: 'silence' });
  await expect(ask('/', { within: 100 })).rejects.toThrow('no response in time (0.1 s)');
});

test('says of a broken connection nothing but that', async () => {
  cloud.fail(/./, { kind: 'refuse' });
  const error = await ask('/').catch((reason: Error) => reason.message);
  expect(error).toMatch(/^[\w ,]+$/);
  expect(error).not.toContain('127.0.0.1');
});
