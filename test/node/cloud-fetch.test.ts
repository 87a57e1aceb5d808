import { parseUrl, type Url } from '../../src/core/url';
import { cloudFetch } from '../../src/node/cloud-fetch';
import { Transport } from '../../src/node/transport';
import type { CloudRequest } from '../../src/shell/cloud-request';
import { listen, readBody } from '../upstream/listen';

const SECOND = 1000;
const transport = new Transport({
  connect: SECOND,
  response: SECOND,
  retry: SECOND,
  stall: SECOND,
  client: SECOND,
  shutdown: SECOND,
});
const fetch = cloudFetch(transport);
afterAll(() => transport.close());

let cloud: Awaited<ReturnType<typeof listen>>;
beforeAll(async () => {
  cloud = await listen('cloud', async (exchange) => {
    const body = await readBody(exchange);
    if (exchange.seen.path === '/large') return exchange.send(200, {}, 'x'.repeat(5000));
    return exchange.send(418, {}, `${exchange.seen.method} ${exchange.seen.header('x-a')} ${body}`);
  });
});
afterAll(() => cloud.stop());

const request = (path: string, more: Partial<CloudRequest> = {}): CloudRequest => ({
  method: 'GET',
  url: parseUrl(cloud.url + path) as Url,
  headers: [['x-a', 'b']],
  reach: 'any',
  within: SECOND,
  limit: 1024,
  ...more,
});

test('sends what it is given, and hands back status and body', async () => {
  expect(await fetch(request('/'))).toEqual({ status: 418, body: 'GET b ' });
  expect(await fetch(request('/', { method: 'POST', body: '{}' }))).toEqual({ status: 418, body: 'POST b {}' });
});

test('an empty body has its length, which some servers insist on', async () => {
  await fetch(request('/', { method: 'PUT', body: '' }));
  expect(cloud.requests.at(-1)?.header('content-length')).toBe('0');
});

test('reads no more than it may', async () => {
  await expect(fetch(request('/large'))).rejects.toThrow('the answer is larger than 1 KiB');
  expect((await fetch(request('/large', { limit: 5000 }))).body).toHaveLength(5000);
});

test('does not call a private address for a cloud', async () => {
  const url = parseUrl(`http://localhost:${cloud.port}/`) as Url;
  await expect(fetch(request('/', { url, reach: 'public' }))).rejects.toThrow('the address is not a public one');
});

test('does not wait for ever', async () => {
  cloud.fail(/./, { kind: 'silence' });
  await expect(fetch(request('/', { within: 100 }))).rejects.toThrow('no response in time (0.1 s)');
});
