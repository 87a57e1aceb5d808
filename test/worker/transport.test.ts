import { ask } from '../upstream/client';
import { type RawServer, startRaw } from '../upstream/raw';
import { stageFor } from '../upstream/scene';
import { worker } from '../worker-runtime';

const stage = stageFor(worker);
let upstream: RawServer;

afterEach(async () => {
  await upstream.stop();
  expect(await stage.close()).toEqual([]);
});

/** The proxy in front of a registry that answers with exactly this. */
async function answering(text: string) {
  upstream = await startRaw((socket) => socket.end(text));
  const { url } = await stage.proxy(upstream.url, { RETRY_TIMEOUT: '0' });
  return `${url}/v2/team/app/manifests/v1`;
}

test.each(['3, 3', '3, 4', '-3', '99999999999999999999', '0x3'])(
  'an answer with the length %s is none, whatever was asked',
  async (length) => {
    const url = await answering(`HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${length}\r\n\r\n`);
    for (const method of ['HEAD', 'GET']) expect([method, (await ask(url, { method })).status]).toEqual([method, 502]);
  },
);

test('a status without a body is passed on without one', async () => {
  const url = await answering('HTTP/1.1 205 Reset Content\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc');
  const reply = await ask(url);
  expect([reply.status, reply.ending, reply.body.length]).toEqual([205, 'clean', 0]);
});
