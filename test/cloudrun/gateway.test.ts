import type { IncomingHttpHeaders } from 'node:http';
import { type Echo, startEcho } from '../edges/echo';
import { type EdgeGateway, startEdge } from '../edges/gateway';
import { holdInstances } from '../edges/instances';
import { ask } from '../upstream/client';
import { cloudRunEdge, MAX_BODY_BYTES } from './edge';

let echo: Echo;
let gateway: EdgeGateway;

beforeAll(async () => {
  echo = await startEcho();
  gateway = await startEdge(cloudRunEdge(), holdInstances([{ port: echo.port }], { concurrency: 80, freezes: true }));
});
afterAll(async () => {
  await gateway.close();
  echo.close();
});

describe('the stand-in for Cloud Run', () => {
  it('answers 500 in place of more than 32 MiB with a length, and streams what is chunked', async () => {
    const most = await ask(`${gateway.url}/?size=${MAX_BODY_BYTES}`);
    expect([most.status, most.body.length]).toEqual([200, MAX_BODY_BYTES]);
    expect((await ask(`${gateway.url}/?size=${MAX_BODY_BYTES + 1}`)).status).toBe(500);
    const chunked = await ask(`${gateway.url}/?size=${MAX_BODY_BYTES + 1}&chunked=1`);
    expect([chunked.status, chunked.body.length, chunked.header('transfer-encoding')]).toEqual([
      200,
      MAX_BODY_BYTES + 1,
      'chunked',
    ]);
  });

  it('answers 413 to more than 32 MiB', async () => {
    const body = (size: number) => ask(gateway.url, { method: 'PATCH', body: Buffer.alloc(size) });
    const most = await body(MAX_BODY_BYTES);
    expect([most.status, most.header('x-got')]).toEqual([200, String(MAX_BODY_BYTES)]);
    expect((await body(MAX_BODY_BYTES + 1)).status).toBe(413);
  });

  it('adds the address that it sees behind what the caller says, and https', async () => {
    const headers = { 'x-forwarded-for': '1.2.3.4', 'x-forwarded-proto': 'http' };
    const got = (await ask(`${gateway.url}/?headers=1`, { headers })).json() as IncomingHttpHeaders;
    expect(got).toMatchObject({ 'x-forwarded-for': '1.2.3.4,127.0.0.1', 'x-forwarded-proto': 'https' });
  });
});
