import type { IncomingHttpHeaders } from 'node:http';
import { type Echo, startEcho } from '../edges/echo';
import { type EdgeGateway, startEdge } from '../edges/gateway';
import { holdInstances } from '../edges/instances';
import { ask } from '../upstream/client';
import { MAX_BODY_BYTES, scfEdge } from './edge';

let echo: Echo;
let gateway: EdgeGateway;

beforeAll(async () => {
  echo = await startEcho();
  gateway = await startEdge(scfEdge(), holdInstances([{ port: echo.port }], { concurrency: 50, freezes: true }));
});
afterAll(async () => {
  await gateway.close();
  echo.close();
});

describe('the stand-in for SCF', () => {
  it.each(['', '&chunked=1'])('answers 407 in place of more than 6 MB, whatever the framing (%s)', async (query) => {
    const most = await ask(`${gateway.url}/?size=${MAX_BODY_BYTES}${query}`);
    expect([most.status, most.body.length, most.header('content-length')]).toEqual([
      200,
      MAX_BODY_BYTES,
      String(MAX_BODY_BYTES),
    ]);
    const more = await ask(`${gateway.url}/?size=${MAX_BODY_BYTES + 1}${query}`);
    expect([more.status, more.text]).toEqual([407, expect.stringContaining('exceeds the upper limit (6MB)')]);
  });

  it('says of a HEAD what the function said, and counts no body', async () => {
    const head = await ask(`${gateway.url}/?size=${MAX_BODY_BYTES + 1}`, { method: 'HEAD' });
    expect([head.status, head.header('content-length')]).toEqual([200, String(MAX_BODY_BYTES + 1)]);
  });

  it('answers 406 to more than 6 MB', async () => {
    const body = (size: number) => ask(gateway.url, { method: 'PATCH', body: Buffer.alloc(size) });
    const most = await body(MAX_BODY_BYTES);
    expect([most.status, most.header('x-got')]).toEqual([200, String(MAX_BODY_BYTES)]);
    expect((await body(MAX_BODY_BYTES + 1)).status).toBe(406);
  });

  it('refuses more than 4 KB of response headers', async () => {
    expect((await ask(`${gateway.url}/?junk=3500`)).status).toBe(200);
    expect((await ask(`${gateway.url}/?junk=4096`)).status).toBe(502);
  });

  it('says about the function what callers cannot, and keeps Connection for itself', async () => {
    const headers = { 'x-scf-name': 'mine', 'x-scf-remote-addr': '1.2.3.4', connection: 'keep-alive, x-a' };
    const got = (await ask(`${gateway.url}/?headers=1`, { headers })).json() as IncomingHttpHeaders;
    expect(got).toMatchObject({
      'x-scf-name': 'registry-proxy',
      'x-scf-remote-addr': '127.0.0.1',
      'x-forwarded-proto': 'https',
      connection: 'keep-alive',
    });
  });

  it('loses a request that the function lost', async () => {
    expect((await ask(`${gateway.url}/?lose=1`)).status).toBe(502);
    expect(gateway.counts.retries).toBe(0);
  });
});
