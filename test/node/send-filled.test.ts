import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sendBody } from '../../src/node/send-body';
import { ask, open } from '../upstream/client';
import { payload } from '../upstream/image';

/** A body that fills buffers, and tells how it ended. */
function bodyOf(bytes: Buffer, failAt = Number.POSITIVE_INFINITY) {
  const body = {
    at: 0,
    buffers: new Set<ArrayBufferLike>(),
    closed: 0,
    async fill(buffer: Uint8Array) {
      body.buffers.add(buffer.buffer);
      if (body.at >= failAt) throw new Error('broken');
      const piece = bytes.subarray(body.at, Math.min(body.at + buffer.length, failAt));
      buffer.set(piece);
      body.at += piece.length;
      return piece.length;
    },
    async close() {
      body.closed += 1;
    },
    [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
      throw new Error('not the loop');
    },
  };
  return body;
}

async function serve(handle: (res: ServerResponse) => Promise<unknown>) {
  const results: unknown[] = [];
  const server = createServer(async (_req, res) => results.push(await handle(res)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    results,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const BYTES = payload(3_000_000);

test('a body comes whole through two buffers', async () => {
  const body = bodyOf(BYTES);
  const server = await serve((res) => sendBody(res, body, BYTES.length, 1000));
  const reply = await ask(server.url);
  expect([reply.ending, reply.body.equals(BYTES), body.buffers.size, body.closed]).toEqual(['clean', true, 2, 1]);
  expect(server.results).toEqual([{ bytes: BYTES.length, why: undefined }]);
  await server.stop();
});

test.each([
  ['that breaks', 1_000_000, BYTES.length, 'broken'],
  ['that is shorter than was said', Number.POSITIVE_INFINITY, BYTES.length + 1, 'the body ended early'],
])('a body %s is cut', async (_, failAt, expected, why) => {
  const body = bodyOf(BYTES, failAt);
  const server = await serve((res) => {
    res.setHeader('content-length', expected);
    return sendBody(res, body, expected, 1000);
  });
  const reply = await ask(server.url);
  expect([reply.ending, body.closed]).toEqual(['destroyed', 1]);
  expect(server.results).toMatchObject([{ why }]);
  await server.stop();
});

test('a client that leaves, or takes nothing, ends it', async () => {
  const endless = bodyOf(Buffer.alloc(200_000_000));
  const server = await serve((res) => sendBody(res, endless, 200_000_000, 200));
  const left = await open(server.url);
  left.leave();
  const stuck = await open(server.url);
  stuck.response.pause();
  while (server.results.length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(server.results).toMatchObject([{ isLeft: true }, { why: 'the client took no byte for 0.2 s' }]);
  stuck.leave();
  await server.stop();
});
