import type { IncomingHttpHeaders } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Echo, startEcho } from '../edges/echo';
import { ask, open } from '../upstream/client';
import { type Gateway, MAX_BODY_BYTES, startGateway } from './gateway';

describe('the stand-in for the gateway of Function Compute', () => {
  let echo: Echo;
  let gateway: Gateway;
  let port: number;

  beforeAll(async () => {
    echo = await startEcho();
    port = echo.port;
    gateway = await startGateway({ port });
  });
  afterAll(async () => {
    await gateway.close();
    echo.close();
  });

  it('refuses more than 8 KB of request headers, 4 KB of path and query, 32 MB of body', async () => {
    const header = (size: number) => ask(gateway.url, { headers: { authorization: 'a'.repeat(size) } });
    expect((await header(7000)).status).toBe(200);
    expect(await header(8200)).toMatchObject({ status: 400, text: expect.stringContaining('InvalidArgument') });
    const query = (size: number) => ask(`${gateway.url}/?q=${'a'.repeat(size)}`);
    expect((await query(4000)).status).toBe(200);
    expect((await query(4096)).status).toBe(400);
    const body = (size: number) => ask(gateway.url, { method: 'PATCH', body: Buffer.alloc(size) });
    const largest = await body(MAX_BODY_BYTES);
    expect([largest.status, largest.header('x-got')]).toEqual([200, String(MAX_BODY_BYTES)]);
    expect((await body(MAX_BODY_BYTES + 1)).status).toBe(400);
  });

  it('hands credentials to the function, and takes none of its headers from callers', async () => {
    const headers = { 'x-fc-control-path': '/initialize', 'x-fc-request-id': 'mine', connection: 'keep-alive, x-a' };
    const got = (await ask(`${gateway.url}/?headers=1`, { headers })).json() as IncomingHttpHeaders;
    expect(got).toMatchObject({
      host: gateway.host,
      'x-forwarded-proto': 'https',
      'x-fc-control-path': '/http-invoke',
      'x-fc-access-key-secret': gateway.secrets[1],
      connection: 'keep-alive',
    });
    expect(got['x-fc-request-id']).not.toBe('mine');
  });

  it('streams what is chunked and buffers what has a length', async () => {
    const first = async (query: string) => {
      const started = Date.now();
      const { response, head } = await open(`${gateway.url}/?size=100000&pause=400${query}`);
      await new Promise((done) => response.once('data', done));
      response.resume();
      return { waited: Date.now() - started, head };
    };
    const { waited, head } = await first('&chunked=1');
    expect(waited).toBeLessThan(300);
    expect([head.header('transfer-encoding'), head.header('content-length')]).toEqual(['chunked', undefined]);
    const buffered = await first('');
    expect(buffered.waited).toBeGreaterThan(380);
    expect(buffered.head.header('content-length')).toBe('100000');
  });

  it('sets Date and Server itself and refuses more than 8 KB of response headers', async () => {
    const answer = await ask(`${gateway.url}/?junk=7000`);
    expect([answer.status, answer.header('server')]).toEqual([200, 'fc']);
    expect(await ask(`${gateway.url}/?junk=8200`)).toMatchObject({
      status: 502,
      text: expect.stringContaining('BadResponse'),
    });
  });

  it('opens another connection when the function has closed the idle one', async () => {
    await ask(gateway.url);
    const { connections } = gateway.counts;
    await ask(gateway.url);
    expect(gateway.counts.connections).toBe(connections);
    await sleep(1600);
    await ask(gateway.url);
    expect(gateway.counts.connections).toBe(connections + 1);
  });

  it('repeats a GET that the function lost, and gives a POST up', async () => {
    expect((await ask(`${gateway.url}/?lose=1`)).status).toBe(200);
    expect(gateway.counts.retries).toBe(1);
    expect((await ask(`${gateway.url}/?lose=1`, { method: 'POST' })).status).toBe(502);
    expect(gateway.counts.retries).toBe(1);
  });

  it.each([
    ['kept', '1234'],
    ['dropped', undefined],
    ['zero', '0'],
  ] as const)('can have the length of a HEAD %s', async (headLength, length) => {
    const other = await startGateway({ port, headLength, attachment: true, bufferAtMost: 1000 });
    const answer = await ask(`${other.url}/?size=1234`, { method: 'HEAD' });
    expect(answer.header('content-length')).toBe(length);
    expect(answer.header('content-disposition')).toBe('attachment');
    expect((await ask(`${other.url}/?size=1234`)).status).toBe(502);
    await other.close();
  });
});
