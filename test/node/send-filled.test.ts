import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type BodySource, sendBody } from '../../src/node/send-body';
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

interface Result {
  bytes: number;
  why?: string;
}

async function serve(source: () => BodySource, expected: number, client = 1000) {
  const results: Result[] = [];
  const server = createServer(async (_req, res) => {
    const record: Result = { bytes: 0 };
    res.setHeader('content-length', expected);
    await sendBody({ res, expected, client, record }, source());
    results.push(record);
  });
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

test('a response is over with its last byte, whatever the source has still to do', async () => {
  const source = {
    async *[Symbol.asyncIterator]() {
      yield [BYTES];
      await new Promise(() => {});
    },
  };
  const server = await serve(() => source, BYTES.length);
  const reply = await ask(server.url);
  expect([reply.ending, reply.body.equals(BYTES)]).toEqual(['clean', true]);
  expect(server.results).toEqual([{ bytes: BYTES.length }]);
  await server.stop();
});

test('a body that is longer than was said is cut', async () => {
  const body = bodyOf(BYTES);
  const server = await serve(() => body, BYTES.length - 1);
  expect((await ask(server.url)).ending).toBe('destroyed');
  expect(server.results).toMatchObject([{ why: 'the body is longer than it should be' }]);
  await server.stop();
});

test('a body comes whole through two buffers', async () => {
  const body = bodyOf(BYTES);
  const server = await serve(() => body, BYTES.length);
  const reply = await ask(server.url);
  expect([reply.ending, reply.body.equals(BYTES), body.buffers.size, body.closed]).toEqual(['clean', true, 2, 1]);
  expect(server.results).toEqual([{ bytes: BYTES.length }]);
  await server.stop();
});

test.each([
  ['that breaks', 1_000_000, BYTES.length, 'broken'],
  ['that is shorter than was said', Number.POSITIVE_INFINITY, BYTES.length + 1, 'the body ended early'],
])('a body %s is cut', async (_, failAt, expected, why) => {
  const body = bodyOf(BYTES, failAt);
  const server = await serve(() => body, expected);
  const reply = await ask(server.url);
  expect([reply.ending, body.closed]).toEqual(['destroyed', 1]);
  expect(server.results).toMatchObject([{ why }]);
  await server.stop();
});

test('a client that leaves, or takes nothing, ends it', async () => {
  const endless = bodyOf(Buffer.alloc(200_000_000));
  const server = await serve(() => endless, 200_000_000, 200);
  const left = await open(server.url);
  left.leave();
  const stuck = await open(server.url);
  stuck.response.pause();
  while (server.results.length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(server.results).toMatchObject([{}, { why: 'the client took no byte for 0.2 s' }]);
  expect(server.results[0]).not.toHaveProperty('why');
  stuck.leave();
  await server.stop();
});

test('large bodies have their own buffers each, however their readers leave', async () => {
  const bodies = Array.from({ length: 12 }, (_, index) => payload(20_000_000, index));
  let asked = 0;
  const server = await serve(() => bodyOf(bodies[asked++ % bodies.length]), 20_000_000, 0);
  for (let round = 0; round < 2; round += 1) {
    const leaving = await Promise.all(bodies.map(() => open(server.url)));
    for (const each of leaving) each.leave();
    asked = 0;
    const all = await Promise.all(bodies.map(() => ask(server.url)));
    expect(all.map(({ ending, body }) => [ending, body.length])).toEqual(all.map(() => ['clean', 20_000_000]));
    const matched = all.map(({ body }) => bodies.findIndex((bytes) => bytes.equals(body)));
    expect([...matched].sort((one, other) => one - other)).toEqual(bodies.map((_, index) => index));
  }
  await server.stop();
}, 60_000);
