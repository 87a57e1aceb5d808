import type { Socket } from 'node:net';
import { ask } from '../upstream/client';
import { type RawServer, startRaw } from '../upstream/raw';
import { stageFor, until } from '../upstream/scene';
import { worker } from '../worker-runtime';

const stage = stageFor(worker);
const HEAD = 'HTTP/1.1 413 Too Large\r\nContent-Type: application/json\r\nConnection: close\r\n';
let upstream: RawServer;

afterEach(async () => {
  await upstream.stop();
  expect(await stage.close()).toEqual([]);
});

/** Pushes 40 MB to a registry that does this as soon as the first of them come. */
async function push(respond: (socket: Socket) => void) {
  upstream = await startRaw(respond);
  const proxy = await stage.proxy(upstream.url, { RETRY_TIMEOUT: '0' });
  const body = Array.from({ length: 8 }, () => Buffer.alloc(5 * 1024 * 1024, 'a'));
  const reply = await ask(`${proxy.url}/v2/team/app/blobs/uploads/1`, { method: 'PATCH', body });
  await until(() => proxy.logs().length > 0);
  return { reply, line: proxy.logs()[0] };
}

test('a registry that hangs up in the middle of an upload is not taken for a client that leaves', async () => {
  const { reply, line } = await push((socket) => setTimeout(() => socket.destroy(), 50));
  expect([reply.status, reply.text]).toEqual([502, expect.stringContaining('connection refused, or lost')]);
  expect(line.why).not.toContain('client');
});

test('what a registry answers before it has all of an upload reaches the client', async () => {
  const { reply } = await push((socket) => {
    socket.write(`${HEAD}Content-Length: 10\r\n\r\nhello`);
    setTimeout(() => socket.end('world'), 50);
  });
  expect([reply.status, reply.text, reply.ending]).toEqual([413, 'helloworld', 'clean']);
});
